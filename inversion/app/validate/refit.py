"""A fitted model is judged on groups that it has not seen: it is fitted again without each of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from inversion.app.configuration import load_calibration, load_pipeline
from inversion.app.truth import Truth
from inversion.core import ConfigurationError, ForwardModel, ParameterSpace
from inversion.forward.empirical import Empirical
from inversion.pipeline import Pipeline


def seen_groups(model: ForwardModel, table: Truth) -> tuple[str, ...]:
    """Groups of the table that the model was fitted on: figures of these flatter."""
    learnt = set(model.fit.groups) if isinstance(model, Empirical) else set()
    return tuple(sorted(learnt & {row.group for row in table.rows}))


def pipelines_without(site: Path, table: Truth, scratch: Path) -> Callable[[str], Pipeline]:
    """For each group, the site's pipeline with a model that `inversion calibrate` fits on the table's other groups.

    scratch: a folder for the tables and models of the others
    Raises ConfigurationError where the site has no model to fit; the callable raises CalibrationError where the others
    are too few.
    """
    from inversion.app.calibrate import run_calibration

    pipeline = load_pipeline(site)
    _, engine = load_calibration(site)
    if not isinstance(pipeline.model, Empirical):
        raise ConfigurationError(
            f"{site}: forward: only an empirical model is fitted, found {type(pipeline.model).__name__}"
        )
    space = pipeline.model.space

    def without(group: str) -> Pipeline:
        others, path = scratch / "others.csv", scratch / f"{len(list(scratch.iterdir()))}.npz"
        others.write_text(_others(table, group, space), encoding="utf-8")
        run_calibration(site, others, path, console=Console(file=io.StringIO()))
        model = Empirical(path)
        return replace(pipeline, model=model, inverter=engine.bind(model))

    return without


def _others(table: Truth, group: str, space: ParameterSpace) -> str:
    """The table as CSV without the rows of one group."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "window", "group", "leave_out", *space.names])
    for row in table.rows:
        if row.group != group:
            shown = [space[name].to_shown(row.values[name]) if name in row.values else "" for name in space.names]
            window = "" if row.window is None else row.window
            writer.writerow([row.file, window, row.group, row.leave_out, *shown])
    return text.getvalue()
