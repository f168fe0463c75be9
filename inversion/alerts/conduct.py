"""What every alarm has beside its condition: how it behaves, and in which states of the machine it is watched."""

from __future__ import annotations

import math
from typing import Protocol

SEVERITIES = ("warning", "alarm")


class Rule(Protocol):
    """A condition with its conduct; `AlertRule`, `QualityRule` and `SilenceRule` are such.

    severity: "warning" (look at it when there is time) or "alarm" (act)
    on_delay_s, off_delay_s: how long the evidence, and the all-clear, must last, s
    max_gap_s: a longer silence between two judgements breaks a running delay, s
    latched: the alarm stays until somebody resets it, even when its condition has gone
    suppressed_in: machine states in which it is not judged; only_in: if any, those in which alone it is
    """

    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def on_delay_s(self) -> float: ...
    @property
    def off_delay_s(self) -> float: ...
    @property
    def max_gap_s(self) -> float: ...
    @property
    def latched(self) -> bool: ...
    @property
    def suppressed_in(self) -> tuple[str, ...]: ...
    @property
    def only_in(self) -> tuple[str, ...]: ...


#: After which an alarm that waits is one that nobody will hear, s.
LONGEST_S = 744 * 3600.0


def check_name(name: str) -> None:
    """Raises ValueError for a name that people could not tell, or that would begin a line of its own."""
    if not name or not name.isprintable() or name != name.strip():
        raise ValueError(f"name must be one line of text without blanks at its ends, got {name!r}")


def check_conduct(rule: Rule) -> None:
    """Raises ValueError for what no alarm can do."""
    check_name(rule.name)
    if rule.severity not in SEVERITIES:
        raise ValueError(f"alarm {rule.name!r}: severity must be 'warning' or 'alarm', got {rule.severity!r}")
    for key in ("on_delay_s", "off_delay_s"):
        if not (getattr(rule, key) >= 0 and math.isfinite(getattr(rule, key))):
            raise ValueError(f"alarm {rule.name!r}: {key} must be zero or more, got {getattr(rule, key)} s")
        if getattr(rule, key) > LONGEST_S:
            raise ValueError(f"alarm {rule.name!r}: {key} must be at most 744 h, got {getattr(rule, key) / 3600:g} h")
    if not rule.max_gap_s > 0:
        raise ValueError(f"alarm {rule.name!r}: max_gap_s must be positive, got {rule.max_gap_s} s")
    if rule.suppressed_in and rule.only_in:
        raise ValueError(f"alarm {rule.name!r}: give suppressed_in or only_in, not both")


def watched(rule: Rule, machine_state: str) -> bool:
    """Whether an alarm is judged while the machine is in this state."""
    return machine_state not in rule.suppressed_in and (not rule.only_in or machine_state in rule.only_in)
