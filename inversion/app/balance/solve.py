"""A balancing case solved: corrections, what remains, grades, positions, and what must be said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from inversion.app.balance.case import BalanceCase, Plane, Rotor
from inversion.app.balance.readings import take, vectors
from inversion.physics import balance_grade, rotor
from inversion.physics.circular_interval import amplitude_interval, angle_half_width, probability_within
from inversion.physics.mass_split import split

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ILL = 10.0  # condition number from which planes are called nearly collinear
_SIGNIFICANT = 3.0  # standard deviations
_SHARE = 0.05  # of the weakest combination of planes: below it a plane has no part in it
_UNLIKELY = 1e-3


@dataclass(frozen=True)
class Interval:
    """value with the interval from low to high; not resolvable where low is 0 or high is infinite."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PlaneResult:
    """Of one plane. Masses in the case's unit, unbalances in g·mm, angles in degrees from 0 to 360.

    mass, angle, half_width: the correction; half_width is 180 where the angle is not resolvable
    add: what to add to trial masses that stay in, else None
    positions: (angle, mass) of a split; split_missed: how far its sum is from the correction
    unbalance: before; left: after the correction as mounted; grade, grade_left: their ISO 21940-11 grades, mm/s
    """

    name: str
    mass: Interval
    angle: float
    half_width: float
    resolvable: bool
    add: tuple[float, float] | None
    positions: tuple[tuple[float, float], ...]
    split_missed: float
    unbalance: Interval | None
    left: Interval | None
    grade: Interval | None
    grade_left: Interval | None
    probability_within_grade: float | None


@dataclass(frozen=True)
class SensorResult:
    """Of one sensor, in the case's unit: vibration before (slow roll subtracted) and predicted after, with angles."""

    name: str
    before: Interval
    before_angle: float
    after: Interval
    after_angle: float


@dataclass(frozen=True)
class Balance:
    """The answer. condition: of the planes, seen by the sensors; notes: for people, one line each, worst first.

    influence: (S)(P) the coefficients used, [amplitude, degrees]; published_off: (P) relative distance of the masses
    """

    case: BalanceCase
    planes: tuple[PlaneResult, ...]
    sensors: tuple[SensorResult, ...]
    condition: float
    influence: tuple[tuple[tuple[float, float], ...], ...]
    published_off: tuple[float, ...]
    notes: tuple[str, ...]


def solve(case: BalanceCase) -> Balance:
    """Corrections by (robust) least squares; what cannot be resolved, and what is contradictory, is said in notes."""
    readings = take(case)
    response = readings.response
    weights = np.array([sensor.weight for sensor in case.sensors])
    if case.loss != "squares":
        weights = (rotor.huber_weights if case.loss == "huber" else rotor.bisquare_weights)(response, weights)
    masses, sd, condition, said = _corrections(case, response, weights)
    wider, misfit = _misfit(case, response, masses)
    planes, mounted = _planes(case, masses, sd * wider)
    notes = (
        *said,
        *misfit,
        *_split_notes(case, planes),
        *readings.notes,
    )
    return Balance(
        case=case,
        planes=planes,
        sensors=_sensors(case, response, mounted, wider),
        condition=condition,
        influence=tuple(tuple(_polar(each) for each in row) for row in response.influence),
        published_off=_published(case, masses),
        notes=notes,
    )


