"""A network of a model that knows nothing of drawing: its recipe states noise and conditions, and is held to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spring import Spring

pytest.importorskip("torch", reason="needs the extra `train`")

from inversion.app.train import _DENSE
from inversion.core import Features
from inversion.engines.network import Network
from inversion.store.card import read_card
from inversion.training.dense import material, stages
from inversion.training.dense.export import export
from inversion.training.network.recipe import Compress, Fit, Named, Recipe, Solver
from sensors import Quality

SPRING = Spring(least=0.0)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spring")
    data = replace(_DENSE["data"], windows=3000, deviations=(0.3, 0.5), conditions=((-20.0, 40.0),))
    fit = Fit(channels=16, blocks=2, hidden=12, epochs=15, patience=15, batch=128, rate=1e-2)
    parts = {"compress": Compress(epochs=2, rounding_epochs=1), "solver": Solver(loss="gaussian")}
    recipe = Recipe(Named("spring", kind="dense"), data, fit, fit, judge=_DENSE["judge"], forward="spring", **parts)
    work = material.Work(recipe, SPRING, folder, lambda *_: None)
    given = material.material(work)
    stages.teach(work, given)
    stages.study(work, given)
    stages.compress(work, given)
    export(work, given, folder / "spring_v1", lambda: 0.0, lambda _: 50.0)
    return folder / "spring_v1"


def seen(std):
    """Fifty springs at 10 degrees, in noise of the deviations that are stated."""
    rng = np.random.default_rng(4)
    theta = np.stack([rng.uniform(4, 8, 50), rng.random(50)], axis=1)
    at = np.full((50, 1), 10.0)
    values = SPRING.simulate(theta, at) + rng.normal(size=(50, 2)) * [0.3, 0.5]
    quality = (Quality.GOOD,) * 50
    given = Features(values, np.tile(std, (50, 1)), np.full((50, 2), -np.inf), at, quality, ("",) * 50)
    return given, theta[:, 0]


def test_it_answers_what_is_no_nuisance(network):
    given, truth = seen([0.3, 0.5])
    answers = Network(network).bind(SPRING).invert(given)
    ends = np.array([each.interval("force") for each in answers])
    assert np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) > 0.75
    assert np.mean([each.resolvable("force") for each in answers]) > 0.9
    assert not any(each.resolvable("slack") for each in answers)
    assert {row.parameter for row in read_card(network / "card.toml").metric} == {"force", "force, features that agree"}


def test_a_model_that_observes_with_other_noise_than_was_stated_gets_no_answer(network):
    """It would be answered by another balance of the readings."""
    given, _ = seen([0.03, 0.05])
    answers = Network(network).bind(SPRING).invert(given)
    assert np.mean([each.fit.quality is Quality.BAD for each in answers]) > 0.9
    assert not any(each.fit.quality is Quality.GOOD for each in answers)
