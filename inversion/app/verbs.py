"""The verbs of the command line. Each loads what it needs when it is called, so that `--help` is quick."""

from __future__ import annotations

import asyncio
import json
import logging
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from inversion.app.stop import Stop
from inversion.app.terminal import complaints as _complaints
from inversion.app.terminal import log_to_stderr as _log_to_stderr
from inversion.app.terminal import show as _print

app = typer.Typer(
    help="Infers what no sensor can measure, with an interval that can be trusted, or says: not resolvable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SiteArgument = Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Format(StrEnum):
    """File formats of `batch`."""

    jsonl = "jsonl"
    parquet = "parquet"
    csv = "csv"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"inversion {version('edge-inversion')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of no verb."""


@app.command(epilog="Example: inversion demo --seed 7")
def demo(
    context: typer.Context,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated machine.")] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On loopback; 0 for any free one.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """A simulated machine wears out behind Modbus TCP; a gateway watches it and raises the alarm, within a minute."""
    with _complaints():
        from inversion.app.demo import run_demo

        _log_to_stderr(logging.WARNING)
        stop: Stop = context.obj

        async def run() -> Any:
            return await run_demo(stop.event(), seed=seed, port=port, show=not as_json)

        result = asyncio.run(run())
        _print(json.dumps(result.to_dict()) if as_json else "\n".join(result.lines()))
        raise typer.Exit(result.exit_code)


@app.command(epilog="Example: inversion run configs/cwru_replay.toml")
def run(context: typer.Context, site: SiteArgument) -> None:
    """The gateway: sources, worker, journal, alarms, sinks, until the data end or SIGTERM."""
    from inversion.app.start import run_command

    raise typer.Exit(run_command(site, context.obj))


@app.command(epilog="Example: inversion batch configs/cwru.toml ../shared/data/cwru/*.mat --out results/")
def batch(
    site: SiteArgument,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings; by default those that the site names.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results"),
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="Beside JSON Lines; may be repeated.")
    ] = None,
    report: Annotated[bool, typer.Option(help="Whether to write the HTML report.")] = True,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")] = None,
    cpu: Annotated[str | None, typer.Option(help="Limit of all processes, share of one core, such as 50%.")] = None,
    memory: Annotated[str | None, typer.Option(help="Limit of all processes, such as 512MiB.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Inverts recordings: findings, summary and report in one folder."""
    with _complaints():
        if cpu is not None or memory is not None:
            from inversion.app.limits.command import run_limited

            raise typer.Exit(run_limited(cpu, memory))
        from inversion.app.batch import run_batch

        chosen = [one.value for one in formats or [Format.jsonl]]
        result = run_batch(site, files or [], out, formats=chosen, report=report, workers=workers)
        _print(json.dumps(result.summary) if as_json else "\n".join(str(path) for path in result.outputs))
        raise typer.Exit(result.exit_code)


@app.command(epilog="Example: inversion calibrate configs/calibration/dropbear.toml truth.csv --out var/dropbear.npz")
def calibrate(
    site: SiteArgument,
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH.csv", help="Recordings, windows, groups and known parameters.")
    ],
    out: Annotated[Path, typer.Option(help="The model to write, .npz.")],
    page: Annotated[bool, typer.Option(help="Whether to write an HTML page beside it.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Fits an empirical model to labelled recordings of your own machine."""
    with _complaints():
        from inversion.app.calibrate import run_calibration

        result = run_calibration(site, truth, out, page=page)
        _print(json.dumps(result.to_dict()) if as_json else "\n".join(result.lines()))


@app.command(epilog="Example: inversion balance configs/balancing/fan.toml --html fan.html")
def balance(
    case: Annotated[Path, typer.Argument(metavar="CASE.toml", help="Readings of a job: docs/guides/balancing.md.")],
    html: Annotated[Path | None, typer.Option(help="Writes a page with polar plots.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Correction masses of a rotor with intervals, the vibration that will remain, and the balance grade."""
    with _complaints():
        from inversion.app.balance import run_balance

        result = run_balance(case, html)
        _print(json.dumps(result.to_dict(), ensure_ascii=False) if as_json else "\n".join(result.lines()))


@app.command(epilog="Example: inversion unfold configs/linear/heat_flux.toml")
def unfold(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="A linear case, a TOML file.")],
    level: Annotated[float, typer.Option(min=0.01, max=0.999, help="Probability of the intervals.")] = 0.9,
    html: Annotated[Path | None, typer.Option(help="A page with estimates, resolution and L-curve to write.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Parameters from readings by a sensitivity matrix: intervals, resolution, and how much was regularized."""
    with _complaints():
        from inversion.app.unfold import lines, load_case, unfold

        result = unfold(load_case(case), level)
        if html:
            from inversion.app.unfold_page import write_page

            write_page(html, result)
        _print(json.dumps(result, ensure_ascii=False) if as_json else "\n".join(lines(result)))


@app.command(epilog="Example: inversion validate configs/cwru.toml truth.csv --out var/validation")
def validate(
    site: SiteArgument,
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH.csv", help="Recordings with known parameters: docs/guides/validation.md.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of validation.json and validation.html.")] = Path("validation"),
    columns: Annotated[
        list[str] | None,
        typer.Option("--truth-column", metavar="OURS=THEIRS", help="What the table calls a column; may be repeated."),
    ] = None,
    leave_group_out: Annotated[
        bool,
        typer.Option("--leave-group-out", help="Fit the site's model again without each group, to judge it there."),
    ] = False,
    page: Annotated[bool, typer.Option(help="Whether to write the HTML page.")] = True,
    as_json: JsonOption = False,
) -> None:
    """How good the answers are where the truth is known: error, coverage, width, right and wrong places."""
    with _complaints():
        from inversion.app.validate import validate_to

        result, told = validate_to(site, truth, out, columns or [], leave_out=leave_group_out, page=page)
        _print(json.dumps(result, ensure_ascii=False) if as_json else "\n".join(told))


@app.command(epilog="Example: inversion check configs/cwru.toml")
def check(site: SiteArgument, as_json: JsonOption = False) -> None:
    """Builds everything of a site, connects to nothing, and says what it would do."""
    with _complaints():
        from inversion.app.check import plan, plan_lines

        planned = plan(site)
        _print(json.dumps(planned, ensure_ascii=False) if as_json else "\n".join(plan_lines(planned)))


@app.command(epilog="Example: inversion bearings 6205")
def bearings(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="Part of a designation, maker or source; without it, all.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Rolling bearings known by designation: numbers, fault orders, conflicts with shaft orders, source."""
    with _complaints():
        from inversion.app.listed_bearings import bearing_lines, bearings_matching

        found = bearings_matching(text)
        _print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(bearing_lines(found)))


@app.command(epilog="Example: inversion plugins --json")
def plugins(as_json: JsonOption = False) -> None:
    """Every installed source, reader, forward model, engine and sink, with its options, and the shipped networks."""
    with _complaints():
        from dataclasses import asdict

        from inversion.app.networks import network_listings
        from inversion.app.plugins import listing_lines, listings

        found = [*listings(), *network_listings()]
        _print(json.dumps([asdict(one) for one in found]) if as_json else "\n".join(listing_lines(found)))
