"""Windows of machines that never were, with their truth: what a network of rolling bearings learns from.

Every machine is drawn anew: geometry, speed, structure, noise, mounting; so are its sensor and what is wrong with it. A
window comes from the simulation in time and through `observe`, as a real one would. Nothing is fitted to a recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry, longest_relief
from inversion.physics.bearing_simulation import SETTLE_S, Machine, Mode, Spall, simulate_waveform
from inversion.physics.machine_draws import draw_busy_machine, draw_geometry, draw_machine, draw_spall
from inversion.signal.transform import fast_length_below
from inversion.training.network.recipe import Data
from inversion.training.network.shards import Windows
from sensors import Frame, Waveform

Array = NDArray[np.float64]

_UNSTATED = 0.8  # of the sites leave the longest path of relief to the model
_LONGEST = 1.5  # of what the model would take, what others state reaches to


@dataclass(frozen=True)
class _Asset:
    """What the windows of one machine share."""

    geometry: BearingGeometry
    sample_rate: float
    busy: bool
    mount: Mode | None
    gain: float
    bits: int
    seed: int


def draw_machine_windows(
    model: RollingBearing, data: Data, seed: int, machine: int, noise: Sequence[Array] = ()
) -> Windows:
    """The windows of one machine by its number. noise: records of healthy machines instead of simulated noise.

    theta is (n, 6), impact and spall of each race, NaN where the race is sound; geometry (n, 4).
    """
    rng = np.random.default_rng([seed, 1, machine])
    asset = _asset(data, rng)
    g = asset.geometry
    own = replace(model, bearing=g, designation="", fault_orders=None, relief_mm=_relief_mm(g, rng))
    drawn = [_window(own, data, asset, noise, rng) for _ in range(data.windows_a_machine)]
    n = len(drawn)
    return Windows(
        own.observe([frame for frame, _, _ in drawn]),
        np.array([theta for _, theta, _ in drawn]),
        np.tile([g.elements, g.element_diameter_mm, g.pitch_diameter_mm, g.contact_angle_deg], (n, 1)).astype(float),
        np.array([ratio for _, _, ratio in drawn]),
        np.full(n, machine, dtype=np.int64),
    )


def bearing_of(model: RollingBearing, geometry: Array) -> RollingBearing:
    """The model of a window that was drawn; its path of relief is among its conditions. geometry: (4,)."""
    bearing = BearingGeometry(round(geometry[0]), *(float(each) for each in geometry[1:]))
    return replace(model, bearing=bearing, designation="", fault_orders=None)


def _relief_mm(geometry: BearingGeometry, rng: np.random.Generator) -> float | None:
    """The longest path of relief that a site has stated: mostly none, then the model's own."""
    if rng.random() < _UNSTATED:
        return None
    return 1e3 * longest_relief(geometry) * float(rng.uniform(0, _LONGEST))


def _asset(data: Data, rng: np.random.Generator) -> _Asset:
    drawn = draw_geometry(rng)
    scale = rng.uniform(*data.pitch_mm) / drawn.pitch_diameter_mm
    geometry = replace(
        drawn,
        element_diameter_mm=drawn.element_diameter_mm * scale,
        pitch_diameter_mm=drawn.pitch_diameter_mm * scale,
    )
    mount = Mode(float(np.exp(rng.uniform(np.log(4e3), np.log(2.5e4)))), float(rng.uniform(0.02, 0.15)), 1.0)
    return _Asset(
        geometry,
        float(rng.choice(data.sample_rates)),
        bool(rng.random() < data.busy),
        mount if rng.random() < data.mounted else None,
        float(10 ** rng.uniform(-1.0, 1.0)),
        int(rng.choice([12, 16, 24])),
        int(rng.integers(2**31)),
    )


