"""Alarm floods: more announcements than people can take in. Warnings then wait for a summary; alarms never do.

Source: ANSI/ISA-18.2-2016, clause 16.5: a flood begins at ten announcements in ten minutes and ends below five.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_NS = 1_000_000_000
_MOST = 1000
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class FloodRule:
    """begins: announcements within `window_s` that begin a flood; ends: it ends below so many."""

    begins: int = 10
    ends: int = 5
    window_s: float = 600.0

    def __post_init__(self) -> None:
        if not 2 <= self.begins <= _MOST:
            why = "with 1 no warning would ever be announced, and a flood of more is none"
            raise ValueError(f"begins must lie between 2 and {_MOST} announcements, got {self.begins}: {why}")
        if not 1 <= self.ends <= self.begins:
            raise ValueError(f"ends must lie between 1 and begins ({self.begins}), got {self.ends}")
        if not 1.0 <= self.window_s <= _LONGEST_S:
            problem = f"window_s must lie between 1 and {_LONGEST_S:g} s, got {self.window_s:g} s"
            raise ValueError(f"{problem}: warnings of a flood wait at least so long")


@dataclass(frozen=True)
class Flood:
    """times_ns: of the announcements within the window; held: warnings that were not announced in this flood."""

    times_ns: tuple[int, ...] = ()
    on: bool = False
    held: int = 0


def announce(rule: FloodRule, flood: Flood, severity: str, now_ns: int) -> tuple[Flood, bool]:
    """One more alarm that would be announced: the flood after it, and whether it is announced."""
    after = pass_time(rule, flood, now_ns)
    times = (*after.times_ns, now_ns)[-rule.begins :]
    on = after.on or len(times) >= rule.begins
    told = not (on and severity == "warning")
    return replace(after, times_ns=times, on=on, held=after.held + (not told)), told


def pass_time(rule: FloodRule, flood: Flood, now_ns: int) -> Flood:
    """The flood at a later time; it ends by the clock. A clock set back forgets what lies ahead of it."""
    times = tuple(t for t in flood.times_ns if 0 <= now_ns - t <= rule.window_s * _NS)
    if flood.on and len(times) < rule.ends:
        return Flood(times)
    return flood if times == flood.times_ns else replace(flood, times_ns=times)
