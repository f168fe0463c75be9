"""`inversion buffer`: what waits in a site's journal, and for how long there is room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from inversion.app.terminal import complaints, show

_AT_ONCE = 1000  # records that are read together
EXAMPLE = "Example: inversion buffer configs/fan.toml"


def buffer(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")],
    print_after: Annotated[
        int | None,
        typer.Option("--print-after", min=0, help="Print the records that follow this number, as JSON Lines."),
    ] = None,
    again: Annotated[
        str | None, typer.Option(metavar="SINK", help="Let this sink have the records after --from once more.")
    ] = None,
    start: Annotated[int, typer.Option("--from", min=0, help="Number of a record, for --again.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """What is in the journal: bytes, oldest record, hours left at the present rate; what every sink has and lacks."""
    with complaints():
        from inversion.app.configuration import load_site
        from inversion.app.journal import Retention, read_journal
        from inversion.app.journal.status import status

        loaded = load_site(site)
        if again is not None:
            show(_again(loaded.journal, again, start))
            return
        with read_journal(loaded.journal) as journal:
            if print_after is not None:
                while entries := journal.after(print_after, _AT_ONCE):
                    for entry in entries:
                        show(json.dumps(vars(entry), ensure_ascii=False))
                    print_after = entries[-1].number
                return
            told = status(journal, Retention(loaded.journalling.keep_days, loaded.journalling.most_mb), loaded.sinks)
        show(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(_lines(told)))


def _again(path: Path, sink: str, number: int) -> str:
    """Moves a cursor back, while no gateway holds the journal."""
    from inversion.app.journal import JournalError, open_journal

    with open_journal(path, 0) as journal:
        known = [standing.sink for standing in journal.standings()]
        if sink not in known:
            raise JournalError(f"no sink {sink!r} in this journal, there are: {', '.join(known) or 'none'}")
        return f"sink {sink}: will have {journal.rewind(sink, number)} records again"


def _lines(told: Mapping[str, Any]) -> list[str]:
    oldest = "none" if told["oldest_ns"] is None else f"{_clock(told['oldest_ns'])} to {_clock(told['newest_ns'])}"
    left = (
        "not known yet"
        if told["hours_left"] is None
        else f"{told['hours_left']:g} h at {told['records_an_hour']:g} an hour, before a record goes that a sink lacks"
    )
    lines = [
        f"journal: {told['journal']}",
        f"in use: {told['used_bytes'] / 1e6:.1f} MB of {told['budget_bytes'] / 1e6:g} MB",
        f"records: {told['records']}, {oldest}",
        f"room left: {left}",
    ]
    for sink in told["sinks"]:
        lines.append(
            f"sink {sink['sink']}: {sink['produced']} produced = {sink['delivered']} delivered "
            f"+ {sink['buffered']} buffered + {sink['dropped']} dropped"
            + ("" if sink["of_site"] else " (not of this site any more)")
        )
    return lines


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
