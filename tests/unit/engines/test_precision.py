"""Precision falls at the first need and rises after a long calm, never up and down at the limit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.engines.precision import PrecisionRule, PrecisionState, Strain, advance

RULE = PrecisionRule(budget_s=0.02, calm_windows=10, longest_calm=80)
FRESH = PrecisionState()
CALM, BETWEEN, LATE = Strain(0.005), Strain(0.015), Strain(0.03)


def steps(strains, state=FRESH, rule=RULE):
    taken = []
    for strain in strains:
        state = advance(rule, state, strain)
        taken.append(state.step)
    return taken, state


@pytest.mark.parametrize("need", [LATE, Strain(0.001, throttled=True), Strain(0.001, waiting=0.6)])
def test_any_sign_of_need_steps_down_at_once(need):
    assert advance(RULE, PrecisionState(), need).step == 1


def test_it_rises_after_so_many_calm_windows_in_a_row():
    taken, _ = steps([LATE, *[CALM] * 9, BETWEEN, *[CALM] * 10])
    assert taken == [1] * 20 + [0]


def test_between_calm_and_need_nothing_changes():
    for step in (0, 1):
        taken, _ = steps([BETWEEN] * 200, PrecisionState(step, asked=10))
        assert set(taken) == {step}


def test_a_rise_that_did_not_last_doubles_the_calm_asked_for():
    state, lengths = PrecisionState(), []
    for _ in range(6):
        state = advance(RULE, state, LATE)
        windows = 0
        while state.step:
            state, windows = advance(RULE, state, CALM), windows + 1
        lengths.append(windows)
    assert lengths == [10, 20, 40, 80, 80, 80]
    lasted, _ = steps([BETWEEN] * 200, state)
    assert set(lasted) == {0}
    again = advance(RULE, steps([BETWEEN] * 200, state)[1], LATE)
    assert again.asked == 10


@given(st.lists(st.builds(Strain, st.floats(0, 0.1), st.booleans(), st.floats(0, 1)), max_size=300))
def test_it_stays_among_its_steps_and_never_rises_twice_within_the_calm(strains):
    taken, state = steps(strains)
    assert set(taken) <= {0, 1}
    rises = [k for k in range(1, len(taken)) if taken[k] < taken[k - 1]]
    assert all(b - a > RULE.calm_windows for a, b in pairwise(rises))
    assert state.asked <= RULE.longest_calm


@pytest.mark.parametrize(
    "wrong", [{"budget_s": 0.0}, {"budget_s": 1.0, "calm": 1.0}, {"budget_s": 1.0, "calm_windows": 0}]
)
def test_a_rule_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must"):
        PrecisionRule(**wrong)
