"""`inversion simulate`: a recording of a simulated machine, with the truth beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.core import ConfigurationError, InversionError
from inversion.physics.bearing import (
    RACES,
    BearingGeometry,
    contact_speed,
    entry_to_exit_time,
    fault_orders,
    width_floor,
)
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.store.whole import whole

GRAVITY = 9.80665
LABELS = "simulated.csv"  # beside the recordings, for sound files, which hold no shaft speed; see the layout
FULL_SCALE_G = 50.0  # of the simulated sensor
FASTEST_HZ = 1e7
MOST_SAMPLES = 1e8
BEARING = BearingGeometry(elements=9, element_diameter_mm=7.94, pitch_diameter_mm=39.04)  # SKF 6205
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Simulation:
    """What is simulated.

    race: "outer", "inner", "ball" or "none"; width_mm of its spall; impact_g: RMS that it causes at the sensor
    entry: strength of an element's entry into the spall relative to its strike on the far edge
    relief_mm: how far beyond the edge an entry is felt
    noise_g: RMS of everything else that is broadband; shaft_hz, sample_rate: Hz; seconds: length; seed: of the chance
    """

    race: str = "outer"
    width_mm: float = 3.0
    impact_g: float = 0.3
    entry: float = 0.4
    relief_mm: float = 0.2
    noise_g: float = 0.1
    shaft_hz: float = 29.5
    sample_rate: float = 51200.0
    seconds: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.race not in (*RACES, "none"):
            raise ValueError(f"race must be one of {', '.join(RACES)}, none; got {self.race!r}")
        limits = {
            "width_mm": BEARING.pitch_diameter_mm,
            "impact_g": FULL_SCALE_G,
            "entry": 10.0,
            "relief_mm": BEARING.element_diameter_mm,
            "noise_g": FULL_SCALE_G,
        }
        for key, most in limits.items():
            if not 0 <= getattr(self, key) <= most:
                raise ValueError(f"{key} must be 0 to {most:g}, got {getattr(self, key):g}")
        if not (1 <= self.sample_rate <= FASTEST_HZ and self.sample_rate == round(self.sample_rate)):
            raise ValueError(f"sample_rate must be a whole number, 1 to {FASTEST_HZ:g} Hz, got {self.sample_rate:g}")
        if not 0 < self.shaft_hz <= self.sample_rate / 2:
            raise ValueError(f"shaft_hz must lie between 0 and half the sample rate, got {self.shaft_hz:g}")
        if not 1 <= self.seconds * self.sample_rate <= MOST_SAMPLES:
            raise ValueError(f"seconds must make 1 to {MOST_SAMPLES:g} samples, got {self.seconds:g}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or more, got {self.seed}")

    def waveform(self) -> Floats:
        """Acceleration at the sensor, (n,) m/s2."""
        samples = round(self.seconds * self.sample_rate)
        return self.samples(self.sample_rate, samples, np.random.default_rng(self.seed))

    def samples(self, sample_rate: float, samples: int, rng: np.random.Generator) -> Floats:
        """As `waveform`, (samples,) m/s2 at a rate of a sensor's own, Hz, and with the chance of the caller."""
        machine = Machine(BEARING, self.shaft_hz, noise=self.noise_g * GRAVITY, full_scale=FULL_SCALE_G * GRAVITY)
        width, relief = self.width_mm * 1e-3, self.relief_mm * 1e-3
        spall = Spall(self.race, width, self.impact_g * GRAVITY, self.entry, relief=relief)
        spalls = () if self.race == "none" else (spall,)
        return simulate_waveform(machine, spalls, sample_rate, samples, rng).astype(np.float32)

    def truth(self) -> dict[str, Any]:
        """What was put in, and what follows from it; units in the names."""
        speed = contact_speed(BEARING, self.shaft_hz)
        follows: dict[str, Any] = {
            "width_floor_mm": _short(1e3 * width_floor(BEARING, self.shaft_hz, self.sample_rate))
        }
        if self.race != "none":
            follows["fault_order"] = _short(fault_orders(BEARING)[self.race])
            lag = entry_to_exit_time(self.width_mm * 1e-3, speed, self.relief_mm * 1e-3)
            follows["entry_to_strike_ms"] = _short(1e3 * lag)
        return {**asdict(self), "bearing": asdict(BEARING), **follows}


def run_simulation(out: Path, **settings: Any) -> dict[str, Any]:
    """Writes a recording to `out` (.npz or .wav) and its truth beside it (.json); returns the truth.

    settings: fields of `Simulation`. Both layouts are shipped: `configs/layouts/simulated.toml`, `simulated_wav.toml`.
    Raises ConfigurationError for what cannot be simulated, InversionError where nothing can be written.
    """
    writers: dict[str, Callable[[Path, Floats, Simulation], None]] = {".npz": _write_npz, ".wav": _write_wav}
    if out.suffix not in writers:
        raise ConfigurationError(f"--out {out}: expected a name that ends in {' or '.join(writers)}")
    try:
        simulation = Simulation(**settings)
    except ValueError as error:
        raise ConfigurationError(f"simulate: {error}") from error
    truth = {"recording": out.name, **simulation.truth()}
    waveform = simulation.waveform()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole(out) as path:
            writers[out.suffix](path, waveform, simulation)
        if out.suffix == ".wav":
            with whole(out.with_name(LABELS)) as path:
                _write_labels(path, out, simulation.shaft_hz)
        with whole(out.with_suffix(".json")) as path:
            _write_json(path, truth)
    except OSError as error:
        raise InversionError(f"cannot write {out}: {error.strerror or error}") from error
    return truth


def _write_npz(path: Path, waveform: Floats, simulation: Simulation) -> None:
    with path.open("wb") as file:
        np.savez(file, vibration=waveform, sample_rate=simulation.sample_rate, shaft_hz=simulation.shaft_hz)


def _write_wav(path: Path, waveform: Floats, simulation: Simulation) -> None:
    """32-bit float, full scale of the sensor is one."""
    from scipy.io import wavfile

    with path.open("wb") as file:
        wavfile.write(file, round(simulation.sample_rate), waveform / np.float32(FULL_SCALE_G * GRAVITY))


def _write_labels(path: Path, recording: Path, shaft_hz: float) -> None:
    """The shaft speeds of the sound files in this folder, this one's added or replaced."""
    labels = recording.with_name(LABELS)
    speeds: dict[str, str] = {}
    if labels.exists():
        with labels.open(encoding="utf-8", newline="") as file:
            speeds = {row["file"]: row["shaft_hz"] for row in csv.DictReader(file)}
    speeds[recording.name] = repr(shaft_hz)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("file", "shaft_hz"), *speeds.items()])


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _short(value: float) -> float:
    return float(f"{value:.6g}")
