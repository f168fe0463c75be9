"""What a pipeline is made of, before its engine is bound: it can pass from process to process as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from inversion.alerts import AlertRule, QualityRule, StateRule
from inversion.core import Engine, ForwardModel, Inverter
from inversion.pipeline import Pipeline
from inversion.tracking import Tracker


@dataclass(frozen=True)
class PipelineParts:
    """engine_name: under which the site uses it; the rest as in `Pipeline`."""

    model: ForwardModel
    engine: Engine
    engine_name: str
    rules: tuple[AlertRule | QualityRule, ...]
    tracker: Tracker
    states: tuple[StateRule, ...]

    def pipeline(self, inverter: Inverter) -> Pipeline:
        """With the engine bound. Raises ConfigurationError where the tracker does not fit the model."""
        return Pipeline(self.model, inverter, self.engine_name, self.rules, self.tracker, self.states)
