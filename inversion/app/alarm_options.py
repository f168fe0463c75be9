"""`[[alarm]]` and `[[machine_state]]` made into rules; one that could never or always alarm is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inversion.alerts.flood import FloodRule
from inversion.app.nearest import did_you_mean
from inversion.app.options import Document, Key, build
from inversion.core import ForwardModel, Parameter

if TYPE_CHECKING:  # the gateway process never loads what inverts: its worker does
    from inversion.alerts import AlertRule, QualityRule, SilenceRule, StateRule

_DAY_S = 86_400.0
_CONDITIONS = ("value", "growth", "quality", "silence")
_Table = dict[str, Any]


@dataclass(frozen=True)
class DeskOptions:
    """`[alarm_desk]`. shelve_most_h: longest that an alarm can be shelved, h; flood: when warnings wait."""

    shelve_most_h: float = 24.0
    flood: FloodRule = field(default_factory=FloodRule)

    def __post_init__(self) -> None:
        if not self.shelve_most_h > 0:
            raise ValueError(f"shelve_most_h must be positive, got {self.shelve_most_h} h")


def machine_states(document: Document, tables: Sequence[_Table]) -> tuple[StateRule, ...]:
    """How the state of a machine is told. Raises ConfigurationError."""
    from inversion.alerts import StateRule

    return tuple(build(document, ("machine_state", i), table, StateRule) for i, table in enumerate(tables))


def silence_rules(document: Document, tables: Sequence[_Table]) -> tuple[SilenceRule, ...]:
    """The alarms that a clock judges. Raises ConfigurationError."""
    from inversion.alerts import SilenceRule

    chosen = [(i, table) for i, table in enumerate(tables) if table.get("condition") == "silence"]
    return tuple(build(document, ("alarm", i), _without_condition(table), SilenceRule) for i, table in chosen)


def alarm_rules(
    document: Document, tables: Sequence[_Table], model: ForwardModel, states: Sequence[StateRule]
) -> tuple[AlertRule | QualityRule, ...]:
    """The alarms that findings are judged by, limits in SI. Raises ConfigurationError."""
    from inversion.alerts import QualityRule

    names: set[str] = set()
    rules: list[AlertRule | QualityRule] = []
    for i, table in enumerate(tables):
        key: Key = ("alarm", i)
        condition = table.get("condition", "value")
        if condition not in _CONDITIONS:
            problem = f"must be one of {', '.join(_CONDITIONS)}; found {condition!r}"
            raise document.error((*key, "condition"), problem)
        if condition == "quality":
            rules.append(build(document, key, _without_condition(table), QualityRule))
        elif condition != "silence":
            rules.append(_rule(document, key, table, model))
        if table.get("name") in names:
            raise document.error((*key, "name"), f"a second alarm named {table['name']!r}; names must differ")
        names.add(table.get("name", ""))
        _check_states(document, key, table, states)
    return tuple(rules)


def _without_condition(table: _Table) -> _Table:
    return {name: value for name, value in table.items() if name != "condition"}


def _rule(document: Document, key: Key, table: _Table, model: ForwardModel) -> AlertRule:
    """A rule whose limit, given in the unit people see, becomes SI."""
    from inversion.alerts import AlertRule

    rule = build(document, key, table, AlertRule)
    parameters = {parameter.name: parameter for parameter in model.space if not parameter.nuisance}
    if rule.parameter not in parameters:
        hint = did_you_mean(rule.parameter, parameters)
        raise document.error((*key, "parameter"), f"no parameter {rule.parameter!r} ({hint})")
    parameter = parameters[rule.parameter]
    if rule.condition == "growth":
        return replace(rule, limit=_span(parameter, rule.limit) / _DAY_S)
    limit = parameter.from_shown(rule.limit)
    low, high = parameter.to_shown(parameter.low), parameter.to_shown(parameter.high)
    if not parameter.low < limit < parameter.high:
        problem = f"must lie inside the range of {rule.parameter}, {low:g} to {high:g} {parameter.shown}"
        raise document.error((*key, "limit"), f"{problem}, found {rule.limit:g}")
    safe = rule.limit - low if rule.side == "above" else high - rule.limit
    if rule.deadband >= safe:
        problem = f"must leave room on the safe side of the limit, {safe:g} {parameter.shown}, found {rule.deadband:g}"
        raise document.error((*key, "deadband"), f"{problem}: the alarm would never end")
    baseline = rule.baseline and replace(rule.baseline, least=_span(parameter, rule.baseline.least))
    return replace(rule, limit=limit, deadband=_span(parameter, rule.deadband), baseline=baseline)


def _span(parameter: Parameter, shown: float) -> float:
    """A difference of values in the unit people see, in SI."""
    return parameter.from_shown(shown) - parameter.from_shown(0.0)


def _check_states(document: Document, key: Key, table: _Table, states: Sequence[StateRule]) -> None:
    from inversion.alerts import RUNNING

    known = [RUNNING, *(state.name for state in states)]
    for option in ("suppressed_in", "only_in"):
        for name in table.get(option, ()):
            if name not in known:
                raise document.error((*key, option), f"no machine state {name!r} ({did_you_mean(name, known)})")
    if set(known) <= set(table.get("suppressed_in", ())):
        raise document.error((*key, "suppressed_in"), "holds every machine state, so that it could never alarm")
