"""Law: another shape than the recipe's is chosen where it is better by more than chance, and only there."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `train`")

from inversion.training.network.recipe import Search
from inversion.training.network.search import Trial, in_order

OWN, OTHER = (40, 3, 5), (48, 2, 7)
MACHINES = np.repeat(np.arange(400), 2)


def judged(shape, scores):
    return Trial(*shape, "full", float(scores.mean()), 500_000, 80.0, 50_000), scores


def front(gain, scatter):
    rng = np.random.default_rng(7)
    ours = rng.gamma(2.0, 3.0, MACHINES.size)
    theirs = ours * (1 - gain) + scatter * rng.standard_normal(MACHINES.size)
    return in_order([judged(OWN, ours), judged(OTHER, theirs)], OWN, MACHINES, Search(), 1)


def test_a_shape_that_is_better_on_every_machine_is_chosen():
    assert front(gain=0.05, scatter=0.0)[0].shape == OTHER


def test_the_recipe_s_shape_stays_where_another_is_better_by_chance():
    chosen, *others = front(gain=0.01, scatter=6.0)
    assert chosen.shape == OWN
    assert [each.shape for each in others] == [OTHER]
    assert others[0].score < chosen.score  # so the scores alone would have chosen it


def test_without_a_trial_of_its_shape_the_cheapest_is_chosen():
    scores = np.ones(MACHINES.size)
    assert in_order([judged(OTHER, scores)], OWN, MACHINES, Search(), 1)[0].shape == OTHER
