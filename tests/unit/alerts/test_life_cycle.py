"""The life cycle of ANSI/ISA-18.2: every transition of its diagram, and the laws that hold for any history."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.alerts import lifecycle
from inversion.alerts.lifecycle import STATES, LifeCycle, NotAllowed

HOUR = 3_600_000_000_000


def play(words: str, latching: bool = False) -> list[str]:
    """States after each word: up, down, ack, reset, shelve, unshelve, later, stop, go, out, in."""
    cycle, now, states = LifeCycle(), 0, []
    suppressed = False
    for word in words.split():
        now += 1
        now += 2 * HOUR if word == "later" else 0
        suppressed = {"stop": True, "go": False}.get(word, suppressed)
        cycle = act(cycle, word, now, suppressed, latching)
        states.append(cycle.state)
    return states


def act(cycle: LifeCycle, word: str, now: int, suppressed: bool, latching: bool) -> LifeCycle:
    match word:
        case "up" | "down":
            return lifecycle.sense(cycle, word == "up", suppressed, latching, now)
        case "stop" | "go":
            return lifecycle.sense(cycle, cycle.active, suppressed, latching, now)
        case "shelve":
            return lifecycle.shelve(cycle, now + HOUR, now)
        case "later":
            return lifecycle.expire(cycle, now)
    acts = {
        "ack": lifecycle.acknowledge,
        "reset": lifecycle.reset,
        "unshelve": lifecycle.unshelve,
        "out": lifecycle.take_out,
        "in": lifecycle.put_back,
    }
    return acts[word](cycle, now)


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ("up ack down", ["unacknowledged", "acknowledged", "normal"]),
        ("up down ack", ["unacknowledged", "returned unacknowledged", "normal"]),
        ("up down up", ["unacknowledged", "returned unacknowledged", "unacknowledged"]),
        ("up ack down up", ["unacknowledged", "acknowledged", "normal", "unacknowledged"]),
        ("up shelve later", ["unacknowledged", "shelved", "unacknowledged"]),
        ("up shelve down later", ["unacknowledged", "shelved", "shelved", "normal"]),
        ("shelve up unshelve", ["shelved", "shelved", "unacknowledged"]),
        ("shelve up down later", ["shelved", "shelved", "shelved", "normal"]),
        ("up stop go", ["unacknowledged", "suppressed", "unacknowledged"]),
        ("stop up down go", ["suppressed", "suppressed", "suppressed", "normal"]),
        ("up out in", ["unacknowledged", "out of service", "unacknowledged"]),
        ("out up down in", ["out of service", "out of service", "out of service", "normal"]),
        ("shelve stop later go", ["shelved", "suppressed", "suppressed", "normal"]),
        ("shelve out in unshelve", ["shelved", "out of service", "shelved", "normal"]),
    ],
)
def test_the_diagram(words, states):
    assert play(words) == states


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ("up down ack reset", ["unacknowledged", "latched unacknowledged", "latched acknowledged", "normal"]),
        ("up ack down reset", ["unacknowledged", "acknowledged", "latched acknowledged", "normal"]),
        ("up ack down up", ["unacknowledged", "acknowledged", "latched acknowledged", "unacknowledged"]),
        ("stop up go down", ["suppressed", "suppressed", "unacknowledged", "latched unacknowledged"]),
        ("stop up down go", ["suppressed", "suppressed", "suppressed", "normal"]),
    ],
)
def test_a_latched_alarm_stays_until_it_is_reset(words, states):
    assert play(words, latching=True) == states


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("ack", "nothing to acknowledge: it is normal"),
        ("up ack ack", "nothing to acknowledge: it is acknowledged"),
        ("up shelve ack", "nothing to acknowledge: it is shelved"),
        ("up reset", "only a latched alarm"),
        ("unshelve", "it is not shelved: normal"),
        ("out out", "out of service already"),
        ("in", "it is in service"),
    ],
)
def test_what_the_state_does_not_allow_is_refused(words, says):
    with pytest.raises(NotAllowed, match=says):
        play(words)


def test_shelving_without_an_end_in_the_future_is_refused():
    with pytest.raises(NotAllowed, match="must end in the future"):
        lifecycle.shelve(LifeCycle(), 5, 5)


WORDS = ("up", "down", "ack", "reset", "shelve", "unshelve", "later", "stop", "go", "out", "in")


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.booleans())
def test_laws_of_any_history(words, latching):
    """A condition that begins in sight is always announced; nothing is forgotten in JSON; nothing hidden is shown."""
    cycle, now, suppressed = LifeCycle(), 0, False
    for word in words:
        now += 1 + (2 * HOUR if word == "later" else 0)
        suppressed = {"stop": True, "go": False}.get(word, suppressed)
        before = cycle
        try:
            cycle = act(cycle, word, now, suppressed, latching)
        except NotAllowed:
            continue
        assert cycle.state in STATES
        assert LifeCycle.from_dict(json.loads(json.dumps(cycle.to_dict()))) == cycle
        if word == "up" and not before.active and not cycle.hidden:
            assert cycle.state == "unacknowledged"
        if before.hidden and not cycle.hidden and cycle.active:
            assert cycle.state == "unacknowledged"
        if before.state == "unacknowledged" and not cycle.hidden:
            assert cycle.state in (
                "unacknowledged",
                "acknowledged",
                "returned unacknowledged",
                "latched unacknowledged",
            )
        if latching and before.state == "latched acknowledged" and cycle.state == "normal":
            assert word == "reset"
        assert cycle.since_ns == (before.since_ns if cycle.state == before.state else now)
