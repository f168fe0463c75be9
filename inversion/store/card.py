"""The card of a network: what it was trained for, how good it is and where it fails, as `card.toml` beside its graphs.

Written by training, read strictly: an unknown or missing key, a wrong type or shape is one line with file and line.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from inversion.core import ConfigurationError, ForwardModel, ModelError, Parameter
from inversion.core.protocols import Fitted
from inversion.store.whole import whole
from sensors.tomlfields import TomlText
from sensors.tomlfile import load

FILE = "card.toml"
#: The graphs of a network: `full.onnx` in single precision, `lite.onnx` quantized.
PRECISIONS = ("full", "lite")
#: Newest operator set that the onnxruntime of our range runs for certain.
NEWEST_OPSET = 21

LARGEST = 4096  # of every length in a card: what is larger is no card of ours


class CardError(ConfigurationError):
    """A card is absent, wrong or does not fit; the message is one line."""


@dataclass(frozen=True)
class Range:
    """A parameter that a network answers: its name and the range, SI, of which an answer is a share."""

    name: str
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"high: expected above low ({self.low}) and finite, found {self.high}")


@dataclass(frozen=True)
class Origin:
    """`[network]`: what a network is and where it comes from.

    model: entry-point name of the forward model; fingerprint: of that model, see `fingerprint`
    encoding: how features become inputs (`inversion.core.encoding.ENCODING`)
    inputs: k, numbers a window; latent: h, numbers that the misfit is judged by
    levels: probabilities of the quantiles that it answers, increasing
    recipe, seed: what trained it
    failures: known ones, a sentence each
    """

    name: str
    version: int
    model: str
    fingerprint: str
    encoding: str
    inputs: int
    latent: int
    levels: tuple[float, ...]
    opset: int
    recipe: str
    seed: int
    training_data: str
    license: str
    failures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, most in (("version", 10**6), ("inputs", LARGEST), ("latent", LARGEST), ("opset", 10**3)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name}: expected 1 to {most}, found {getattr(self, name)}")
        rising = all(a < b for a, b in pairwise(self.levels))
        if len(self.levels) < 3 or not rising or not (self.levels[0] > 0 and self.levels[-1] < 1):
            raise ValueError(f"levels: expected at least 3, rising inside 0 to 1, found {list(self.levels)}")


@dataclass(frozen=True)
class Metric:
    """How good one network is about one parameter in one bin, on held-out machines; in `unit`.

    network: "full", "lite", "teacher" or an engine's name; bin: in words, such as "1 to 2 mm"
    coverage: share of 90 % intervals that held the truth; width: mean of them; score: mean interval score
    """

    network: str
    parameter: str
    bin: str
    unit: str
    windows: int
    rmse: float
    coverage: float
    width: float
    score: float


@dataclass(frozen=True)
class Calibration:
    """`[calibration]`: by how much intervals are widened about their median, by band; split-conformal.

    speeds: edges between bands of the first condition (Hz where it is a shaft speed); ratios_db: edges between bands of
        the signal-to-noise ratio, dB
    factors: (bands of speed, bands of ratio, p); windows: (bands of speed, bands of ratio), how many it rests on
    """

    level: float
    speeds: tuple[float, ...]
    ratios_db: tuple[float, ...]
    factors: tuple[tuple[tuple[float, ...], ...], ...]
    windows: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        rows, columns = len(self.speeds) + 1, len(self.ratios_db) + 1
        if not 0 < self.level < 1:
            raise ValueError(f"level: expected inside 0 to 1, found {self.level}")
        for name in ("speeds", "ratios_db"):
            edges = getattr(self, name)
            if not all(a < b for a, b in pairwise((-math.inf, *edges, math.inf))):
                raise ValueError(f"{name}: expected rising edges, found {list(edges)}")
        for name in ("factors", "windows"):
            table = getattr(self, name)
            if len(table) != rows or any(len(row) != columns for row in table):
                raise ValueError(f"{name}: expected {rows} by {columns} bands, found {[len(row) for row in table]}")
        if not all(1e-3 <= factor <= 1e3 for row in self.factors for band in row for factor in band):
            raise ValueError("factors: expected numbers from 0.001 to 1000")


@dataclass(frozen=True)
class Misfit:
    """`[misfit]`: how far from what a network was trained on a window lies.

    The distance is the root mean square of `whitening @ (latent - mean)`: about 1 for what it was trained on.
    mean: (h,); whitening: (m, h)
    known: distance up to which an answer stands as it is; threshold: beyond it the answer is withheld
    """

    mean: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    known: float
    threshold: float

    def __post_init__(self) -> None:
        if not self.whitening or any(len(row) != len(self.mean) for row in self.whitening):
            raise ValueError(f"whitening: expected rows of {len(self.mean)} numbers, as many as mean has")
        if not all(map(math.isfinite, (*self.mean, *(each for row in self.whitening for each in row)))):
            raise ValueError("whitening: expected finite numbers, mean too")
        if not 0 < self.known < self.threshold < math.inf:
            raise ValueError(f"threshold: expected above known ({self.known}) and finite, found {self.threshold}")


@dataclass(frozen=True)
class Cost:
    """What one graph costs, as measured on `processor`: one window, one thread.

    call_us, call_p999_us: of one call, median and 99.9 % quantile; memory_mb: of a process that runs it
    parameters: trained numbers in it
    """

    network: str
    processor: str
    call_us: float
    call_p999_us: float
    memory_mb: float
    parameters: int
    file_bytes: int


@dataclass(frozen=True)
class Card:
    """All that is known of a network. sha256: of `full.onnx` and `lite.onnx`, by their precision."""

    network: Origin
    sha256: Mapping[str, str]
    parameter: tuple[Range, ...]
    calibration: Calibration
    misfit: Misfit
    metric: tuple[Metric, ...] = ()
    cost: tuple[Cost, ...] = ()

    def __post_init__(self) -> None:
        p, h = len(self.parameter), self.network.latent
        if not p:
            raise ValueError("parameter: expected at least one [[parameter]], found none")
        if set(self.sha256) != set(PRECISIONS):
            raise ValueError(
                f"sha256: expected {' and '.join(PRECISIONS)}, found {', '.join(self.sha256) or 'nothing'}"
            )
        if any(len(band) != p for row in self.calibration.factors for band in row):
            raise ValueError(f"calibration.factors: expected {p} numbers a band, one a parameter")
        if len(self.misfit.mean) != h:
            raise ValueError(f"misfit.mean: expected {h} numbers, as `latent` says, found {len(self.misfit.mean)}")

    @property
    def title(self) -> str:
        """`rolling_bearing_v1`: also the name of its folder, and what a site calls it."""
        return f"{self.network.name}_v{self.network.version}"


def fingerprint(model: ForwardModel, encoding: str) -> str:
    """Names what a network is trained for: parameters and ranges, observables, count of conditions, encoding.

    Of a model that was fitted, also the very fit. Raises ModelError, see `count_conditions`.
    """
    conditions = count_conditions(model)
    parameters = [(each.name, each.unit, each.low, each.high, each.nuisance) for each in model.space]
    own = [model.identity] if isinstance(model, Fitted) else []
    text = json.dumps([parameters, list(model.observables), conditions, encoding, *own])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def count_conditions(model: ForwardModel) -> int:
    """How many conditions its features have. Raises ModelError for a model that cannot observe no frames at all."""
    try:
        return int(model.observe([]).conditions.shape[1])
    except (ValueError, LookupError) as error:
        name = type(model).__name__
        raise ModelError(f"{name}: observe([]) must give features of no frames, it fails: {error}") from error


def ranges(parameters: Sequence[Parameter]) -> tuple[Range, ...]:
    """Of those that are no nuisance, in the model's order: what a network for this model answers."""
    return tuple(Range(each.name, each.unit, each.low, each.high) for each in parameters if not each.nuisance)


