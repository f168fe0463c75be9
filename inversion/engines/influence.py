"""Which parameter moves which observable, and which of them belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inversion.core import ForwardModel
from inversion.core.tangent import Linked

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def influence(model: ForwardModel, conditions: Array) -> NDArray[np.bool_]:
    """(p, d) whether a parameter moves an observable: as the model says, else tried at points all over the prior."""
    if isinstance(model, Linked):
        return model.links()
    p = len(model.space)
    levels = np.linspace(-2.0, 2.0, 9)
    generator = np.sqrt(np.arange(2, 2 + p)) % 1  # irrational steps: a lattice that spreads over all coordinates
    bases = np.array([((k * generator) % 1) * 4 - 2 for k in range(1, 4)])
    moved = np.repeat(np.repeat(bases[:, None, None], p, axis=1), levels.size, axis=2)
    for i in range(p):
        moved[:, i, :, i] = levels
    prediction = model.simulate(model.space.from_latent(moved), conditions)
    linked: NDArray[np.bool_] = (np.ptp(prediction, axis=2) > 0).any(axis=0)
    return linked


def blocks(linked: NDArray[np.bool_], informative: Index) -> list[tuple[Index, Index]]:
    """(parameters, observables) that belong together, each; parameters that nothing informs are left out.

    linked: (p, d) which parameter moves which observable
    """
    links = linked[:, informative]
    left = [i for i in range(links.shape[0]) if links[i].any()]
    found = []
    while left:
        members = np.arange(links.shape[0]) == left[0]
        while True:
            reached = links[members].any(axis=0)
            grown = links[:, reached].any(axis=1) | members
            if np.array_equal(grown, members):
                break
            members = grown
        found.append((np.flatnonzero(members), informative[reached]))
        left = [i for i in left if not members[i]]
    return found
