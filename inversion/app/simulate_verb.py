"""`inversion simulate`: a recording of a simulated machine, or Modbus devices that measure it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from inversion.app.fieldbus import line_options as of_line
from inversion.app.stop import Stop
from inversion.app.terminal import complaints, show

EXAMPLE = (
    "Example: inversion simulate --out var/simulated/rec.npz --fault outer --width-mm 3; "
    "inversion simulate --device demo_vibration --line tcp://127.0.0.1:1502 --line-faults silence=0.02,delay=0.05"
)


class Fault(StrEnum):
    """What is damaged."""

    none = "none"
    outer = "outer"
    inner = "inner"
    ball = "ball"


def simulate(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="The recording to write, .npz or .wav; its truth goes beside it.")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="PROFILE", help="Instead: Modbus devices that measure it, until SIGTERM.")
    ] = "",
    line: Annotated[
        str, typer.Option(help="Where they are: tcp://HOST:PORT, tls://…, rtu+tcp://…, rtu:///PATH (a new link), …")
    ] = "tcp://127.0.0.1:1502",
    units: Annotated[str, typer.Option(help="Unit ids that answer, such as 1-3,80.")] = "1",
    line_faults: Annotated[
        str,
        typer.Option(
            metavar="SCRIPT",
            help="How they misbehave: shares of requests (silence=0.05,delay=0.1 or all=0.3), or a TOML file.",
        ),
    ] = "",
    baud: of_line.Baud = 9600,
    ca: of_line.Ca = None,
    certificate: of_line.Certificate = None,
    key: of_line.Key = None,
    fault: Annotated[Fault, typer.Option(help="Which race is spalled.")] = Fault.outer,
    width_mm: Annotated[float, typer.Option(help="Width of the spall.")] = 3.0,
    impact_g: Annotated[float, typer.Option(help="RMS that the fault causes at the sensor.")] = 0.3,
    entry: Annotated[float, typer.Option(help="Strength of an entry relative to its strike.")] = 0.4,
    relief_mm: Annotated[float, typer.Option(help="How far beyond the edge an entry is felt.")] = 0.2,
    noise_g: Annotated[float, typer.Option(help="RMS of the broadband background.")] = 0.1,
    shaft_hz: Annotated[float, typer.Option(help="Speed of the shaft.")] = 29.5,
    sample_rate: Annotated[float, typer.Option(help="Of the sensor, Hz.")] = 51200.0,
    seconds: Annotated[float, typer.Option(help="Length of the recording.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the chance in it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """A simulated machine with a damaged bearing: a recording with the truth beside it, or Modbus devices to try."""
    settings = {
        "race": fault.value,
        "width_mm": width_mm,
        "impact_g": impact_g,
        "entry": entry,
        "relief_mm": relief_mm,
        "noise_g": noise_g,
        "shaft_hz": shaft_hz,
        "sample_rate": sample_rate,
        "seconds": seconds,
        "seed": seed,
    }
    with complaints():
        if bool(device) == (out is not None):
            from inversion.core import ConfigurationError

            raise ConfigurationError("simulate: expected either --out or --device")
        if out is None:
            where = {"address": line, "baud": baud, "ca": ca, "certificate": certificate, "key": key}
            _serve(context.obj, device, where, units, line_faults, settings)
            raise typer.Exit(0)
        from inversion.app.simulate import run_simulation

        truth = run_simulation(out, **settings)
        show(json.dumps(truth) if as_json else f"{out}\n{out.with_suffix('.json')}")


def _serve(
    stop: Stop, device: str, where: Mapping[str, Any], units: str, line_faults: str, settings: Mapping[str, Any]
) -> None:
    """Devices of a profile on a line, until a stop. where: options of the line. Raises ConfigurationError."""
    from inversion.app.fieldbus.probe import parse_units
    from inversion.app.simulate_device import DeviceSettings, run_device
    from inversion.core import ConfigurationError
    from sensors.modbus.settings import LineSettings

    try:
        served = DeviceSettings(device, LineSettings(**where), tuple(parse_units(units)), line_faults)
    except ValueError as problem:
        raise ConfigurationError(f"simulate: {problem}") from problem

    async def serve() -> None:
        await run_device(served, stop.event(), show, **settings)

    asyncio.run(serve())
