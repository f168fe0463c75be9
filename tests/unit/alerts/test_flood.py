"""In a flood warnings wait and alarms do not; it ends by the clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inversion.alerts.flood import Flood, FloodRule, announce, pass_time

SECOND = 1_000_000_000
RULE = FloodRule(begins=3, ends=2, window_s=100)


def play(rule: FloodRule, steps: list[tuple[int, str]]) -> tuple[Flood, list[bool]]:
    flood, told = Flood(), []
    for t, severity in steps:
        flood, one = announce(rule, flood, severity, t * SECOND)
        told.append(one)
    return flood, told


def test_the_third_warning_in_the_window_begins_the_flood_and_waits():
    flood, told = play(RULE, [(0, "warning"), (1, "warning"), (2, "warning"), (3, "alarm"), (4, "warning")])
    assert told == [True, True, False, True, False]
    assert (flood.on, flood.held) == (True, 2)


def test_announcements_that_are_spread_out_are_no_flood():
    assert play(RULE, [(60 * k, "warning") for k in range(20)])[1] == [True] * 20


def test_the_clock_ends_it_and_the_count_begins_anew():
    flood, _ = play(RULE, [(t, "warning") for t in range(5)])
    assert pass_time(RULE, flood, 50 * SECOND) == flood
    assert pass_time(RULE, flood, 104 * SECOND) == Flood((4 * SECOND,))
    assert announce(RULE, flood, "warning", 200 * SECOND)[1]


def test_a_clock_set_back_does_not_prolong_a_flood():
    flood, _ = play(RULE, [(1000 + t, "warning") for t in range(5)])
    assert not pass_time(RULE, flood, 0).on


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["warning", "alarm"])), max_size=40))
def test_an_alarm_is_always_announced(steps):
    _, told = play(RULE, steps)
    assert all(one for one, (_, severity) in zip(told, steps, strict=True) if severity == "alarm")
