"""Whether a configured alarm can ever be raised: what would disarm it by mistake is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inversion.app.nearest import did_you_mean
from inversion.app.options import Document, Key
from inversion.core import Parameter

if TYPE_CHECKING:  # the gateway process never loads what inverts: its worker does
    from inversion.alerts import AlertRule, StateRule
    from inversion.tracking import Tracker

#: Ranges a day. Growth is meant over the third part ahead of the time that was followed: 8 hours after a day, and in
#: them a parameter gains its range at most.
MOST_GROWTH = 3.0
#: What a track foretells beyond these days it does not tell from never.
FORESEEN_DAYS = 10_000.0


def check_reach(document: Document, key: Key, rule: AlertRule, parameter: Parameter, tracker: Tracker) -> None:
    """Raises ConfigurationError for growth, or a time ahead, that never comes. rule: limit as people see it."""
    if rule.condition == "value" and not rule.within_days:
        return
    option, end = (
        ("within_days", "nothing is foretold") if rule.within_days else ("condition", "this could never alarm")
    )
    if tracker.growth.get(parameter.name, tracker.growth_per_sqrt_day) == 0:
        raise document.error((*key, option), f"{parameter.name} does not grow, as [tracking] has it, so that {end}")
    if rule.within_days:
        _check_ahead(document, key, rule, parameter)
    else:
        _check_growth(document, key, rule, parameter)


def _check_ahead(document: Document, key: Key, rule: AlertRule, parameter: Parameter) -> None:
    if rule.within_days > FORESEEN_DAYS:
        problem = f"must be at most {FORESEEN_DAYS:g}, what is foretold at all; found {rule.within_days:g}"
        raise document.error((*key, "within_days"), problem)
    if parameter.irreversible and rule.side == "below":
        raise document.error((*key, "within_days"), f"{parameter.name} never falls, so that nothing lies ahead of it")


def _check_growth(document: Document, key: Key, rule: AlertRule, parameter: Parameter) -> None:
    most = MOST_GROWTH * (parameter.to_shown(parameter.high) - parameter.to_shown(parameter.low))
    if not abs(rule.limit) < most:
        problem = f"must lie within {most:g} {parameter.shown} a day, three times the range of {parameter.name}"
        raise document.error((*key, "limit"), f"{problem}, found {rule.limit:g}")
    if parameter.irreversible and not rule.limit > 0:
        problem = f"must be above zero, since {parameter.name} never falls, found {rule.limit:g}"
        raise document.error((*key, "limit"), problem)


def check_occurring(document: Document, states: Sequence[StateRule]) -> None:
    """Raises ConfigurationError for a machine state that never occurs: another one, which stands before it, holds."""
    for i, state in enumerate(states):
        before = [other for other in states[:i] if other.name != state.name and _as_easily(other, state)]
        if before and _covered(_values(state), [_values(other) for other in before]):
            names = " or ".join(repr(name) for name in dict.fromkeys(other.name for other in before))
            problem = f"{state.name!r} never occurs: {names}, which stands before it, holds whenever it would"
            raise document.error(("machine_state", i), problem)


def check_states(document: Document, key: Key, table: dict[str, Any], states: Sequence[StateRule]) -> None:
    """Raises ConfigurationError where an alarm names an unknown machine state, or is watched in none that occurs."""
    from inversion.alerts import RUNNING

    known = [RUNNING, *(state.name for state in states)]
    for option in ("suppressed_in", "only_in"):
        for name in table.get(option, ()):
            if name not in known:
                raise document.error((*key, option), f"no machine state {name!r} ({did_you_mean(name, known)})")
    occurring = set(known) - ({RUNNING} if _always_named(states) else set())
    if occurring <= set(table.get("suppressed_in", ())):
        problem = "holds every machine state" if len(occurring) == len(set(known)) else "holds every state that occurs"
        raise document.error((*key, "suppressed_in"), f"{problem}, so that it could never alarm")
    if table.get("only_in") and not occurring & set(table["only_in"]):
        problem = f"the states before it hold whatever is measured, so that it is never {RUNNING!r}, and never alarms"
        raise document.error((*key, "only_in"), problem)


def _always_named(states: Sequence[StateRule]) -> bool:
    """Whether some state holds whatever a channel says."""
    everything = (-math.inf, math.inf)
    steady = [state for state in states if state.changing is None]
    return any(
        _covered(everything, [_values(state) for state in steady if state.channel == channel])
        for channel in {state.channel for state in steady}
    )


def _as_easily(other: StateRule, state: StateRule) -> bool:
    """Whether a change of the same channel that is enough for a state is enough for another one."""
    if other.channel != state.channel:
        return False
    return other.changing is None or (state.changing is not None and state.changing >= other.changing)


def _values(state: StateRule) -> tuple[float, float]:
    """From, and up to, which value of its channel a state holds."""
    low = -math.inf if state.at_least is None else state.at_least
    return low, math.inf if state.below is None else state.below


def _covered(wanted: tuple[float, float], parts: Sequence[tuple[float, float]]) -> bool:
    """Whether the parts together hold every value from wanted[0] up to wanted[1]."""
    reached, end = wanted
    for low, high in sorted(parts):
        if low > reached:
            return False
        reached = max(reached, high)
        if reached >= end:
            return True
    return False
