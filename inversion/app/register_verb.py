"""`inversion registers`: where a PLC finds each value, as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inversion.app.terminal import complaints, show
from inversion.store.whole import whole

if TYPE_CHECKING:
    from inversion.app.serving.registers import Place

EXAMPLE = "Example: inversion registers configs/served.toml --out var/registers.csv"


def registers(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")],
    sink: Annotated[str, typer.Option(help="Name of the sink, where there are several.")] = "",
    out: Annotated[Path | None, typer.Option(help="The table to write, instead of printing it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """The register map of a site's Modbus server: address, kind, unit and meaning of every value, for the PLC."""
    with complaints():
        rows = list(_rows(site, sink))
        if as_json:
            text = json.dumps(rows, ensure_ascii=False)
        else:
            table = io.StringIO()
            writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            text = table.getvalue().rstrip("\n")
        if out is None:
            show(text)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole(out) as partial:
            partial.write_text(f"{text}\n", encoding="utf-8")
        show(str(out))


def _rows(path: Path, name: str) -> Iterator[Mapping[str, Any]]:
    from inversion.app.configuration import load_pipeline, load_site
    from inversion.app.serving.registers import RegisterMap
    from inversion.core import ConfigurationError

    maps = {name: sink.map for name, sink in load_site(path).sinks.items() if hasattr(sink, "map")}
    found = [each for key, each in maps.items() if isinstance(each, RegisterMap) and name in ("", key)]
    if len(found) != 1:
        named = f" named {name!r}" if name else ""
        known = ", ".join(maps) or "none"
        raise ConfigurationError(
            f"{path}: expected one sink with a register map{named}, found {len(found)} of: {known}"
        )
    units = {each.name: each.shown for each in load_pipeline(path).model.space}
    for place in found[0].places(units):
        yield _row(place)


def _row(place: Place) -> Mapping[str, Any]:
    """With the number that PLCs and mbpoll know a place by, counted from one."""
    words = 2 if "32" in place.kind else 1
    numbers = {"input": "", "holding": "", "discrete": ""}
    if place.kind == "bit":
        numbers["discrete"] = f"{100_001 + place.address}"
    else:
        numbers |= {"input": f"{300_001 + place.address}", "holding": f"{400_001 + place.address}"}
    told = asdict(place)
    return {"address": told.pop("address"), **numbers, "words": words, **told}
