"""What is still done when workers are lost: step by step down, by time up again, never in a tight loop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inversion.app.degrade import STEPS, DegradeRule, Health, later, lost

RULE = DegradeRule(losses=3, within_s=60, rest_s=10, rest_cap_s=40, recover_s=100)


def losses(health: Health, *times: float) -> Health:
    for t in times:
        health = lost(RULE, later(RULE, health, t), t)
    return health


def test_losses_that_are_far_apart_change_nothing():
    assert losses(Health(), *range(0, 1000, 61)).name == "full"


def test_three_within_a_minute_are_a_step_down_and_three_more_another():
    assert losses(Health(), 0, 1).name == "full"
    assert losses(Health(), 0, 1, 2).name == "lite"
    assert losses(Health(), 0, 1, 2, 3, 4, 5).name == "acquisition only"


def test_rest_then_lite_then_full():
    health = losses(Health(), 0, 1, 2, 3, 4, 5)
    assert later(RULE, health, 14.9).name == "acquisition only"
    health = later(RULE, health, 15)
    assert health.name == "lite"
    assert later(RULE, health, 114).name == "lite"
    assert later(RULE, health, 115) == Health(0, 115)


def test_every_rest_that_did_not_help_is_twice_as_long_up_to_a_cap():
    health, rests, now = Health(), [], 0.0
    health = losses(health, 0, 1, 2)
    for _ in range(5):
        health = losses(health, now + 1, now + 2, now + 3)
        rests.append(health.rest_s)
        now += 3 + health.rest_s
        health = later(RULE, health, now)
    assert rests == [10, 20, 40, 40, 40]


def test_the_first_loss_costs_no_wait_and_the_next_ones_more_and_more():
    waits = [Health(lost_s=tuple(range(n))).wait_s(1.0, 4.0) for n in range(6)]
    assert waits == [0, 0, 1, 2, 4, 4]


@given(st.lists(st.floats(0.01, 200), max_size=60))
def test_at_most_so_many_losses_between_two_steps(gaps):
    health, now, count = Health(), 0.0, 0
    for gap in gaps:
        now += gap
        health = later(RULE, health, now)
        before, health = health, lost(RULE, health, now)
        count = 0 if health.step != before.step else count + 1
        assert health.name in STEPS
        assert len(health.lost_s) < RULE.losses
