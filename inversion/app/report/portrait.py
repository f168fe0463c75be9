"""What the report shows of one asset, gathered while its recordings are inverted and kept as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.core import ForwardModel
from inversion.core.picture import Illustrator, Picture
from sensors import Frame, Quality, Waveform
from sensors.units import from_si

_BINS = 1200  # a screen is hardly wider; each keeps its lowest and highest sample
_WINDOWS = 2000  # windows drawn along time, at most
_SEEN_AS = {"m/s2": "g", "m/s": "mm/s", "m": "µm"}  # what people read waveforms in
_KEPT = ("asset", "start_ns", "clock_trusted", "parameters", "track")
Record = Mapping[str, Any]


@dataclass
class Portrait:
    """Grows by one recording at a time; waveform and pictures are of the last one that had a usable window."""

    model: ForwardModel
    windows: int = 0
    every: int = 1
    records: list[Record] = field(default_factory=list)
    waveforms: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)

    def add(self, frames: Sequence[Frame], records: Sequence[Record]) -> None:
        """One recording: its frames, and their findings by the JSON contract."""
        for record in records:
            self._keep(record)
        usable = [f for f, r in zip(frames, records, strict=True) if r["fit"]["quality"] != "bad"]
        if usable:
            frame = usable[len(usable) // 2]
            self.waveforms = [_waveform(frame, name) for name in self.model.channels if name in frame.channels]
            self.waveforms = [drawn for drawn in self.waveforms if len(drawn["t"]) > 1]
            self.pictures = [_picture(picture) for picture in _pictures(self.model, frame)]

    def _keep(self, record: Record) -> None:
        """Every n-th window, n doubling as they become many: years of them take no more memory than an hour."""
        if self.windows % self.every == 0:
            self.records.append({key: record.get(key) for key in _KEPT})
        self.windows += 1
        if len(self.records) > _WINDOWS:
            self.records, self.every = self.records[::2], self.every * 2

    def write(self, path: Path) -> None:
        """As JSON; nothing where no recording could be read."""
        if self.records:
            content = {
                "waveforms": self.waveforms,
                "pictures": self.pictures,
                "every": self.every,
                **_series(self.records),
            }
            path.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def _pictures(model: ForwardModel, frame: Frame) -> tuple[Picture, ...]:
    usable = all(name in frame.channels and frame.channels[name].quality is not Quality.BAD for name in model.channels)
    return model.pictures(frame) if usable and isinstance(model, Illustrator) else ()


def _waveform(frame: Frame, name: str) -> dict[str, Any]:
    """Lowest and highest sample of each bin of time in which there is any: one that is lost is no number."""
    waveform: Waveform = frame.channels[name]
    unit = _SEEN_AS.get(waveform.unit, waveform.unit)
    samples = np.asarray(from_si(waveform.samples.astype(np.float64), unit))
    edges = np.unique(np.linspace(0, samples.size, min(_BINS, samples.size) + 1).astype(int))
    low, high = (part.reduceat(samples, edges[:-1]) for part in (np.fmin, np.fmax))
    there = np.isfinite(low) & np.isfinite(high)
    return {
        "channel": name,
        "unit": unit,
        "source": frame.source,
        "position": frame.position,
        "t": _plain(edges[:-1][there] / waveform.sample_rate),
        "low": _plain(low[there]),
        "high": _plain(high[there]),
    }


def _picture(picture: Picture) -> dict[str, Any]:
    """The curve with at most two points a bin: the highest of each, so that no line of a spectrum is lost."""
    x, y = picture.x, picture.y
    if x.size > 2 * _BINS:
        edges = np.linspace(0, x.size, 2 * _BINS + 1).astype(int)
        keep = np.array([a + int(np.argmax(y[a:b])) for a, b in pairwise(edges)])
        x, y = x[keep], y[keep]
    return {
        "title": picture.title,
        "x": _plain(x),
        "y": _plain(y),
        "x_label": picture.x_label,
        "y_label": picture.y_label,
        "markers": [[name, float(at)] for name, at in picture.markers],
        "log_x": picture.log_x,
        "log_y": picture.log_y,
    }


def _series(records: Sequence[Record]) -> dict[str, Any]:
    """Every parameter along time."""
    names = records[0]["parameters"]
    return {
        "asset": records[0]["asset"],
        "clock_trusted": all(record["clock_trusted"] for record in records),
        "start_ns": [record["start_ns"] for record in records],
        "parameters": {
            name: {key: [record["parameters"][name][key] for record in records] for key in names[name]}
            for name in names
        },
        "tracks": {name: _tracked(records, name) for name in names},
    }


def _tracked(records: Sequence[Record], name: str) -> dict[str, list[Any]]:
    """The tracked interval along time, None where the track does not resolve the parameter; and the steps."""
    rows = [(record["track"] or {}).get(name, {}) for record in records]
    known = [row if row.get("resolvable") else {} for row in rows]
    steps = sorted({row["step_ns"] for row in rows if row.get("step_ns") is not None})
    return {"low": [row.get("low") for row in known], "high": [row.get("high") for row in known], "step_ns": steps}


def _plain(values: NDArray[np.floating[Any]]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]
