"""`inversion plan`: what a site asks of its lines, and whether they can carry it. Connects to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.fieldbus.sources import modbus_sources
from sensors.modbus.budget import Budget, budget
from sensors.modbus.source import ModbusSource


@dataclass(frozen=True)
class LinePlan:
    """All that is asked of one line. on_wires: whether bytes take time that nothing shortens."""

    line: str
    budgets: tuple[Budget, ...]
    on_wires: bool

    @property
    def share(self) -> float:
        """Of its time that the line is busy when every device keeps its poll rate."""
        return sum(each.share for each in self.budgets)

    @property
    def fits(self) -> bool:
        """Whether the line can carry it, as far as is known and supposed."""
        return self.share <= 1

    @property
    def refused(self) -> bool:
        """Whether it cannot, and not only because answers over a network are supposed to take so long."""
        return not self.fits and (self.on_wires or not any(each.supposed for each in self.budgets) or not self.answer_s)

    @property
    def answer_s(self) -> float:
        """How long answers may take for the line to carry it, s; 0 where it cannot even if they take no time."""
        a_second = sum(each.requests / each.poll_s for each in self.budgets)
        waited = sum(each.requests * each.answer_s / each.poll_s for each in self.budgets)
        return max(0.0, (1 - (self.share - waited)) / a_second)


def plan_site(site: Path, answer_s: float | None = None) -> list[LinePlan]:
    """The plan of each line of a site. answer_s: what its devices need to answer, where that is known.

    Raises ConfigurationError.
    """
    sources = modbus_sources(site)
    return plan_lines_of(sources, [answer_s] * len(sources))


def plan_lines_of(sources: Sequence[ModbusSource], answers_s: Sequence[float | None]) -> list[LinePlan]:
    """The plan of each line that these sources are on. answers_s: what each one's device needs, where that is known."""
    lines: dict[str, list[Budget]] = {}
    wires: dict[str, bool] = {}
    for source, answer_s in zip(sources, answers_s, strict=True):
        lines.setdefault(source.settings.shown, []).append(budget(source, answer_s))
        wires[source.settings.shown] = source.settings.on_wires
    return [LinePlan(line, tuple(on_it), wires[line]) for line, on_it in lines.items()]


def to_dict(plans: Sequence[LinePlan]) -> list[dict[str, Any]]:
    """As plain data."""
    return [
        {
            "line": plan.line,
            "share": plan.share,
            "fits": plan.fits,
            "refused": plan.refused,
            "devices": [
                {
                    "asset": each.asset,
                    "poll_s": each.poll_s,
                    "bus_s": each.bus_s,
                    "answer_s": each.answer_s,
                    "supposed": each.supposed,
                    "requests": [vars(asked) for asked in each.asked],
                }
                for each in plan.budgets
            ],
        }
        for plan in plans
    ]


def told(plans: Sequence[LinePlan]) -> list[str]:
    """For people."""
    return [line for plan in plans for line in (*_head(plan), *_asked(plan), *_verdict(plan))]


def _head(plan: LinePlan) -> list[str]:
    return [f"line {plan.line}: busy {100 * plan.share:.1f} % of the time"]


def _asked(plan: LinePlan) -> Iterator[str]:
    for each in plan.budgets:
        yield (
            f"  {each.asset}: {each.requests} requests, {1e3 * each.bus_s:.1f} ms of bus time every {each.poll_s:g} s, "
            f"if it answers within {1e3 * each.answer_s:g} ms" + (" (supposed)" if each.supposed else "")
        )
        for asked in each.asked:
            yield (
                f"    {asked.times} x {asked.what}: {asked.sent} bytes out, {asked.received} in, "
                f"{1e3 * asked.bus_s:.1f} ms"
            )


def _verdict(plan: LinePlan) -> Iterator[str]:
    least = min(each.poll_s for each in plan.budgets) * plan.share
    if plan.refused:
        faster = "raise the baud rate" if plan.on_wires else "ask for less"
        yield (
            f"  cannot keep its poll rate: asked for {plan.share:.2f} s of bus time a second, expected at most 1; "
            f"poll every {least:.3g} s, or {faster}"
        )
    elif not plan.fits:
        yield (
            f"  warning: keeps its poll rate only if answers take at most {1e3 * plan.answer_s:.2g} ms: "
            "`inversion doctor` measures; --answer-ms says what is known"
        )
    for each in plan.budgets:
        if each.lasts_s > each.poll_s:
            yield (
                f"  warning: {each.asset}: a waveform lasts {each.lasts_s:.3g} s, longer than the {each.poll_s:g} s "
                "between polls: a device that samples after the start cannot keep them"
            )