def _window(
    model: RollingBearing, data: Data, asset: _Asset, noise: Sequence[Array], rng: np.random.Generator
) -> tuple[Frame, Array, float]:
    """The frame, (6,) its truth, and the ratio of the first fault over the noise, dB."""
    fits = data.revolutions[0] * asset.sample_rate / data.samples[1]  # slower, a window would be too short
    slowest = max(data.shaft_hz[0], fits)
    low, high = np.log([slowest, max(slowest, data.shaft_hz[1])])
    shaft_hz = float(np.exp(rng.uniform(low, high)))
    machine = _machine(asset, shaft_hz)  # the structure stays, speed, load and damage change
    spalls, ratio = _spalls(model, data, rng)
    samples = _fast(int(np.clip(rng.uniform(*data.revolutions) * asset.sample_rate / shaft_hz, *data.samples)), asset)
    faulty_sensor = rng.random() < data.sensor_faults
    if faulty_sensor:
        machine = replace(machine, full_scale=float(rng.uniform(3, 8)), bits=int(rng.integers(8, 12)))
    else:
        machine = replace(machine, full_scale=60.0, bits=asset.bits)
    if noise:
        machine = replace(machine, noise=1e-3)
    record = simulate_waveform(machine, spalls, asset.sample_rate, samples, rng)
    if noise:
        record = record + _real_noise(noise, samples, rng)
    if faulty_sensor and rng.random() < 0.5:
        record = _lost(record, rng)
    theta = np.full(6, np.nan)
    for spall in spalls:
        race = RACES.index(spall.race)
        theta[race], theta[3 + race] = spall.impact * asset.gain, spall.width
    channels = {
        "acceleration": Waveform((record * asset.gain).astype(np.float32), asset.sample_rate, "m/s2"),
        "shaft_hz": Waveform(np.array([shaft_hz], dtype=np.float32), 1.0, "Hz"),
    }
    return Frame("drawn", 0, True, channels), theta, ratio


def _fast(samples: int, asset: _Asset) -> int:
    """A little fewer, such that the simulation, which begins earlier, transforms quickly."""
    lead = int(SETTLE_S * asset.sample_rate)
    return fast_length_below(samples + lead) - lead


def _machine(asset: _Asset, shaft_hz: float) -> Machine:
    own = np.random.default_rng(asset.seed)
    draw = draw_busy_machine if asset.busy else draw_machine
    machine = draw(asset.geometry, shaft_hz, own)
    return replace(machine, modes=(*machine.modes, asset.mount)) if asset.mount else machine


def _spalls(model: RollingBearing, data: Data, rng: np.random.Generator) -> tuple[tuple[Spall, ...], float]:
    if rng.random() < data.healthy:
        return (), np.nan
    count = 2 if rng.random() < data.second else 1
    spalls = []
    for race in rng.permutation(len(RACES))[:count]:
        width = float(rng.uniform(0, model.widest_mm * 1e-3))
        spall = draw_spall(RACES[race], width, float(rng.uniform(*data.ratio_db)), model.relief, rng)
        spalls.append(replace(spall, entry=0.0) if rng.random() < data.no_entry else spall)
    return tuple(spalls), 20 * float(np.log10(spalls[0].impact))


def _real_noise(noise: Sequence[Array], samples: int, rng: np.random.Generator) -> Array:
    """A stretch of a healthy machine's record, at one m/s2 RMS; repeated where it is short."""
    record = noise[int(rng.integers(len(noise)))]
    stretch = np.resize(np.roll(record, -int(rng.integers(record.size))), samples)
    stretch = stretch - stretch.mean()
    return np.asarray(stretch / stretch.std())


def _lost(record: Array, rng: np.random.Generator) -> Array:
    """The record with some stretches held at their first sample, as a bus that loses packets leaves it."""
    held = record.copy()
    for _ in range(int(rng.integers(1, 6))):
        length = int(rng.integers(4, max(5, record.size // 200)))
        start = int(rng.integers(0, record.size - length))
        held[start : start + length] = held[start]
    return held
