"""Recordings with known truth through the pipeline, window after window; what it answered is kept with the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from inversion.app.batch.asset import recording_source
from inversion.app.configuration import load_pipeline
from inversion.app.truth import TrueWindow, Truth, read_truth
from inversion.app.validate.refit import seen_groups
from inversion.core import ConfigurationError, Estimate, Finding, InversionError, Parameter
from inversion.core.scores import CURVE, Answers
from inversion.pipeline import AssetState, Pipeline, advance
from sensors import Frame, Quality, SensorError
from sensors.recording import RecordingSource

Array = NDArray[np.float64]

_TOGETHER = 32  # frames inverted at once
_RESIDUALS = 64  # windows of a recording whose residuals are looked at


@dataclass(frozen=True)
class Answer:
    """What one window, or the track after a recording's last one, said of one parameter; in the unit people see."""

    file: str
    group: str
    truth: float
    value: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    resolved: bool


@dataclass(frozen=True)
class Heard:
    """One recording: where it is damaged, and what its windows claimed.

    location: what the truth says, lower case, "" where it says nothing; claims: parameters resolved, one tuple a window
    residuals: (n, d) whitened, NaN where a value says nothing; estimates: of the usable windows among these
    """

    file: str
    group: str
    location: str
    claims: tuple[tuple[str, ...], ...]
    residuals: Array
    estimates: tuple[Estimate, ...] = ()


@dataclass
class Validation:
    """Everything that was answered.

    windows, tracks: by parameter; failed: one line a file; flattered: groups that the model had learnt from
    """

    site: Path
    truth: Path
    parameters: tuple[Parameter, ...]
    windows: dict[str, list[Answer]] = field(default_factory=dict)
    tracks: dict[str, list[Answer]] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    flattered: tuple[str, ...] = ()

    def answers(self, rows: Sequence[Answer], parameter: Parameter) -> Answers:
        """Rows about one parameter as arrays."""
        return Answers(
            np.array([row.truth for row in rows]),
            np.array([row.value for row in rows]),
            np.array([row.low for row in rows]).reshape(len(rows), len(CURVE)),
            np.array([row.high for row in rows]).reshape(len(rows), len(CURVE)),
            np.array([row.resolved for row in rows], dtype=np.bool_),
            parameter.to_shown(parameter.low),
            parameter.to_shown(parameter.high),
        )


def run_validation(
    site: Path,
    truth: Path,
    *,
    columns: Mapping[str, str] | None = None,
    without: Callable[[Truth], Callable[[str], Pipeline]] | None = None,
    console: Console | None = None,
) -> Validation:
    """Every recording that the table names, through the site's pipeline.

    columns: what the table calls ours, by our names; see `inversion.app.truth`
    without: for a model that was fitted: of a table and a group, the pipeline whose model has not seen that group
    Raises ConfigurationError for a wrong site or table, InversionError where no recording can be used.
    """
    pipeline, source = load_pipeline(site), recording_source(site)
    parameters = tuple(each for each in pipeline.model.space if not each.nuisance)
    table = read_truth(truth, pipeline.model.space.parameters, columns)
    if not any(row.values or row.location for row in table.rows):
        names = ", ".join(each.name for each in parameters)
        raise ConfigurationError(f"{truth}: states the truth of no parameter and no location; parameters are: {names}")
    made = Validation(site, truth, parameters)
    paths = _paths(source, table)
    refitted = without(table) if without else None
    made.flattered = () if refitted else seen_groups(pipeline.model, table)
    states: dict[str, AssetState] = {}
    group = ""
    with _bar(console or Console(stderr=True), len(paths)) as done:
        for number, (name, path) in enumerate(paths.items(), start=1):
            rows = table.of(name)
            if refitted and (now := next(iter(rows.values())).group) != group:
                pipeline, group = refitted(now), now
            try:
                frames = source.read(path)
            except (SensorError, OSError) as error:
                made.failed.append(f"{path}: {error}" if isinstance(error, OSError) else str(error))
                continue
            _refuse_beyond(table, name, rows, len(frames))
            states = _invert(made, pipeline, states, frames, rows)
            done(number)
    if not made.heard:
        raise InversionError(f"{truth}: no recording could be used: {made.failed[0]}")
    return made


