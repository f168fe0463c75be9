"""`inversion read`: one poll of each device of a site, as people read it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app.fieldbus.sources import modbus_sources
from sensors import SensorError
from sensors.modbus.poller import Poller
from sensors.modbus.port import unit_port
from sensors.modbus.source import ModbusSource
from sensors.profile import Register
from sensors.reading import Reading
from sensors.units import from_si


@dataclass(frozen=True)
class Answer:
    """What one device said. problem: why it said nothing."""

    asset: str
    line: str
    readings: Mapping[str, Reading]
    texts: Mapping[str, str]
    registers: Sequence[Register]
    problem: str = ""


async def read_site(site: Path, asset: str = "") -> list[Answer]:
    """One poll of each Modbus device, all lines at once. Raises ConfigurationError."""
    return list(await asyncio.gather(*(read_source(source) for source in modbus_sources(site, asset))))


async def read_source(source: ModbusSource) -> Answer:
    """One poll of one device, without its waveforms."""
    registers = source.loaded_profile.registers
    line = f"{source.settings.shown} unit {source.unit_id}"
    try:
        async with unit_port(source.settings, source.unit_id, source.timeout_s) as port:
            poller = Poller(port, source.loaded_profile, source.memory, port.cost())
            texts = await poller.texts()
            return Answer(source.asset, line, await poller.poll(), texts, registers)
    except SensorError as problem:
        return Answer(source.asset, line, {}, {}, registers, str(problem))


def shown(register: Register, reading: Reading) -> str:
    """A reading in the unit of its register, with its meaning and doubts: `21 degC`."""
    value = from_si(reading.value, register.unit)
    unit = "" if register.unit == "1" else f" {register.unit}"
    meaning = register.checks.meaning((value - register.offset) / register.scale)
    said = f"{value:.6g}{unit}" + (f" ({meaning})" if meaning else "")
    return f"{said}  {reading.quality.name}: {reading.reason}" if reading.reason else said


def told(answers: Sequence[Answer]) -> list[str]:
    """For people."""
    lines = []
    for answer in answers:
        lines.append(f"{answer.asset} ({answer.line})")
        if answer.problem:
            lines.append(f"  no answer: {answer.problem}")
            continue
        lines += [f"  {name}: {text!r}" for name, text in answer.texts.items()]
        width = max((len(register.name) for register in answer.registers), default=0)
        lines += [
            f"  {register.name:{width}}  {register.place:20}  {shown(register, answer.readings[register.name])}"
            for register in answer.registers
        ]
    return lines


def to_dict(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """As plain data, in SI."""
    return [
        {
            "asset": answer.asset,
            "line": answer.line,
            "problem": answer.problem,
            "texts": dict(answer.texts),
            "readings": {
                name: {"value": reading.value, "quality": reading.quality.name, "reason": reading.reason}
                for name, reading in answer.readings.items()
            },
        }
        for answer in answers
    ]