def _corrections(
    case: BalanceCase, response: rotor.Response, weights: Array
) -> tuple[Complex, Array, float, tuple[str, ...]]:
    """(P,) masses, (P,) their deviations, infinite where not resolvable, the planes' condition, and what to say."""
    names = [plane.name for plane in case.planes]
    masses, sd = np.zeros(len(names), dtype=np.complex128), np.full(len(names), np.inf)
    stands_out = rotor.effect_significance(response) > _SIGNIFICANT
    active, idle = np.flatnonzero(stands_out), np.flatnonzero(~stands_out)
    notes = [
        f"not resolvable: {names[k]} does not move the vibration beyond its error; try a heavier trial mass"
        for k in idle
    ]
    if not active.size:
        return masses, sd, math.inf, tuple(notes)
    part = rotor.only(response, active.tolist())
    seen = rotor.conditioning(part, weights, _SIGNIFICANT)
    masses[active] = rotor.correction(part, weights, seen.rank)
    involved = np.abs(seen.weakest) > _SHARE * np.abs(seen.weakest).max()
    alike = _listed([names[k] for k in active[involved]])
    if seen.rank < active.size:
        notes.append(
            f"not resolvable: {alike} cannot be told apart by these sensors (condition {seen.number:.3g}); "
            "the correction shown is the smallest that does it"
        )
        told = active[~involved]
    else:
        if seen.number > _ILL:
            notes.append(f"nearly collinear: {alike} act alike on the sensors (condition {seen.number:.3g})")
        told = active
    if told.size:
        sd[told] = _spread(response, weights, masses, told.tolist())
    return masses, sd, seen.number, tuple(notes)


def _spread(response: rotor.Response, weights: Array, masses: Complex, planes: list[int]) -> Array:
    """Deviations of the masses of these planes, the others held."""
    part = rotor.only(response, planes)
    others = rotor.remaining(response, masses) - part.influence @ masses[planes]
    held = rotor.Response(others, part.influence, part.covariance)
    covariance = rotor.correction_covariance(held, weights, masses[planes])
    sd: Array = np.sqrt(np.maximum(np.diagonal(covariance).real, 0))
    return sd


def _misfit(case: BalanceCase, response: rotor.Response, masses: Complex) -> tuple[float, tuple[str, ...]]:
    """How much wider than stated the errors must be to explain what remains, and what to say of that.

    Source of the widening: Birge, Phys. Rev. 40 (1932) 207-227. A robust loss needs none: it yields to outliers.
    """
    freedom = 2 * (response.vibration.size - masses.size)
    if not freedom:
        return 1.0, ()
    left, variance = rotor.remaining(response, masses), rotor.remaining_variance(response, masses)
    each = np.abs(left) ** 2 / np.maximum(variance, np.finfo(float).tiny)
    chi2 = float(each.sum())
    if chdtrc(freedom, chi2) > _UNLIKELY:
        return 1.0, ()
    ratio, worst = math.sqrt(chi2 / freedom), case.sensors[int(each.argmax())].name
    said = (
        f"contradictory: these masses leave {ratio:.3g} times the errors of the readings, most at {worst}; "
        "the planes cannot correct that, or a reading is wrong"
    )
    if case.loss != "squares":
        return 1.0, (said,)
    return ratio, (f"{said}; intervals are widened by as much",)


def _planes(case: BalanceCase, masses: Complex, sd: Array) -> tuple[tuple[PlaneResult, ...], Complex]:
    """Results, and the (P,) masses as they would be mounted."""
    trials = vectors(case.trial_masses) if case.keep_trial else None
    results, mounted = [], masses.copy()
    for k, plane in enumerate(case.planes):
        missed = 0.0
        chosen: tuple[tuple[float, float], ...] = ()
        wanted = masses[k] if trials is None else masses[k] - trials[k]
        if plane.angles_deg:
            total, missed, chosen = _on_positions(plane, complex(wanted))
            mounted[k] = masses[k] + total - wanted
        share = None if case.rotor is None or not case.rotor.shares else case.rotor.shares[k]
        results.append(_plane(case, plane, masses[k], mounted[k], float(sd[k]), share, missed, chosen))
    return tuple(results), mounted


