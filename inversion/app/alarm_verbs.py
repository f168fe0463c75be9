"""`inversion alarms ...`: what stands, what was, and what operators do about it; while the gateway runs, or without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from inversion.app.terminal import complaints, show

app = typer.Typer(
    help="Alarms of a site: list, history, acknowledge, shelve.", no_args_is_help=True, rich_markup_mode=None
)

Site = Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")]
Asset = Annotated[str, typer.Argument(metavar="ASSET", help="As findings name it.")]
Alarm = Annotated[str, typer.Argument(metavar="ALARM", help="As the configuration names it.")]
By = Annotated[str, typer.Option(help="Who does it; by default the name of the user.")]
Comment = Annotated[str, typer.Option(help="Why; kept in the history.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list", epilog="Example: inversion alarms list configs/fan.toml")
def list_(
    site: Site,
    every: Annotated[bool, typer.Option("--all", help="Normal ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The alarms that are not normal, those that wait for somebody first."""
    with complaints():
        from inversion.app.alarms.office import listed, listed_lines

        found = listed(site, every)
        show(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(listed_lines(found)))


@app.command(epilog="Example: inversion alarms history configs/fan.toml --asset 'fan 3' --last 20")
def history(
    site: Site,
    asset: Annotated[str | None, typer.Option(help="Of this asset only.")] = None,
    last: Annotated[int, typer.Option(min=1, help="So many changes, the newest last.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What changed, when, on what evidence, by whom."""
    with complaints():
        from inversion.app.alarms.office import changes

        found = changes(site, last, asset)
        lines = [
            json.dumps(body, ensure_ascii=False) if as_json else f"{body['time'][:19]} {body['text']}" for body in found
        ]
        show("\n".join(lines) or "no alarm has changed yet")


@app.command(epilog="Example: inversion alarms ack configs/fan.toml 'fan 3' 'outer spall above limit' --comment seen")
def ack(
    site: Site,
    asset: Annotated[str | None, typer.Argument(metavar="[ASSET]", help="By default every asset.")] = None,
    alarm: Annotated[str | None, typer.Argument(metavar="[ALARM]", help="By default every alarm.")] = None,
    comment: Comment = "",
    by: By = "",
) -> None:
    """Acknowledges: somebody has seen it."""
    _ask(site, "ack", asset, alarm, by, comment)


@app.command(epilog="Example: inversion alarms shelve configs/fan.toml 'fan 3' 'outer spall above limit' --for 8h")
def shelve(
    site: Site,
    asset: Asset,
    alarm: Alarm,
    duration: Annotated[str, typer.Option("--for", help="How long, such as 30min, 8h, 2d; it must end.")],
    comment: Comment = "",
    by: By = "",
) -> None:
    """Puts an alarm aside until a time: it is not announced, and comes back by itself."""
    with complaints():
        from inversion.app.alarms.office import seconds

        for_s = seconds(duration)
    _ask(site, "shelve", asset, alarm, by, comment, for_s=for_s)


@app.command(epilog="Example: inversion alarms unshelve configs/fan.toml 'fan 3' 'outer spall above limit'")
def unshelve(site: Site, asset: Asset, alarm: Alarm, comment: Comment = "", by: By = "") -> None:
    """Takes a shelved alarm back before its time."""
    _ask(site, "unshelve", asset, alarm, by, comment)


@app.command(
    "out-of-service", epilog="Example: inversion alarms out-of-service configs/fan.toml 'fan 3' 'loose sensor'"
)
def out_of_service(site: Site, asset: Asset, alarm: Alarm, comment: Comment = "", by: By = "") -> None:
    """Maintenance: takes an alarm out of service until it is put back."""
    _ask(site, "out", asset, alarm, by, comment)


@app.command("in-service", epilog="Example: inversion alarms in-service configs/fan.toml 'fan 3' 'loose sensor'")
def in_service(site: Site, asset: Asset, alarm: Alarm, comment: Comment = "", by: By = "") -> None:
    """Puts an alarm back into service."""
    _ask(site, "in", asset, alarm, by, comment)


@app.command(epilog="Example: inversion alarms reset configs/fan.toml 'fan 3' 'outer spall above limit'")
def reset(site: Site, asset: Asset, alarm: Alarm, comment: Comment = "", by: By = "") -> None:
    """Ends a latched alarm whose condition has gone and that somebody has acknowledged."""
    _ask(site, "reset", asset, alarm, by, comment)


@app.command(epilog="Example: inversion alarms relearn configs/fan.toml 'fan 3' --comment 'new bearing'")
def relearn(
    site: Site,
    asset: Asset,
    alarm: Annotated[str | None, typer.Argument(metavar="[ALARM]", help="By default all that learn.")] = None,
    comment: Comment = "",
    by: By = "",
) -> None:
    """After a repair: forgets the limits that alarms have learned of an asset, and learns them again."""
    _ask(site, "relearn", asset, alarm, by, comment)


def _ask(site: Path, verb: str, asset: str | None, alarm: str | None, by: str, comment: str, **more: Any) -> None:
    with complaints():
        from getpass import getuser

        from inversion.app.alarms.office import request

        body = {"verb": verb, "asset": asset, "alarm": alarm, "by": by or getuser(), "comment": comment, **more}
        show(request(site, body))
