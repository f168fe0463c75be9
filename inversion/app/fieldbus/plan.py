"""`inversion plan`: what a site asks of its lines, and whether they can carry it. Connects to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.fieldbus.sources import modbus_sources
from sensors.modbus.budget import Budget, budget
from sensors.modbus.source import ModbusSource


@dataclass(frozen=True)
class LinePlan:
    """All that is asked of one line."""

    line: str
    budgets: tuple[Budget, ...]

    @property
    def share(self) -> float:
        """Of its time that the line is busy when every device keeps its poll rate."""
        return sum(each.share for each in self.budgets)

    @property
    def fits(self) -> bool:
        """Whether the line can carry it."""
        return self.share <= 1


def plan_site(site: Path) -> list[LinePlan]:
    """The plan of each line of a site. Raises ConfigurationError."""
    return plan_lines_of(modbus_sources(site))


def plan_lines_of(sources: Sequence[ModbusSource]) -> list[LinePlan]:
    """The plan of each line that these sources are on."""
    lines: dict[str, list[ModbusSource]] = {}
    for source in sources:
        lines.setdefault(source.settings.shown, []).append(source)
    return [LinePlan(line, tuple(budget(source) for source in on_it)) for line, on_it in lines.items()]


def to_dict(plans: Sequence[LinePlan]) -> list[dict[str, Any]]:
    """As plain data."""
    return [
        {
            "line": plan.line,
            "share": plan.share,
            "fits": plan.fits,
            "devices": [
                {
                    "asset": each.asset,
                    "poll_s": each.poll_s,
                    "bus_s": each.bus_s,
                    "requests": [vars(asked) for asked in each.asked],
                }
                for each in plan.budgets
            ],
        }
        for plan in plans
    ]


def told(plans: Sequence[LinePlan]) -> list[str]:
    """For people."""
    lines = []
    for plan in plans:
        lines.append(f"line {plan.line}: busy {100 * plan.share:.1f} % of the time")
        for each in plan.budgets:
            number = sum(asked.times for asked in each.asked)
            lines.append(
                f"  {each.asset}: {number} requests, {1e3 * each.bus_s:.1f} ms of bus time every {each.poll_s:g} s"
            )
            lines += [
                f"    {asked.times} x {asked.what}: {asked.sent} bytes out, {asked.received} in, "
                f"{1e3 * asked.bus_s:.1f} ms"
                for asked in each.asked
            ]
        if not plan.fits:
            least = min(each.poll_s for each in plan.budgets) * plan.share
            lines.append(
                f"  cannot keep its poll rate: asked for {plan.share:.2f} s of bus time a second, expected at most 1; "
                f"poll every {least:.3g} s, or raise the baud rate"
            )
    return lines
