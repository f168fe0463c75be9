"""Alarms: on the probability that a limit is passed, on growth, on quality, on silence; and their life cycle."""

from inversion.alerts.advance import advance
from inversion.alerts.ahead import passed_within
from inversion.alerts.baseline import Baseline, Learned
from inversion.alerts.judge import limit_in_force
from inversion.alerts.machine import RUNNING, MachineState, StateRule, follow
from inversion.alerts.quality_rule import QualityRule
from inversion.alerts.rule import SIDES, AlertRule
from inversion.alerts.silence_rule import SilenceRule
from inversion.alerts.state import PHASES, AlertState

__all__ = [
    "PHASES",
    "RUNNING",
    "SIDES",
    "AlertRule",
    "AlertState",
    "Baseline",
    "Learned",
    "MachineState",
    "QualityRule",
    "SilenceRule",
    "StateRule",
    "advance",
    "follow",
    "limit_in_force",
    "passed_within",
]
