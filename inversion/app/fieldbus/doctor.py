"""`inversion doctor`: what is wrong with the devices, lines and settings of a site, found out by asking them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inversion.app.acquisition import lessons_of
from inversion.app.configuration import load_site
from inversion.app.fieldbus.plan import plan_lines_of
from inversion.app.fieldbus.read import shown
from inversion.app.fieldbus.sources import modbus_sources
from inversion.app.journal import read_journal
from sensors import Quality, SensorError, SourceUnavailable
from sensors.modbus.lines import shared_line
from sensors.modbus.poller import Poller
from sensors.modbus.port import UnitPort
from sensors.modbus.source import ModbusSource
from sensors.profile import Register
from sensors.registers import ORDERS, Words

_GOOD = frozenset({"requests", "replies", "connections", "exceptions"})


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one device. problems: what somebody should do something about; facts: the rest.

    answer_s: what it was measured to need to answer, s; None where it did not
    """

    asset: str
    place: str
    problems: tuple[str, ...]
    facts: tuple[str, ...]
    answer_s: float | None = None


async def examine_site(site: Path, polls: int = 5) -> list[Diagnosis]:
    """Every Modbus device of a site, all lines at once. Raises ConfigurationError."""
    sources = modbus_sources(site)
    journalled = _journalled(load_site(site).journal)
    for source in sources:
        source.recall(lessons_of(source.asset, journalled))
    found = await asyncio.gather(*(examine(source, polls) for source in sources))
    overloaded = [
        Diagnosis(plan.line, "line", (f"asked for {100 * plan.share:.0f} % of its time: see `inversion plan`",), ())
        for plan in plan_lines_of(sources, [one.answer_s for one in found])
        if plan.refused
    ]
    return [*overloaded, *found]


def _journalled(path: Path) -> list[tuple[str, str]]:
    """Kind and text of the events that the gateway journalled; none where there is no journal yet."""
    if not path.exists():
        return []
    with read_journal(path) as journal:
        return [(event.kind, event.text) for event in journal.events()]


async def examine(source: ModbusSource, polls: int) -> Diagnosis:
    """One device."""
    place = f"{source.settings.shown} unit {source.unit_id}"
    problems: list[str] = []
    facts: list[str] = []
    answer_s = None
    try:
        async with shared_line(source.settings) as line:
            port = UnitPort(line, source.unit_id, source.timeout_s)
            poller = Poller(port, source.loaded_profile, source.memory, port.cost())
            facts += [f"{name}: {text!r}" for name, text in (await poller.texts()).items()]
            lost = 0
            for _ in range(polls):
                try:
                    readings = await poller.poll()
                except SourceUnavailable as problem:
                    lost += 1
                    problems += [str(problem)] if lost == 1 else []
            if lost:
                problems.append(f"{lost} of {polls} polls had no answer{_advice(source, line.counts['connections'])}")
            if lost < polls:
                for register in source.loaded_profile.registers:
                    reading = readings[register.name]
                    if reading.quality is not Quality.GOOD:
                        words = await port.read(register.table, register.address, register.encoding.width)
                        problems.append(f"{register.name}: {shown(register, reading)}{_other_orders(register, words)}")
                answer_s = line.answer_s(source.unit_id)
                measured = "" if answer_s is None else f", answered in {1e3 * answer_s:.2g} ms each, by measurement"
                facts.append(f"{len(poller.reads)} request{'s' * (len(poller.reads) != 1)} a poll{measured}")
            facts += [f"learned: {lesson}" for lesson in source.lessons]
            counted = {kind: number for kind, number in line.counts.items() if kind not in _GOOD and number}
            if counted:
                facts.append("on the line: " + ", ".join(f"{number} {kind}" for kind, number in counted.items()))
    except SensorError as problem:
        problems.append(f"{problem}{_advice(source, 0)}")
    return Diagnosis(source.asset, place, tuple(problems), tuple(facts), answer_s)


def _advice(source: ModbusSource, connections: int) -> str:
    if source.settings.is_serial:
        return "; check unit id, baud rate, parity, and A and B: `inversion probe` finds units"
    if connections:
        return "; the connection works, so check the unit id, and whether the device behind a gateway is there"
    return "; check host, port, cable and firewall"


def _other_orders(register: Register, words: Words) -> str:
    """Orders in which the same registers would hold a plausible value."""
    if not register.plausible:
        return ""
    fitting = []
    for order in ORDERS:
        other = replace(register, order=order)
        reading = other.read(words)
        if order != register.order and reading.quality is Quality.GOOD:
            fitting.append(f"order {order} it would be {shown(other, reading)}")
    return f"; in {', in '.join(fitting)}" if fitting else ""


def told(found: Sequence[Diagnosis]) -> list[str]:
    """For people."""
    lines = []
    for one in found:
        number = len(one.problems)
        verdict = "good" if not number else "1 problem" if number == 1 else f"{number} problems"
        lines.append(f"{one.asset} ({one.place}): {verdict}")
        lines += [f"  problem: {problem}" for problem in one.problems]
        lines += [f"  {fact}" for fact in one.facts]
    return lines
