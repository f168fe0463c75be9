"""Combs: a planted one is found with its slip, what is blanked does not count, decoys are where nothing can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.physics.bearing import fault_orders, ftf
from inversion.physics.machine_draws import draw_geometry
from inversion.signal import comb

BIN = 0.02  # orders
SIZE = 3000
NOTHING = np.zeros(SIZE, dtype=bool)
orders_between = st.floats(2.0, 9.0)
slips = st.sampled_from([float(slip) for slip in comb.SLIPS])


def planted(order: float, height: float = 1.0, harmonics: int = comb.HARMONICS) -> np.ndarray:
    evidence = np.zeros(SIZE, dtype=np.float32)
    lines = np.arange(1, harmonics + 1) * order
    evidence[np.rint(lines / BIN).astype(int)] = height
    return evidence


def search(evidence: np.ndarray, blanked: np.ndarray, *orders: float) -> comb.Combs:
    places = comb.places(comb.lines(np.array(orders)), BIN)
    return comb.search(comb.marks(evidence, blanked), places, comb.TARGET_LINES)


@given(orders_between, slips)
def test_a_comb_is_found_with_its_slip(order, slip):
    found = search(planted(order * (1 + slip)), NOTHING, order)
    assert found.score[0] == pytest.approx(1.0)
    assert found.slip[0] == pytest.approx(slip, abs=1.5 * BIN / order / comb.HARMONICS + 0.001)


@given(orders_between)
def test_the_score_is_the_mean_over_the_lines(order):
    assert search(planted(order, 3.0), NOTHING, order).score[0] == pytest.approx(3.0)
    half = search(planted(order, 3.0, harmonics=3), NOTHING, order).score[0]
    assert half == pytest.approx(1.5)


@given(orders_between)
def test_candidates_are_scored_each_by_itself(order):
    together = search(planted(order), NOTHING, order, 1.37 * order)
    assert together.score[0] == search(planted(order), NOTHING, order).score[0]
    assert together.score[1] == search(planted(order), NOTHING, 1.37 * order).score[0]
    assert together.score[0] > together.score[1]


def test_blanked_lines_do_not_count():
    evidence = np.full(SIZE, 0.5, dtype=np.float32)
    blanked = comb.integer_orders(SIZE, BIN)
    evidence[blanked] = 1000.0
    evidence[np.roll(blanked, 1) | np.roll(blanked, -1)] = 0.5
    assert search(evidence, blanked, 3.4, 3.0, 4.7).score.max() == pytest.approx(0.5)


def test_few_lines_count_as_if_there_were_more_and_two_say_nothing():
    evidence = np.ones(SIZE, dtype=np.float32)
    assert search(evidence, ~NOTHING, 3.5).score[0] == -np.inf
    candidates = comb.places(comb.lines(SIZE * BIN / np.array([2.5, 3.5, 4.5, 5.5])), BIN)
    marks = comb.marks(evidence, NOTHING)
    scores = comb.search(marks, candidates, expected_lines=5).score
    assert scores == pytest.approx([-np.inf, 3 / 5, 4 / 5, 1.0])
    assert comb.highest(marks, candidates, expected_lines=5).tolist() == scores.tolist()


def test_the_search_changes_nothing():
    evidence, blanked = planted(3.5), comb.integer_orders(SIZE, BIN)
    before = evidence.copy(), blanked.copy()
    search(evidence, blanked, 3.5)
    np.testing.assert_array_equal(evidence, before[0])
    np.testing.assert_array_equal(blanked, before[1])


def test_whole_orders_are_blanked_and_little_else():
    mask = comb.integer_orders(SIZE, BIN)
    order = np.arange(SIZE) * BIN
    assert mask[np.rint(np.arange(0, 59) / BIN).astype(int)].all()
    assert not mask[np.abs(order - np.round(order)) > 0.05].any()


def test_a_family_has_all_harmonics_and_their_sidebands():
    mask = comb.family(SIZE, BIN, 3.58, (-1.0, 1.0))
    order = np.arange(SIZE) * BIN
    for k in (1, 7, 16):
        for sideband in (-1.0, 0.0, 1.0):
            assert mask[round((3.58 * k + sideband) / BIN)]
    harmonics = 3.58 * np.arange(1, 18)
    centers = np.add.outer([-1.0, 0.0, 1.0], harmonics).ravel()
    beside = 3 * BIN + 0.02 * np.tile(harmonics, 3)  # slip smears what is high
    away = np.all(np.abs(order[:, None] - centers) > beside, axis=1)
    assert away.sum() > 500
    assert not mask[away].any()


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_decoys_are_where_no_fault_can_be(seed):
    geometry = draw_geometry(np.random.default_rng(seed))
    targets, cage = np.array(list(fault_orders(geometry).values())), ftf(geometry)
    decoys = comb.decoy_orders(targets, cage)
    assert 20 <= decoys.size <= 60
    assert np.all(np.diff(decoys) > 0)
    assert np.abs(decoys - np.round(decoys)).min() > 0.03
    for ratio in (0.5, 1.0, 2.0):
        assert np.abs(decoys[:, None] / (targets * ratio) - 1).min() > 2 * comb.SLIPS.max() * (1 - 1e-9)
    for sideband in (1.0, -1.0, cage, -cage):
        assert np.abs(decoys[:, None] / (targets + sideband) - 1).min() > 0.02
    assert decoys.min() >= min(0.6 * targets.min(), 1.1)
    assert decoys.max() <= max(comb.RANGE * targets.max(), 0.6 * targets.min() + 2.0)
