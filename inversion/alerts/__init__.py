"""Alarms on the probability that a limit is passed, or soon will be."""

from inversion.alerts.advance import advance
from inversion.alerts.ahead import passed_within
from inversion.alerts.rule import SIDES, AlertRule
from inversion.alerts.state import PHASES, AlertState

__all__ = ["PHASES", "SIDES", "AlertRule", "AlertState", "advance", "passed_within"]
