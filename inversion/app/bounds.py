"""Numbers of a site that a mistyped unit makes absurd: refused with what is allowed, and why."""

from __future__ import annotations

#: An hour of milliseconds is 3,600,000: no bound on seconds that lets it through is one.
LONGEST_S = 600.0
#: 1 TB.
MOST_MB = 1e6


def check_within(option: str, value: float, low: float, high: float, unit: str, why: str) -> None:
    """Raises ValueError, which begins with the option's name, where a value is not from `low` to `high`."""
    if not low <= value <= high:
        named = f" {unit}" if unit else ""
        raise ValueError(
            f"{option} must lie between {_told(low)} and {_told(high)}{named}, got {_told(value)}{named}: {why}"
        )


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 and value == round(value) else f"{value:g}"