def _invert(
    made: Validation,
    pipeline: Pipeline,
    states: Mapping[str, AssetState],
    frames: Sequence[Frame],
    rows: Mapping[int | None, TrueWindow],
) -> dict[str, AssetState]:
    """One recording. A recording with a truth of its own starts a new track: nothing earlier may help it."""
    after = {name: state for name, state in states.items() if name != frames[0].asset}
    findings: list[Finding] = []
    for start in range(0, len(frames), _TOGETHER):
        after, found = advance(pipeline, after, frames[start : start + _TOGETHER])
        findings += found
    labelled = [(f, row) for f in findings if (row := rows.get(f.position, rows.get(None))) is not None]
    made.left_out.update(row.leave_out for _, row in labelled if row.leave_out)
    usable = []
    for finding, row in labelled:
        if row.leave_out:
            continue
        if finding.estimate.fit.quality is Quality.BAD:
            made.bad[finding.estimate.fit.reason] += 1
            continue
        usable.append((finding, row))
        _answer(made, made.windows, finding.estimate, row)
    if usable and usable[-1][0].track is not None:
        _answer(made, made.tracks, usable[-1][0].track, usable[-1][1])
    first = next(iter(rows.values()))
    shown = [each.name for each in made.parameters]
    claims = tuple(tuple(name for name in shown if f.estimate.resolvable(name)) for f, _ in usable)
    some = frames[:_RESIDUALS]
    residuals = _residuals(pipeline, some, [finding.estimate for finding in findings[: len(some)]])
    estimates = tuple(finding.estimate for finding, _ in usable[:_RESIDUALS])
    made.heard.append(Heard(first.file, first.group, first.location.lower(), claims, residuals, estimates))
    return after


def _answer(made: Validation, into: dict[str, list[Answer]], estimate: Estimate, row: TrueWindow) -> None:
    for parameter in made.parameters:
        name = parameter.name
        if name not in row.values:
            continue
        truth = row.values[name]
        ends = [estimate.interval(name, level) for level in CURVE]
        into.setdefault(name, []).append(
            Answer(
                row.file,
                row.group,
                parameter.to_shown(truth),
                parameter.to_shown(estimate.value(name)),
                tuple(parameter.to_shown(low) for low, _ in ends),
                tuple(parameter.to_shown(high) for _, high in ends),
                estimate.resolvable(name),
            )
        )


def _residuals(pipeline: Pipeline, frames: Sequence[Frame], estimates: Sequence[Estimate]) -> Array:
    """(n, d) whitened difference of what was seen and what the estimate predicts."""
    model = pipeline.model
    complete = [i for i, frame in enumerate(frames) if all(name in frame.channels for name in model.channels)]
    residuals = np.full((len(frames), len(model.observables)), np.nan)
    if not complete:
        return residuals
    features = model.observe([frames[i] for i in complete])
    for k, i in enumerate(complete):
        if features.quality[k] is Quality.BAD:
            continue
        theta = model.space.from_latent(estimates[i].mean)
        whitened = (features.values[k] - model.simulate(theta, features.conditions[k])) / features.std[k]
        told = np.isfinite(features.std[k]) & (features.values[k] > features.limit[k])
        residuals[i] = np.where(told, whitened, np.nan)
    return residuals


def _paths(source: RecordingSource, table: Truth) -> dict[str, Path]:
    """The recordings that the table names: of the site, in the folders of the site's, or beside the table."""
    try:
        offered = source.paths()
    except SensorError:  # the site's own files may be elsewhere: the table names those that count
        offered = ()
    by_name = {key: path for path in offered for key in (path.name, path.stem)}
    folders = (*dict.fromkeys(path.parent for path in offered), table.path.parent)
    paths: dict[str, Path] = {}
    for name in table.files:
        found = by_name.get(name) or next((f / name for f in folders if (f / name).is_file()), None)
        if found is None:
            line = next(row.line for row in table.rows if row.file == name)
            raise ConfigurationError(f"{table.path}:{line}: file: no recording {name!r}, neither of the site nor here")
        paths[name] = found
    return paths


def _refuse_beyond(table: Truth, name: str, rows: Mapping[int | None, TrueWindow], windows: int) -> None:
    for window, row in rows.items():
        if window is not None and window >= windows:
            raise ConfigurationError(f"{table.path}:{row.line}: window: {name} has {windows} windows, found {window}")


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """Progress on a terminal; silence elsewhere."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("validating", total=total)
        yield lambda finished: bar.update(task, completed=finished)
