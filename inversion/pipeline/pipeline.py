"""What is done to every frame, live or recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from inversion.alerts import RUNNING, AlertRule, QualityRule, StateRule
from inversion.core import ConfigurationError, ForwardModel, Inverter
from inversion.core.memory import Remembering
from inversion.core.trend import Limit
from inversion.tracking import Tracker


@dataclass(frozen=True)
class Pipeline:
    """A forward model, an inverter bound to it, alert rules and a tracker.

    engine: name of the engine, for findings; states: how the state of the machine is told, the first that holds
    Raises ConfigurationError for a rule that the model can never answer.
    """

    model: ForwardModel
    inverter: Inverter
    engine: str
    rules: tuple[AlertRule | QualityRule, ...]
    tracker: Tracker
    states: tuple[StateRule, ...] = ()

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(f"alarm {name!r}: two alarms have this name, expected different ones")
        for rule in self.rules:
            self._check_states(rule)
            if isinstance(rule, AlertRule):
                self._check(rule)
        shown = self._shown()
        for name in self.tracker.growth:
            if name not in self.model.space.names:
                raise ConfigurationError(f"tracking.growth.{name}: no such parameter, there are: {', '.join(shown)}")

    @cached_property
    def remembering(self) -> Remembering | None:
        """The model, where it remembers the windows of an asset; to ask takes as long as to judge three alarms."""
        return self.model if isinstance(self.model, Remembering) and self.model.remembers else None

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Of the rules: what a track is asked the time to."""
        asked = [rule for rule in self.rules if isinstance(rule, AlertRule) and rule.condition != "growth"]
        return tuple(Limit(rule.name, rule.parameter, rule.limit, rule.side) for rule in asked)

    def _check_states(self, rule: AlertRule | QualityRule) -> None:
        known = [RUNNING, *(state.name for state in self.states)]
        for name in (*rule.suppressed_in, *rule.only_in):
            if name not in known:
                raise ConfigurationError(
                    f"alarm {rule.name!r}: no machine state {name!r}, there are: {', '.join(known)}"
                )
        if set(known) <= set(rule.suppressed_in):
            raise ConfigurationError(f"alarm {rule.name!r}: suppressed in every machine state, it could never alarm")

    def _check(self, rule: AlertRule) -> None:
        shown = self._shown()
        if rule.parameter not in shown:
            raise ConfigurationError(
                f"alarm {rule.name!r}: no parameter {rule.parameter!r}, there are: {', '.join(shown)}"
            )
        if rule.condition == "growth":
            return
        parameter = self.model.space[rule.parameter]
        if not parameter.low < rule.limit < parameter.high:
            limit, low, high = (parameter.to_shown(x) for x in (rule.limit, parameter.low, parameter.high))
            raise ConfigurationError(
                f"alarm {rule.name!r}: limit {limit:g} {parameter.shown} lies outside the range of "
                f"{rule.parameter!r}, expected between {low:g} and {high:g} {parameter.shown}"
            )

    def _shown(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.model.space if not parameter.nuisance)
