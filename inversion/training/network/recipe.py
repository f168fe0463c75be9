"""What a network is trained by: one TOML file in `configs/train/`, whose tables are these classes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import pairwise

KINDS = ("races", "dense")
#: Options of `[data]` that are of dense networks only, and came when other recipes had their keys.
DENSE_ONLY = ("strays", "deviations")

_WIDEST = 2048
_MOST_DB, _MOST_HZ, _FEWEST_SAMPLES = 120.0, 1e7, 1024


@dataclass(frozen=True)
class Named:
    """`[network]`: what it will be called, and how it is built.

    kind: "races", one subnetwork over the edge profile of each race of a rolling bearing, which never looks at a level;
        "dense", layers over all features of one machine's model, levels too
    training_data, failures: what the card says of them
    levels: probabilities of the quantiles that it answers
    """

    name: str
    version: int = 1
    kind: str = "races"
    seed: int = 1
    license: str = "MIT"
    training_data: str = "simulated only"
    failures: tuple[str, ...] = ()
    levels: tuple[float, ...] = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(
                f"name must be letters, digits, _ and -, since folders are called by it, got {self.name!r}"
            )
        if self.version < 1 or not 0 <= self.seed < 1 << 32:
            raise ValueError(
                f"version must be at least 1 and seed from 0 to 2^32 - 1, got {self.version} and {self.seed}"
            )
        rising = all(a < b for a, b in pairwise(self.levels))
        if not rising or not {0.05, 0.5, 0.95} <= set(self.levels) or not 0 < self.levels[0] < self.levels[-1] < 1:
            raise ValueError("levels must rise inside 0 to 1 and hold 0.05, 0.5 and 0.95")


@dataclass(frozen=True)
class Data:
    """`[data]`: what is drawn. Pairs are ranges.

    windows: in all; of each machine windows_a_machine; held_out, calibration: shares of the *machines* that are only
        judged by, or only calibrated by
    shard: windows a file, the step at which an interrupted run is taken up

    Of rolling bearings: sample_rates: Hz; shaft_hz; pitch_mm; revolutions and samples: of a window; ratio_db: of a
    fault over the noise; healthy, second, no_entry, busy, sensor_faults, mounted: shares of windows without a fault,
    with a second one, whose elements enter without an event, of loud machines, with a sensor that clips, loses samples
    or is coarse, with a resonance of the mounting.
    noise: recordings of healthy machines (.npz of one array `acceleration`, white or not) under the simulated faults

    Of one machine's model of any other kind: conditions: a range each, SI, by default those that the model knows;
    deviations: of a model that does not tell its noise, one standard deviation of all observables or of each, SI;
    noise_levels: factor on the noise; sensor_faults: share of windows in which some features, channels or sensors are
    not seen; strays: share of windows in which some of them are those of another state of the machine. Where records
    are simulated in time: sample_rates, revolutions, and ratio_db: of the heaviest unbalance over all else
    """

    windows: int
    windows_a_machine: int = 2
    held_out: float = 0.12
    calibration: float = 0.18
    shard: int = 500
    sample_rates: tuple[float, ...] = (25_600.0, 48_000.0, 51_200.0, 51_200.0, 65_536.0, 102_400.0)
    shaft_hz: tuple[float, float] = (8.0, 60.0)
    pitch_mm: tuple[float, float] = (25.0, 90.0)
    revolutions: tuple[float, float] = (18.0, 60.0)
    samples: tuple[int, int] = (8_192, 65_536)
    ratio_db: tuple[float, float] = (-4.0, 20.0)
    healthy: float = 0.04
    second: float = 0.2
    no_entry: float = 0.05
    busy: float = 0.4
    sensor_faults: float = 0.1
    mounted: float = 0.3
    noise: tuple[str, ...] = ()
    conditions: tuple[tuple[float, float], ...] = ()
    noise_levels: tuple[float, float] = (1.0, 1.0)
    strays: float = 0.2
    deviations: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.windows < 50 or self.windows_a_machine < 1 or self.shard < 1:
            raise ValueError(
                "windows must be at least 50, windows_a_machine and shard at least 1, "
                f"got {self.windows}, {self.windows_a_machine}, {self.shard}"
            )
        for name in ("held_out", "calibration"):
            if not 0.02 <= getattr(self, name) <= 0.45:
                raise ValueError(f"{name} must lie between 0.02 and 0.45, got {getattr(self, name)}")
        for name in ("healthy", "second", "no_entry", "busy", "sensor_faults", "mounted", "strays"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        for name in ("shaft_hz", "pitch_mm", "revolutions", "samples", "noise_levels"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be a range of positive numbers, got {low} and {high}")
        if not all(0 < each < math.inf for each in self.deviations):
            raise ValueError(f"deviations must be positive, got {', '.join(map(str, self.deviations))}")
        if not -_MOST_DB <= self.ratio_db[0] <= self.ratio_db[1] <= _MOST_DB:
            raise ValueError(f"ratio_db must be a range within {_MOST_DB:g} dB either way, got {self.ratio_db}")
        if not self.sample_rates or not all(1 <= each <= _MOST_HZ for each in self.sample_rates):
            raise ValueError(f"sample_rates must lie between 1 and {_MOST_HZ:g} Hz, got {self.sample_rates}")
        if self.samples[0] < _FEWEST_SAMPLES:
            raise ValueError(f"samples must be at least {_FEWEST_SAMPLES} a window, got {self.samples[0]}")


@dataclass(frozen=True)
class Fit:
    """`[teacher]` and `[student]`.

    channels: of each layer; blocks: separable convolutions (or dense layers) one after the other; kernel: cells of each
    hidden: width of the layer that sees the whole window, the latent that the misfit is judged by
    members: networks whose densities are averaged
    epochs: at most; patience: epochs without a better held-out loss after which it stops; rate: first learning rate
    temperature: by which the teacher's densities are softened; hint: weight of the teacher's latent on the student's;
    truth: share of the loss that the true parameters keep beside the teacher
    """

    channels: int
    blocks: int = 3
    kernel: int = 5
    hidden: int = 32
    members: int = 1
    epochs: int = 30
    patience: int = 6
    batch: int = 128
    rate: float = 2e-3
    temperature: float = 1.0
    hint: float = 0.0
    truth: float = 0.3

    def __post_init__(self) -> None:
        for name in ("channels", "blocks", "hidden", "members", "epochs", "patience", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
            if name in ("channels", "blocks", "hidden", "members") and getattr(self, name) > _WIDEST:
                raise ValueError(f"{name} must be at most {_WIDEST}, got {getattr(self, name)}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, got {self.kernel}")
        if not (self.rate > 0 and self.temperature > 0 and self.hint >= 0 and 0 <= self.truth <= 1):
            raise ValueError("rate and temperature must be positive, hint zero or more, truth between 0 and 1")


@dataclass(frozen=True)
class Compress:
    """`[compress]`: prune: share of the channels taken out, 0 for none; epochs: of fine-tuning after it

    rounding_epochs: of fine-tuning as integers; calibration_windows: by which the ranges of activations are found
    """

    prune: float = 0.25
    epochs: int = 8
    rounding_epochs: int = 4
    calibration_windows: int = 300

    def __post_init__(self) -> None:
        if not 0 <= self.prune < 0.9 or min(self.epochs, self.rounding_epochs) < 1 or self.calibration_windows < 8:
            raise ValueError(
                "prune must lie between 0 and 0.9, epochs be at least 1, calibration_windows at least 8, got "
                f"{self.prune}, {self.epochs} and {self.rounding_epochs}, {self.calibration_windows}"
            )


@dataclass(frozen=True)
class Search:
    """`[search]`: trials of width, depth and precision; none by default. epochs: each

    The shape of `[student]` is the first trial, and stays unless another is better by more than chance.
    channels, blocks: ranges, ends included, channels by eights; kernels: to choose from
    utility: what is chosen by, score (relative) + million * multiplications (millions a race) + kb * size, the least
    """

    trials: int = 0
    epochs: int = 4
    channels: tuple[int, int] = (8, 64)
    blocks: tuple[int, int] = (1, 4)
    kernels: tuple[int, ...] = (3, 5, 7)
    million: float = 0.02
    kb: float = 1e-4

    def __post_init__(self) -> None:
        ranges = (*self.channels, *self.blocks)
        if self.trials < 0 or min(*ranges, self.epochs) < 1 or sorted(self.channels) != list(self.channels):
            raise ValueError("trials must be 0 or more, epochs, channels and blocks at least 1 and ranges rise")
        if not self.kernels or any(each < 1 or each % 2 == 0 for each in self.kernels):
            raise ValueError(f"kernels must be odd, got {self.kernels}")


@dataclass(frozen=True)
class Judge:
    """`[judge]`: solver_windows: held-out windows that least squares inverts too
    speeds, ratios_db: edges between the bands of the calibration
    """

    solver_windows: int = 400
    speeds: tuple[float, ...] = (25.0, 40.0)
    ratios_db: tuple[float, ...] = (3.5, 5.5, 8.0)

    def __post_init__(self) -> None:
        if self.solver_windows < 1:
            raise ValueError(f"solver_windows must be at least 1, got {self.solver_windows}")
        for name in ("speeds", "ratios_db"):
            edges = getattr(self, name)
            if any(a >= b for a, b in pairwise(edges)):
                raise ValueError(f"{name} must rise, got {', '.join(map(str, edges))}")


@dataclass(frozen=True)
class Solver:
    """`[solver]`: the least squares that teaches a dense network, with the options of `[engine]`.

    Noise is drawn as it expects it: normal, or of Student's t with so many degrees of freedom.
    """

    loss: str = "student"
    freedom: float = 4.0

    def __post_init__(self) -> None:
        if self.loss not in ("gaussian", "student"):
            raise ValueError(f"loss must be 'gaussian' or 'student', got {self.loss!r}")
        if not 1 <= self.freedom < float("inf"):
            raise ValueError(f"freedom must be at least 1, got {self.freedom}")

    @property
    def t(self) -> float:
        """Degrees of freedom of the noise; infinite where it is normal."""
        return self.freedom if self.loss == "student" else float("inf")


@dataclass(frozen=True)
class Recipe:
    """All of it. A dense network is taught by `solver`, every other one by `teacher`."""

    network: Named
    data: Data
    teacher: Fit
    student: Fit
    compress: Compress = field(default_factory=Compress)
    search: Search = field(default_factory=Search)
    judge: Judge = field(default_factory=Judge)
    solver: Solver = field(default_factory=Solver)
    forward: str = ""
