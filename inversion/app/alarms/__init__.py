"""Alarms as operators have them: the desk that keeps their life cycles, requests of people, and the verbs."""

from inversion.app.alarms.desk import AlarmDesk
from inversion.app.alarms.requests import answered, check_request

__all__ = ["AlarmDesk", "answered", "check_request"]