def read_card(path: Path) -> Card:
    """The card in a file. Raises CardError, one line `file:line: key: found, expected`."""
    content, locate = load(path, CardError)
    text = TomlText(path, locate, CardError)
    tables = {"network": Origin, "calibration": Calibration, "misfit": Misfit}
    rows = {"parameter": Range, "metric": Metric, "cost": Cost}
    text.refuse_unknown((), content, (*tables, *rows, "sha256"))
    parts: dict[str, Any] = {
        name: text.build(kind, (name,), text.table((name,), content)) for name, kind in tables.items()
    }
    for name, kind in rows.items():
        found = content.get(name, [])
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise text.wrong((name,), f"expected [[{name}]], found {found!r}")
        parts[name] = tuple(text.build(kind, (name, i), row) for i, row in enumerate(found))
    sha256 = text.table(("sha256",), content)
    for name, value in sha256.items():
        if not isinstance(value, str):
            raise text.wrong(("sha256", name), f"expected a text, found {value!r}")
    return text.build(Card, (), {}, **parts, sha256=dict(sha256))


def write_card(card: Card, path: Path) -> None:
    """Writes beside the final name, then renames. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_text("\n".join(_lines(card)) + "\n", encoding="utf-8")


def _lines(card: Card) -> Iterator[str]:
    for name in ("network", "sha256", "parameter", "calibration", "misfit", "metric", "cost"):
        part = getattr(card, name)
        for row in part if isinstance(part, tuple) else (part,):
            yield f"[[{name}]]" if isinstance(part, tuple) else f"[{name}]"
            pairs = (
                row.items()
                if isinstance(row, Mapping)
                else ((each.name, getattr(row, each.name)) for each in fields(row))
            )
            yield from (f"{key} = {_toml(value)}" for key, value in pairs)
            yield ""


def _toml(value: Any) -> str:
    """A number, text or nested tuple as TOML writes it; rows of tables and of sentences on lines of their own."""
    if isinstance(value, tuple):
        inner = [_toml(each) for each in value]
        split = any(isinstance(each, (tuple, str)) for each in value)
        return "[\n    " + ",\n    ".join(inner) + ",\n]" if split and inner else "[" + ", ".join(inner) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(float(value) if isinstance(value, float) else int(value))
