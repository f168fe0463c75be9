"""A layout: what the variables of a folder of recordings mean.

Which variable is which channel, its unit, the sample rate, the conditions, the asset and the time of the start. The
fields of these classes are the keys of a layout file; `sensors.layoutfile` reads one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from string import Formatter

from sensors.source import Reader
from sensors.units import si_unit

#: What an asset template may name: the file without its ending, and its folder.
ASSET_WORDS = ("stem", "folder")


@dataclass(frozen=True)
class ChannelLayout:
    """Where a channel is and what its numbers mean: SI = to_si(raw * factor, unit).

    variable: name in the file, or a shell glob that matches one variable
    unit: of raw * factor, customary or SI
    factor: `unit` per raw unit, such as the inverse of a sensitivity
    valid: lowest and highest possible value, in `unit`; what lies outside becomes NaN
    optional: whether a file may be without it
    """

    variable: str
    unit: str
    factor: float = 1.0
    valid: tuple[float, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        si_unit(self.unit)
        check_valid(self.valid)
        if not (math.isfinite(self.factor) and self.factor != 0):
            raise ValueError(f"factor must be a number other than 0, got {self.factor}")


@dataclass(frozen=True)
class ValueLayout:
    """Where a number that belongs to a whole recording is stated; the first of these that has it, in this order.

    variable: in the file itself; of a condition it may have as many samples as the channels
    files: by shell glob of the file name, or of `folder/name` where the glob has a slash; the first that matches
    labels, column: a CSV file in the folder of the recording, and its column; the row is the one whose `key` column
        holds the file name, with or without its ending
    value: the same for every recording
    unit: customary or SI
    valid: lowest and highest possible value, in `unit`; what lies outside becomes NaN
    """

    unit: str
    variable: str = ""
    files: Mapping[str, float] = field(default_factory=dict)
    labels: str = ""
    column: str = ""
    key: str = "file"
    value: float | None = None
    valid: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        si_unit(self.unit)
        check_valid(self.valid)
        if not (self.variable or self.files or self.labels or self.value is not None):
            raise ValueError("expected at least one of: value, variable, files, labels with column")
        if bool(self.labels) != bool(self.column):
            raise ValueError("labels and column belong together, found only one of them")


@dataclass(frozen=True)
class StartLayout:
    """When the first sample was taken; exactly one of these forms.

    time: the same for every recording
    file_name: how the file name reads, in the words of `datetime.strptime`; UTC where it names no zone
    file_number, step_s: a file name with one star, such as "acc_*.csv", where the star is a running number; the
        start is that number times step_s after 1970, so that only differences mean something
    variable: in the file, s since 1970, either one or as many as samples; then gaps are found too
    trusted: whether this is a synchronized clock
    """

    time: datetime | None = None
    file_name: str = ""
    file_number: str = ""
    step_s: float = 0.0
    variable: str = ""
    trusted: bool = True

    def __post_init__(self) -> None:
        forms = [self.time is not None, bool(self.file_name), bool(self.file_number), bool(self.variable)]
        if sum(forms) != 1:
            raise ValueError(
                f"expected exactly one of time, file_name, file_number with step_s, variable; found {sum(forms)}"
            )
        if self.file_number and (self.file_number.count("*") != 1 or not self.step_s > 0):
            raise ValueError(
                f"file_number needs one star and a positive step_s, found {self.file_number!r} and {self.step_s} s"
            )


@dataclass(frozen=True)
class Layout:
    """What the recordings of one kind hold.

    asset: a name, or a template with {stem} or {folder} of the file
    start: None where nothing states it; recordings then begin in 1970 by an untrusted clock
    """

    path: Path
    asset: str
    reader: Reader
    sample_rate: ValueLayout
    channels: Mapping[str, ChannelLayout]
    conditions: Mapping[str, ValueLayout]
    start: StartLayout | None

    def asset_of(self, recording: Path) -> str:
        """The name of the asset that a file belongs to."""
        return self.asset.format(stem=recording.stem, folder=recording.absolute().parent.name)


def check_asset(template: str) -> None:
    """Raises ValueError for a template that names something else than a file has."""
    known = ", ".join(f"{{{word}}}" for word in ASSET_WORDS)
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as problem:
        raise ValueError(f"expected a text with {known}, found {template!r}: {problem}") from None
    for name in names:
        if name not in ASSET_WORDS:
            raise ValueError(f"expected only {known} in braces, found {{{name}}}")
    if not template:
        raise ValueError("expected a name, found an empty one")


def check_valid(valid: tuple[float, ...]) -> None:
    """Raises ValueError unless it is empty, or a lower and a higher number."""
    if valid and not (len(valid) == 2 and valid[0] < valid[1]):
        raise ValueError(f"valid must be [lowest, highest], got {list(valid)}")