def _on_positions(plane: Plane, wanted: complex) -> tuple[complex, float, tuple[tuple[float, float], ...]]:
    """Vector sum of a split, what it misses, and (angle, mass) of each position that is used."""
    sign = -1 if plane.removed else 1
    angles = np.radians(plane.angles_deg)
    found = split(sign * wanted, angles, plane.heaviest or math.inf, plane.step)
    used = tuple((angle % 360, float(m)) for angle, m in zip(plane.angles_deg, found.masses, strict=True) if m > 0)
    return sign * found.total, found.missed, used


def _plane(
    case: BalanceCase, plane: Plane, mass: complex, mounted: complex, sd: float, share: float | None, missed: float,
    chosen: tuple[tuple[float, float], ...],
) -> PlaneResult:  # fmt: skip
    size, angle = _polar(mass)
    interval = _interval(size, sd, case.level)
    half = math.degrees(float(angle_half_width(np.array(size), np.array(sd), case.level)))
    add = None
    if case.keep_trial:
        add = _polar(mass - complex(vectors(case.trial_masses)[case.planes.index(plane)]))
    unbalance = left = grade = grade_left = within = None
    if plane.radius_mm:
        g_mm = plane.radius_mm * (1000.0 if case.mass_unit == "kg" else 1.0)
        unbalance = _scaled(interval, g_mm)
        left = _interval(abs(mounted - mass) * g_mm, sd * g_mm, case.level)
        if case.rotor is not None:
            carried = case.rotor.mass_kg * (share or 1 / len(case.planes))
            per = balance_grade.grade(1e-6, carried, case.rotor.rpm / 60)  # mm/s per g·mm
            grade, grade_left = _scaled(unbalance, per), _scaled(left, per)
            within = _within(case.rotor, left, sd * g_mm, per)
    return PlaneResult(
        plane.name, interval, angle, half, interval.low > 0 and math.isfinite(interval.high), add, chosen, missed,
        unbalance, left, grade, grade_left, within,
    )  # fmt: skip


def _within(rotor_: Rotor, left: Interval, sd: float, per: float) -> float:
    return 0.0 if math.isinf(sd) else probability_within(rotor_.grade / per, left.value, sd)


def _sensors(case: BalanceCase, response: rotor.Response, mounted: Complex, wider: float) -> tuple[SensorResult, ...]:
    after = rotor.remaining(response, mounted)
    after_sd = wider * np.sqrt(rotor.remaining_variance(response, mounted))
    before_sd = wider * np.sqrt(response.covariance[:, 0, 0].real)
    results = []
    for k, sensor in enumerate(case.sensors):
        before, angle = _polar(response.vibration[k])
        left, left_angle = _polar(after[k])
        results.append(
            SensorResult(
                sensor.name,
                _interval(before, float(before_sd[k]), case.level),
                angle,
                _interval(left, float(after_sd[k]), case.level),
                left_angle,
            )
        )
    return tuple(results)


def _split_notes(case: BalanceCase, planes: tuple[PlaneResult, ...]) -> tuple[str, ...]:
    return tuple(
        f"{plane.name}: the positions make up the correction to within {plane.split_missed:.3g} {case.mass_unit} only"
        for plane in planes
        if plane.split_missed > 0.1 * plane.mass.value
    )


def _published(case: BalanceCase, masses: Complex) -> tuple[float, ...]:
    """Relative distance of the masses from the published ones, as vectors."""
    if not case.published:
        return ()
    published = vectors(case.published)
    return tuple(float(d) for d in np.abs(masses - published) / np.maximum(np.abs(published), np.finfo(float).tiny))


def _interval(value: float, sd: float, level: float) -> Interval:
    value = float(value)
    if math.isinf(sd):
        return Interval(value, 0.0, math.inf)
    low, high = amplitude_interval(np.array(value), np.array(sd), level)
    return Interval(value, float(low), float(high))


def _scaled(interval: Interval, factor: float) -> Interval:
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)


def _polar(vector: complex) -> tuple[float, float]:
    return float(abs(vector)), round(math.degrees(math.atan2(vector.imag, vector.real)), 9) % 360


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
