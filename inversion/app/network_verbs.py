"""The verbs about networks: train, adapt, inspect."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from inversion.app.terminal import complaints as _complaints
from inversion.app.terminal import show as _print

_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Stage(StrEnum):
    """Stages of `train`, in order."""

    data = "data"
    teacher = "teacher"
    search = "search"
    student = "student"
    compress = "compress"
    export = "export"


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="What to draw, learn and compress, a TOML file.")],
    stage: Annotated[Stage | None, typer.Option(help="One stage only; by default all, in order.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder of windows and checkpoints; by default var/train/<network>.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the network; by default models/<network>.")] = None,
    as_json: _Json = False,
) -> None:
    """Trains a network off the box: data, teacher, student, compression, export. What was stopped goes on."""
    with _complaints():
        from inversion.app.train import lines, run_training

        result = run_training(recipe, work, out, stage.value if stage else None)
        _print(json.dumps(result, ensure_ascii=False) if as_json else "\n".join(lines(result)))


def adapt(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH.csv", help="Recordings, groups and known parameters, as for validate.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the adapted network.")],
    network: Annotated[Path, typer.Option(help="Which network: a folder, or a shipped one.")] = Path(
        "rolling_bearing_v1"
    ),
    as_json: _Json = False,
) -> None:
    """Fits a network on to labelled recordings of a site; refuses where they are too few or it would not help."""
    with _complaints():
        from inversion.app.adapt import run_adaptation

        told = run_adaptation(site, truth, network, out)
        _print(json.dumps(told.to_dict()) if as_json else "\n".join(told.lines()))


def inspect(
    network: Annotated[
        Path, typer.Argument(metavar="NETWORK", help="Folder of a network, or the name of a shipped one.")
    ],
    as_json: _Json = False,
) -> None:
    """A network's card, graphs, operators and sizes, all verified as a site would before it is used."""
    with _complaints():
        from inversion.app.inspect_network import inspect_network

        inspected = inspect_network(network)
        _print(json.dumps(inspected.to_dict(), ensure_ascii=False) if as_json else inspected.text())


#: Each with its example.
VERBS = (
    (train, "Example: inversion train configs/train/rolling_bearing.toml"),
    (adapt, "Example: inversion adapt configs/fan.toml truth.csv --out var/adapted/rolling_bearing_v1"),
    (inspect, "Example: inversion inspect rolling_bearing_v1"),
)
