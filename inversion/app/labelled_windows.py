"""What was measured in the windows that a table of truth labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.app.truth import TrueWindow, Truth
from inversion.core import ConfigurationError, ParameterSpace
from inversion.forward.windowing import look, needed
from inversion.signal.features import Feature
from inversion.training.labelled import CalibrationError, Labelled
from inversion.training.recipe import Calibration
from sensors import Frame, Quality, SensorError
from sensors.recording import RecordingSource

Array = NDArray[np.float64]
Pair = tuple[Array, TrueWindow]


@dataclass(frozen=True)
class Measured:
    """Windows to learn from, windows put aside, why each of those was, and how many labelled ones cannot be used."""

    learnt: Labelled
    aside: Labelled
    reasons: tuple[str, ...]
    unusable: int


def measure_labelled(
    site: Path, source: RecordingSource, table: Truth, calibration: Calibration, done: Callable[[int], None]
) -> Measured:
    """Reads every recording that the table names. done: told how many were read.

    Raises ConfigurationError for a table that names what is not there, CalibrationError where no window is usable.
    """
    names = {target.name for target in calibration.parameter}
    features = (*calibration.feature, *calibration.condition)
    pairs: list[Pair] = []
    unusable: list[str] = []
    kind: Frame | None = None
    for number, path in enumerate(recordings(source, table)):
        for frame, row in _labelled(source, table, path):
            if names - set(row.values):
                continue
            kind = kind or _checked(frame, features, site)
            values, problem = _values(frame, kind, features, len(calibration.feature))
            if problem:
                unusable.append(problem)
            else:
                pairs.append((values, row))
        done(number + 1)
    if kind is None or not pairs:
        why = f": {Counter(unusable).most_common(1)[0][0]}" if unusable else ""
        raise CalibrationError(f"{table.path}: no usable window among those labelled{why}")
    learnt = [pair for pair in pairs if not pair[1].leave_out]
    aside = [pair for pair in pairs if pair[1].leave_out]
    if not learnt:
        raise CalibrationError(f"{table.path}: every usable window is marked to be left out")
    reasons = tuple(row.leave_out for _, row in aside)
    return Measured(_stacked(learnt, kind, calibration), _stacked(aside, kind, calibration), reasons, len(unusable))


def recordings(source: RecordingSource, table: Truth) -> list[Path]:
    """The files that the table names, among those of the source or beside them. Raises ConfigurationError."""
    by_name = {path.name: path for path in source.paths()}
    folders = {path.parent for path in by_name.values()}
    paths = []
    for name in table.files:
        found = by_name.get(name) or next((f / name for f in sorted(folders) if (f / name).is_file()), None)
        if found is None:
            line = next(row.line for row in table.rows if row.file == name)
            raise ConfigurationError(f"{table.path}:{line}: file: the site has no recording {name!r}")
        paths.append(found)
    return paths


def _labelled(source: RecordingSource, table: Truth, path: Path) -> Iterator[tuple[Frame, TrueWindow]]:
    try:
        frames = source.read(path)
    except SensorError as error:
        raise CalibrationError(str(error)) from error
    labels = table.of(path.name)
    beyond = [window for window in labels if window is not None and window >= len(frames)]
    if beyond:
        row = labels[beyond[0]]
        raise ConfigurationError(
            f"{table.path}:{row.line}: window: {path.name} has {len(frames)} windows, found number {row.window}"
        )
    for frame in frames:
        found = labels.get(frame.position, labels.get(None))
        if found is not None:
            yield frame, found


def _checked(frame: Frame, features: Sequence[Feature], site: Path) -> Frame:
    """The first labelled window: it must have the channels, and the model will expect others to be like it."""
    for name in needed(features):
        if name not in frame.channels:
            there = ", ".join(frame.channels)
            raise ConfigurationError(f"{site}: calibration: no channel {name!r} in {frame.source}, there are: {there}")
    return frame


def _values(frame: Frame, kind: Frame, features: Sequence[Feature], d: int) -> tuple[Array, str]:
    units, rates = _like(kind, features)
    looked = look(frame, features, units, rates, kind.duration_s)
    if looked.quality is Quality.BAD or not np.isfinite(looked.values[:d]).any():
        return looked.values, looked.reason or "no feature is seen"
    if not np.isfinite(looked.values[d:]).all():
        return looked.values, looked.reason or "a condition is not seen"
    return looked.values, ""


def _like(kind: Frame, features: Sequence[Feature]) -> tuple[dict[str, str], dict[str, float]]:
    names = needed(features)
    units = {name: kind.channels[name].unit for name in names}
    return units, {n: kind.channels[n].sample_rate for n in names if kind.channels[n].samples.size > 1}


def _stacked(pairs: Sequence[Pair], kind: Frame, calibration: Calibration) -> Labelled:
    d, c = len(calibration.feature), len(calibration.condition)
    units, rates = _like(kind, (*calibration.feature, *calibration.condition))
    values = np.array([values for values, _ in pairs]).reshape(len(pairs), d + c)
    space = ParameterSpace(tuple(target.parameter for target in calibration.parameter))
    theta = np.array([[row.values[name] for name in space.names] for _, row in pairs]).reshape(len(pairs), len(space))
    group = np.array([row.group for _, row in pairs], dtype=np.str_)
    return Labelled(values[:, :d], values[:, d:], theta, group, units, rates, kind.duration_s)
