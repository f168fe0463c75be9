"""One recorded file, read by its layout: whole channels in SI, conditions, asset and start."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.errors import RecordingError
from sensors.frame import Waveform
from sensors.layout import Layout, StartLayout, ValueLayout
from sensors.units import si_unit, to_si

Floats = NDArray[np.floating[Any]]

_NANO = 1_000_000_000


@dataclass(frozen=True)
class Recording:
    """A whole file. Quality is judged a window at a time, so here every channel counts as GOOD.

    channels: by name, all of n samples
    conditions: by name, each of one sample or of n
    times_ns: (n,) UTC of every sample where the file states it, else None
    """

    asset: str
    source: str
    start_ns: int
    clock_trusted: bool
    sample_rate: float
    channels: Mapping[str, Waveform]
    conditions: Mapping[str, Waveform]
    times_ns: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", MappingProxyType(dict(self.channels)))
        object.__setattr__(self, "conditions", MappingProxyType(dict(self.conditions)))

    @property
    def size(self) -> int:
        """Number of samples of each channel."""
        return next(iter(self.channels.values())).samples.size


def read_recording(path: Path, layout: Layout) -> Recording:
    """The recording in a file.

    Raises RecordingError, one line, for a file that is damaged, has zero samples, lacks a variable that the layout
    promises, or whose sample rate, condition or start nothing states.
    """
    found = _Found(path, layout, layout.reader.read(path, _wanted(layout)))
    rate = found.value("sample_rate", layout.sample_rate)
    sample_rate = float(rate[0])
    if not (0 < sample_rate < np.inf and np.all(rate == rate[0])):
        raise RecordingError(f"{path}: sample_rate: expected one positive number of Hz, found {sample_rate:g}")
    channels = {
        name: Waveform(_si(samples, channel.unit, channel.factor, channel.valid), sample_rate, si_unit(channel.unit))
        for name, channel in layout.channels.items()
        if (samples := found.channel(name, channel.variable, channel.optional)) is not None
    }
    size = found.common_size(channels)
    conditions = {}
    for name, condition in layout.conditions.items():
        values = found.value(name, condition)
        if values.size not in (1, size):
            raise RecordingError(f"{path}: {name}: expected 1 or {size} values, found {values.size}")
        conditions[name] = Waveform(values.astype(np.float32), sample_rate, si_unit(condition.unit))
    start_ns, times_ns = found.start(layout.start, size)
    return Recording(
        asset=layout.asset_of(path),
        source=path.name,
        start_ns=start_ns,
        clock_trusted=layout.start is not None and layout.start.trusted,
        sample_rate=sample_rate,
        channels=channels,
        conditions=conditions,
        times_ns=times_ns,
    )


@dataclass(frozen=True)
class _Found:
    """The variables that a file turned out to have, looked up by the layout."""

    path: Path
    layout: Layout
    variables: Mapping[str, Floats]

    def one(self, key: str, variable: str) -> Floats | None:
        """The variable of that name, or the only one that matches the glob; None where there is none."""
        if variable in self.variables:
            names = [variable]
        else:
            names = [name for name in self.variables if fnmatchcase(name, variable)]
        if len(names) > 1:
            raise RecordingError(
                f"{self.path}: {key}: {variable!r} matches {len(names)} variables: {', '.join(sorted(names))}"
            )
        if not names:
            return None
        samples = self.variables[names[0]]
        if samples.size == 0:
            raise RecordingError(f"{self.path}: {key}: variable {names[0]!r} has zero samples")
        return samples

    def channel(self, key: str, variable: str, optional: bool) -> Floats | None:
        samples = self.one(key, variable)
        if samples is None and not optional:
            raise RecordingError(f"{self.path}: {key}: no variable {variable!r}, {self._there_are()}")
        return samples

    def _there_are(self) -> str:
        try:
            names = sorted(self.layout.reader.read(self.path, ["*"]))
        except RecordingError:  # some other variable cannot be read; the missing one is what to say
            names = sorted(self.variables)
        return f"there are: {', '.join(names) or 'none'}"

    def common_size(self, channels: Mapping[str, Waveform]) -> int:
        sizes = {name: waveform.samples.size for name, waveform in channels.items()}
        if not sizes:
            raise RecordingError(f"{self.path}: has none of the channels {', '.join(self.layout.channels)}")
        if len(set(sizes.values())) > 1:
            lengths = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise RecordingError(f"{self.path}: channels must have the same number of samples, found {lengths}")
        return next(iter(sizes.values()))

    def value(self, key: str, stated: ValueLayout) -> Floats:
        """(1,) or (n,) SI. Raises RecordingError where no form of the layout states it for this file."""
        raw = self.one(key, stated.variable) if stated.variable else None
        if raw is None:
            number = self._of_files(stated.files)
            number = self._of_labels(key, stated) if number is None and stated.labels else number
            number = stated.value if number is None else number
            raw = None if number is None else np.array([number])
        if raw is None:
            raise RecordingError(f"{self.path}: {key}: nothing states it for this file: {self._tried(stated)}")
        return _si(raw, stated.unit, 1.0, stated.valid)

    def _of_files(self, files: Mapping[str, float]) -> float | None:
        name, folder = self.path.name, self.path.absolute().parent.name
        for pattern, number in files.items():
            if fnmatchcase(f"{folder}/{name}" if "/" in pattern else name, pattern):
                return float(number)
        return None

    def _of_labels(self, key: str, stated: ValueLayout) -> float | None:
        labels = self.path.parent / stated.labels
        if not labels.is_file():
            return None
        try:
            with labels.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as problem:
            raise RecordingError(f"{labels}: cannot be read as labels: {problem}") from problem
        for line, row in enumerate(rows, start=2):
            if row.get(stated.key) not in (self.path.name, self.path.stem):
                continue
            cell = row.get(stated.column)
            try:
                return float(cell or "")
            except ValueError:
                raise RecordingError(
                    f"{labels}:{line}: {key}: column {stated.column!r}: expected a number, found {cell!r}"
                ) from None
        return None

    def _tried(self, stated: ValueLayout) -> str:
        tried = []
        if stated.variable:
            tried.append(f"no variable {stated.variable!r}")
        if stated.files:
            tried.append(f"its name matches none of {', '.join(map(repr, stated.files))}")
        if stated.labels:
            tried.append(f"no row for it in {stated.labels!r} beside it")
        return ", ".join(tried)

    def start(self, start: StartLayout | None, size: int) -> tuple[int, NDArray[np.int64] | None]:
        """UTC of the first sample, ns, and (size,) of every sample where the file states it."""
        if start is None:
            return 0, None
        if start.time is not None:
            return _nanoseconds(start.time), None
        if start.file_name:
            try:
                return _nanoseconds(datetime.strptime(self.path.name, start.file_name)), None
            except ValueError:
                raise RecordingError(
                    f"{self.path}: start: expected a file name that reads as {start.file_name!r}"
                ) from None
        if start.file_number:
            return round(self._file_number(start.file_number) * start.step_s * _NANO), None
        seconds = self.channel("start", start.variable, optional=False)
        if seconds is None or seconds.size not in (1, size) or not np.all(np.abs(seconds) < 2**33):
            raise RecordingError(
                f"{self.path}: start: variable {start.variable!r} must hold 1 or {size} times in s since 1970"
            )
        times = np.round(seconds.astype(np.float64) * _NANO).astype(np.int64)
        return int(times[0]), times if times.size > 1 else None

    def _file_number(self, pattern: str) -> int:
        before, _, after = pattern.partition("*")
        name = self.path.name
        number = name[len(before) : len(name) - len(after)]
        if not (name.startswith(before) and name.endswith(after) and number.isdecimal()):
            raise RecordingError(f"{self.path}: start: expected a file name {pattern!r} with a number at the star")
        return int(number)


def _wanted(layout: Layout) -> list[str]:
    """Every variable that the layout names."""
    named = [channel.variable for channel in layout.channels.values()]
    named += [value.variable for value in (layout.sample_rate, *layout.conditions.values())]
    named += [layout.start.variable] if layout.start else []
    return [name for name in dict.fromkeys(named) if name]


def _si(raw: Floats, unit: str, factor: float, valid: tuple[float, ...]) -> Floats:
    """Raw numbers in SI, single precision; NaN outside the valid range, infinite where too large."""
    customary = raw.astype(np.float64) * factor
    if valid:
        customary[(customary < valid[0]) | (customary > valid[1])] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        return to_si(customary, unit).astype(np.float32)


def _nanoseconds(moment: datetime) -> int:
    """Since 1970; a time without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _NANO + since.microseconds * 1000
