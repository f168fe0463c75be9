"""The verbs `plan`, `read`, `probe`, `record` and `doctor`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from inversion.app.fieldbus import line_options as of_line
from inversion.app.stop import Stop
from inversion.app.terminal import complaints, show

SiteArgument = Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def plan(
    site: SiteArgument,
    answer_ms: Annotated[
        float | None, typer.Option(min=0.0, help="What devices need to answer; else 2 over a network, 5 on wires.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What a site asks of its Modbus lines: requests, bytes, bus time; refuses what a line cannot carry."""
    with complaints():
        from inversion.app.fieldbus.plan import plan_site, to_dict, told

        plans = plan_site(site, None if answer_ms is None else 1e-3 * answer_ms)
        show(json.dumps(to_dict(plans), ensure_ascii=False) if as_json else "\n".join(told(plans)))
        raise typer.Exit(2 if any(one.refused for one in plans) else 0)


def read(
    site: SiteArgument,
    asset: Annotated[str, typer.Option(help="Only the device of this asset.")] = "",
    as_json: JsonOption = False,
) -> None:
    """One poll of each Modbus device of a site: every register, its place in both notations, its value and doubts."""
    with complaints():
        from inversion.app.fieldbus.read import read_site, to_dict, told

        answers = asyncio.run(read_site(site, asset))
        show(json.dumps(to_dict(answers), ensure_ascii=False) if as_json else "\n".join(told(answers)))
        raise typer.Exit(1 if any(answer.problem for answer in answers) else 0)


def probe(
    line: Annotated[str, typer.Argument(metavar="LINE", help="Such as tcp://HOST:502 or rtu:///dev/ttyUSB0.")],
    units: Annotated[str, typer.Option(help="Unit ids to ask, such as 1-10,80.")] = "1-32",
    register: Annotated[
        str, typer.Option(metavar="NUMBER", help="Shown in all kinds and orders: 40053, or 52 of --table.")
    ] = "",
    table: Annotated[str, typer.Option(help="holding or input, for a NUMBER that does not say it.")] = "holding",
    unit: Annotated[str, typer.Option(help="Unit of the value that is looked for.")] = "1",
    scale: Annotated[float, typer.Option(help="value = raw * scale")] = 1.0,
    low: Annotated[float, typer.Option(help="The value is at least this.")] = float("-inf"),
    high: Annotated[float, typer.Option(help="The value is at most this.")] = float("inf"),
    baud: of_line.Baud = 9600,
    parity: of_line.Parity = "none",
    stop_bits: of_line.StopBits = 1,
    silence_s: of_line.Silence = None,
    turnaround_s: of_line.Turnaround = 0.0,
    ca: of_line.Ca = None,
    certificate: of_line.Certificate = None,
    key: of_line.Key = None,
    server_name: of_line.ServerName = "",
    timeout_s: Annotated[float, typer.Option(help="For each unit.")] = 0.3,
    as_json: JsonOption = False,
) -> None:
    """Finds units on a line, and shows a register in every kind, order and base, judged by what it must be."""
    with complaints():
        from inversion.app.fieldbus.probe import Search, Wanted, found_lines, parse_units, search
        from inversion.core import ConfigurationError
        from sensors.modbus.settings import LineSettings

        try:
            settings = LineSettings(
                line, baud, parity, stop_bits, silence_s, turnaround_s, ca, certificate, key, server_name
            )
            wanted = Search(settings, parse_units(units), register, table, Wanted(unit, scale, low, high), timeout_s)
        except ValueError as problem:
            raise ConfigurationError(str(problem)) from problem
        result = asyncio.run(search(wanted))
        show(json.dumps(result, default=dataclasses.asdict) if as_json else "\n".join(found_lines(wanted, result)))
        raise typer.Exit(0 if result["units"] else 1)


def record(
    context: typer.Context,
    site: SiteArgument,
    out: Annotated[Path, typer.Option(help="Folder of the recording.")],
    frames: Annotated[int | None, typer.Option(min=1, help="Of each source.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="How long.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Records a live site, until so many frames, so many seconds or SIGTERM; replay and batch find what it would."""
    with complaints():
        from inversion.app.fieldbus.record import record_site

        stop: Stop = context.obj

        async def run() -> Any:
            return await record_site(site, out, stop.event(), frames, seconds)

        found = asyncio.run(run())
        if as_json:
            show(json.dumps([dataclasses.asdict(one) for one in found], default=str))
        else:
            for one in found:
                show(f"{one.asset}: {one.frames} frames" + (f"; {one.problem}" if one.problem else ""))
                for path in one.files:
                    show(f"  {path}")
        raise typer.Exit(0 if all(one.frames for one in found) else 1)


def doctor(
    site: SiteArgument,
    polls: Annotated[int, typer.Option(min=1, help="Of each device.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Asks every Modbus device of a site, and says what is wrong with it, its line and its settings."""
    with complaints():
        from inversion.app.fieldbus.doctor import examine_site, told

        found = asyncio.run(examine_site(site, polls))
        plain = [dataclasses.asdict(one) for one in found]
        show(json.dumps(plain, ensure_ascii=False) if as_json else "\n".join(told(found)))
        raise typer.Exit(1 if any(one.problems for one in found) else 0)


#: The verbs, each with the example that its help ends with.
VERBS: tuple[tuple[Callable[..., None], str], ...] = (
    (plan, "Example: inversion plan configs/modbus.toml --answer-ms 3"),
    (read, "Example: inversion read configs/modbus.toml"),
    (probe, "Example: inversion probe rtu:///dev/ttyUSB0 --register 40065 --unit degC --scale 0.01 --low 0 --high 80"),
    (record, "Example: inversion record configs/modbus.toml --out var/recorded --seconds 60"),
    (doctor, "Example: inversion doctor configs/modbus.toml"),
)
