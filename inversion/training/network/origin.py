"""Where a network comes from, for its card."""

from __future__ import annotations

from inversion.core import ForwardModel
from inversion.core.encoding import ENCODING
from inversion.store.card import Origin, fingerprint
from inversion.training.network.graph import OPSET
from inversion.training.network.recipe import Recipe


def origin_of(recipe: Recipe, key: str, model: ForwardModel, inputs: int, latent: int) -> Origin:
    """key: of what was asked for; inputs: numbers of an encoded window; latent: numbers that its misfit is told by."""
    options = recipe.network
    return Origin(
        name=options.name,
        version=options.version,
        model=recipe.forward,
        fingerprint=fingerprint(model, ENCODING),
        encoding=ENCODING,
        inputs=inputs,
        latent=latent,
        levels=options.levels,
        opset=OPSET,
        recipe=key,
        seed=options.seed,
        training_data=options.training_data,
        license=options.license,
        failures=options.failures,
    )
