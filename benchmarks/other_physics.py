"""A damaged bearing integrated in time, from masses, springs and contacts: an independent judge of the spall widths.

It shares no code with `inversion.physics.bearing_simulation` nor with what `rolling_bearing` predicts, and no number in
the model was set on it. Where the events of a passage lie, how soft and how strong they are, follows from mechanics:

- The center of an element follows the path between the edges of the spall: a circle about the first edge, then one
  about the second (Sawalhi & Randall, Mech. Syst. Signal Process. 25 (2011) 846-870, figure 6; rounded edges lengthen
  the radius). Element and race touch by a Hertzian spring with loss (Hunt & Crossley, J. Appl. Mech. 42 (1975) 440).
- The load on the element falls as it sinks by the deflection of its contacts; what a preload spring pushes remains and
  keeps the element on its path (Harris, Rolling Bearing Analysis, 4th ed. (2001), chapters 6 and 7; also the zone).
  An entry is therefore felt some tenths of a millimeter after the edge (`unloading_path`), a strike half way.
- Ring, housing and what lies between are masses in a chain; their modes are integrated as recursions, exact for a force
  that is constant over a step. Rough surfaces push the ring at random, the sensor adds noise, a Butterworth filter
  stands before the converter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

_OVERSAMPLING = 8
_STEPS = 3  # of the contact within a step of the structure
_HERTZ = 1.0e10  # N / m^1.5 of a ball of 8 mm on its race
_DENSITY = 7_800.0  # kg / m3


@dataclass(frozen=True)
class Rig:
    """A deep-groove ball bearing (elements, their diameter and pitch diameter, m) at shaft_hz, and where it is damaged.

    race: "outer", "inner" or "ball"; width: m; crooked: standard deviation of the width a passage sees, relative
    edge: m, radius to which its edges are rounded; load: N on the element that carries most
    preload: share of it that a spring keeps up; snr_db: of the acceleration
    """

    elements: int
    ball: float
    pitch: float
    shaft_hz: float
    race: str
    width: float
    crooked: float = 0.02
    edge: float = 0.1e-3
    load: float = 200.0
    preload: float = 0.15
    snr_db: float = 15.0

    def __post_init__(self) -> None:
        if not 0 < self.width < 0.8 * self.ball:
            raise ValueError(
                f"width must be positive and below 0.8 of the ball, which must bridge it, got {self.width} m"
            )

    @property
    def unloading_path(self) -> float:
        """m along the race, from the first edge on, until both contacts of the most loaded element are relieved."""
        return float(np.sqrt(2 * (self.ball / 2 + self.edge) * 2 * (self.load / _HERTZ) ** (2 / 3)))


def draw_rig(race: str, width: float, shaft_hz: float, rng: np.random.Generator) -> Rig:
    """An SKF 6205 under some load, its spall with some edges."""
    return Rig(
        9,
        7.94e-3,
        39.04e-3,
        shaft_hz,
        race,
        width,
        crooked=float(rng.uniform(0.01, 0.03)),
        edge=float(rng.uniform(0.02e-3, 0.3e-3)),
        load=float(np.exp(rng.uniform(*np.log([100, 600])))),
        preload=float(rng.uniform(0.1, 0.3)),
        snr_db=float(rng.uniform(0, 20)),
    )


def acceleration(rig: Rig, sample_rate: float, samples: int, rng: np.random.Generator) -> np.ndarray:
    """(samples,) m/s2 beside the housing; the noise is one m/s2."""
    rate = _OVERSAMPLING * sample_rate
    n = _OVERSAMPLING * (samples + 2_000)
    force = np.zeros(n)
    starts, carried = _passages(rig, n / rate, rng)
    pulses = _contact_forces(rig, carried, rate, rng)
    for start, pulse in zip((starts * rate).astype(int), pulses, strict=True):
        end = min(start + pulse.size, n)
        force[start:end] += pulse[: end - start]
    chain = _chain(rng)
    wanted = _sensor(_respond(chain, force, rate), sample_rate, rate)[-samples:]
    rough = _sensor(_respond(chain, rng.standard_normal(n), rate), sample_rate, rate)[-samples:]
    noise = rough / rough.std() + rng.uniform(0.1, 0.5) * rng.standard_normal(samples)
    return np.asarray(wanted / wanted.std() * 10 ** (rig.snr_db / 20) + noise / noise.std())


def _passages(rig: Rig, duration: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """When elements reach the first edge, s, and the load that each carries there, N.

    The cage turns at half the speed of the pitch circle, less some slip that drifts; elements sit loosely in it.
    """
    ratio = rig.ball / rig.pitch
    cage = rig.shaft_hz / 2 * (1 - ratio)
    relative = {"outer": cage * rig.elements, "inner": (rig.shaft_hz - cage) * rig.elements}
    spin = rig.shaft_hz / (2 * ratio) * (1 - ratio**2)
    rate = relative.get(rig.race, 2 * spin)
    count = int(1.1 * duration * rate)
    drift = signal.lfilter([1.0], [1.0, -0.9], rng.normal(0, 0.0006, count)) + rng.uniform(-0.004, 0.004)
    starts = rng.uniform(0, 1 / rate) + np.cumsum((1 + drift) / rate) + rng.normal(0, 0.002, count) / rate
    starts = starts[(starts > 0) & (starts < duration)]
    turns = {"outer": 0.0, "inner": rig.shaft_hz, "ball": cage}[rig.race]
    angle = 2 * np.pi * (turns * starts + (rng.uniform(0, 1) if turns else 0.0))
    share = np.maximum(1 - (1 - np.cos(angle)) / (2 * 0.45), 0.0) ** 1.5
    return starts, rig.load * (rig.preload + (1 - rig.preload) * share)


def _contact_forces(rig: Rig, carried: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """(passages, m) N by which the force on the race differs from what it is without a spall."""
    k, speed = carried.size, np.pi * rig.shaft_hz * (rig.pitch**2 - rig.ball**2) / (2 * rig.pitch)
    radius, mass = rig.ball / 2 + rig.edge, _DENSITY * np.pi / 6 * rig.ball**3
    widths = rig.width * (1 + rig.crooked * rng.standard_normal(k))
    kept = np.minimum(rig.preload * rig.load, carried)
    squeezed = (carried / _HERTZ) ** (2 / 3)  # deflection of either contact
    steps = int(rate * (rig.width * (1 + 4 * rig.crooked) / speed + 1.0e-3))
    dt = 1 / (rate * _STEPS)
    sunk, velocity = np.zeros(k), np.zeros(k)
    forces = np.empty((k, steps))
    for step in range(steps):
        for part in range(_STEPS):
            along = np.clip(speed * (step * _STEPS + part) * dt, 0.0, widths)
            reach = np.minimum(along, widths - along)
            depth = radius - np.sqrt(radius**2 - np.minimum(reach, 0.99 * radius) ** 2)
            slope = np.where(along < widths / 2, 1, -1) * reach / (radius - depth)
            pressed = np.maximum(squeezed + sunk - depth, 0.0)
            closing = velocity - slope * speed
            outward = np.maximum(_HERTZ * pressed**1.5 * (1 + 0.3 * closing), 0.0)
            inward = _HERTZ * np.maximum(squeezed - sunk, 0.0) ** 1.5
            push = kept + (1 - kept / carried) * inward
            velocity += (push - outward) / mass * dt
            sunk += velocity * dt
        forces[:, step] = outward - carried
    return forces


def _chain(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angular frequencies, dampings, and gains from a force on the ring to the bushing's acceleration, of 3 modes."""
    masses = np.array([0.12, 0.25, 0.9]) * rng.uniform(0.7, 1.4, 3)
    ring, bushing, foundation = np.array([6e8, 8e8, 4e8]) * rng.uniform(0.6, 1.6, 3)
    stiffness = np.array([[ring, -ring, 0], [-ring, ring + bushing, -bushing], [0, -bushing, bushing + foundation]])
    root = 1 / np.sqrt(masses)
    squares, shapes = np.linalg.eigh(stiffness * root[:, None] * root)
    shapes = shapes * root[:, None]
    return np.sqrt(squares), rng.uniform(0.015, 0.06, 3), shapes[0] * shapes[1]


def _respond(chain: tuple[np.ndarray, np.ndarray, np.ndarray], force: np.ndarray, rate: float) -> np.ndarray:
    """Acceleration under a force that is constant over a step: each mode's recursion, exact."""
    total = np.zeros(force.size)
    for omega, damping, gain in zip(*chain, strict=True):
        a = np.array([[0.0, 1.0], [-(omega**2), -2 * damping * omega]])
        b, c = np.array([[0.0], [1.0]]), np.array([[-(omega**2), -2 * damping * omega]])
        ad, bd, cd, dd, _ = signal.cont2discrete((a, b, c, np.array([[1.0]])), 1 / rate)
        numerator, denominator = signal.ss2tf(ad, bd, cd, dd)
        total += gain * signal.lfilter(numerator[0], denominator, force)
    return total


def _sensor(record: np.ndarray, sample_rate: float, rate: float) -> np.ndarray:
    """Behind the filter before the converter, at the sample rate."""
    sections = signal.butter(6, 0.42 * sample_rate, output="sos", fs=rate)
    return np.asarray(signal.sosfilt(sections, record)[::_OVERSAMPLING])
