"""`[[alarm]]` and `[[machine_state]]` made into rules; one that could never or always alarm is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inversion.alerts.flood import FloodRule
from inversion.app.alarm_reach import check_occurring, check_reach, check_states
from inversion.app.nearest import did_you_mean
from inversion.app.options import Document, Key, build
from inversion.core import ForwardModel, Parameter

if TYPE_CHECKING:  # the gateway process never loads what inverts: its worker does
    from inversion.alerts import AlertRule, QualityRule, SilenceRule, StateRule
    from inversion.tracking import Tracker

_DAY_S = 86_400.0
_MONTH_H = 744.0
DEGRADED, STOPPED = "inference degraded", "inference stopped"
OWN = {DEGRADED: False, STOPPED: False}  # the gateway's own alarms; they do not latch
_CONDITIONS = ("value", "growth", "quality", "silence")
_Table = dict[str, Any]


@dataclass(frozen=True)
class DeskOptions:
    """`[alarm_desk]`. shelve_most_h: longest that an alarm can be shelved, h; flood: when warnings wait."""

    shelve_most_h: float = 24.0
    flood: FloodRule = field(default_factory=FloodRule)

    def __post_init__(self) -> None:
        if not 0 < self.shelve_most_h <= _MONTH_H:
            raise ValueError(f"shelve_most_h must be positive and at most {_MONTH_H:g} h, got {self.shelve_most_h} h")


def machine_states(document: Document, tables: Sequence[_Table]) -> tuple[StateRule, ...]:
    """How the state of a machine is told. Raises ConfigurationError."""
    from inversion.alerts import StateRule

    states = tuple(build(document, ("machine_state", i), table, StateRule) for i, table in enumerate(tables))
    check_occurring(document, states)
    return states


def silence_rules(document: Document, tables: Sequence[_Table]) -> tuple[SilenceRule, ...]:
    """The alarms that a clock judges. Raises ConfigurationError."""
    from inversion.alerts import SilenceRule

    chosen = [(i, table) for i, table in enumerate(tables) if table.get("condition") == "silence"]
    return tuple(build(document, ("alarm", i), _without_condition(table), SilenceRule) for i, table in chosen)


def alarm_rules(
    document: Document,
    tables: Sequence[_Table],
    model: ForwardModel,
    states: Sequence[StateRule],
    tracker: Tracker,
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
            rules.append(_rule(document, key, table, model, tracker))
        if table.get("name") in names:
            raise document.error((*key, "name"), f"a second alarm named {table['name']!r}; names must differ")
        if table.get("name") in OWN:
            raise document.error((*key, "name"), f"{table['name']!r} is the gateway's own alarm; give another name")
        names.add(table.get("name", ""))
        check_states(document, key, table, states)
    return tuple(rules)


def _without_condition(table: _Table) -> _Table:
    return {name: value for name, value in table.items() if name != "condition"}


def _rule(document: Document, key: Key, table: _Table, model: ForwardModel, tracker: Tracker) -> AlertRule:
    """A rule whose limit, given in the unit people see, becomes SI."""
    from inversion.alerts import AlertRule

    rule = build(document, key, table, AlertRule)
    parameters = {parameter.name: parameter for parameter in model.space if not parameter.nuisance}
    if rule.parameter not in parameters:
        hint = did_you_mean(rule.parameter, parameters)
        raise document.error((*key, "parameter"), f"no parameter {rule.parameter!r} ({hint})")
    parameter = parameters[rule.parameter]
    check_reach(document, key, rule, parameter, tracker)
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
    if rule.baseline and rule.baseline.least >= high - low:
        problem = f"must be less than the range of {rule.parameter}, {high - low:g} {parameter.shown}"
        told = f"{problem}, found {rule.baseline.least:g}: what is learned would tighten nothing"
        raise document.error((*key, "baseline", "least"), told)
    baseline = rule.baseline and replace(rule.baseline, least=_span(parameter, rule.baseline.least))
    return replace(rule, limit=limit, deadband=_span(parameter, rule.deadband), baseline=baseline)


def _span(parameter: Parameter, shown: float) -> float:
    """A difference of values in the unit people see, in SI."""
    return parameter.from_shown(shown) - parameter.from_shown(0.0)
