"""A balancing result for people, as text, and for programs, as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inversion.app.balance.solve import Balance, Interval, PlaneResult

Row = Sequence[str]


def lines(result: Balance) -> list[str]:
    """The result as text, tables aligned."""
    case = result.case
    facts = [f"{case.level:.0%} intervals", f"masses in {case.mass_unit}"]
    facts += [f"vibration in {case.vibration_unit}"] if case.vibration_unit else []
    facts += [f"condition of the planes {_number(result.condition)}"]
    told = [case.name, *([case.source] if case.source else []), "; ".join(facts), ""]
    told += _table(_corrections(result))
    told += _positions(result)
    told += ["", *_table(_sensors(result))]
    if any(plane.unbalance for plane in result.planes):
        told += ["", *_table(_unbalances(result))]
    if result.published_off:
        off = ", ".join(f"{share:.2%}" for share in result.published_off)
        told += ["", f"distance from the published masses: {off}"]
    return [*told, *([""] if result.notes else []), *(f"note: {note}" for note in result.notes)]


def to_dict(result: Balance) -> dict[str, Any]:
    """The result as plain data; infinite bounds are null."""
    told: dict[str, Any] = _finite(
        {
            "name": result.case.name,
            "level": result.case.level,
            "mass_unit": result.case.mass_unit,
            "vibration_unit": result.case.vibration_unit,
            "planes": [asdict(plane) for plane in result.planes],
            "sensors": [asdict(sensor) for sensor in result.sensors],
            "condition": result.condition,
            "influence": result.influence,
            "published_off": result.published_off,
            "notes": result.notes,
        }
    )
    return told


def _corrections(result: Balance) -> list[Row]:
    verbs = ["remove" if plane.removed else "add" for plane in result.case.planes]
    kept = result.case.keep_trial
    rows: list[Row] = [("correction", "", "mass", "angle", *(("with trial masses left in",) if kept else ()))]
    for verb, plane in zip(verbs, result.planes, strict=True):
        turned = 180.0 if verb == "remove" else 0.0
        angle = f"{(plane.angle + turned) % 360:.1f}°"
        angle += f" ± {plane.half_width:.1f}°" if plane.half_width < 180 else ", not resolvable"
        row = [plane.name, verb, _interval(plane.mass), angle]
        if plane.add is not None:
            row.append(f"{verb} {_number(plane.add[0])} at {(plane.add[1] + turned) % 360:.1f}°")
        rows.append(row)
    return rows


def _positions(result: Balance) -> list[str]:
    unit = result.case.mass_unit
    told = []
    for given, plane in zip(result.case.planes, result.planes, strict=True):
        if not given.angles_deg:
            continue
        verb = "removed" if given.removed else "added"
        put = ", ".join(f"{_number(mass)} {unit} at {angle:g}°" for angle, mass in plane.positions) or "nothing"
        told.append(f"{plane.name}, {verb} on its positions: {put}")
    return ["", *told] if told else []


def _sensors(result: Balance) -> list[Row]:
    rows: list[Row] = [("vibration", "before", "", "predicted after")]
    for sensor in result.sensors:
        rows.append((sensor.name, _number(sensor.before.value), f"{sensor.before_angle:.0f}°", _interval(sensor.after)))
    return rows


def _unbalances(result: Balance) -> list[Row]:
    rotor = result.case.rotor
    head = ["unbalance", "before, g·mm", "after, g·mm"]
    rows: list[Row] = [
        head if rotor is None else [*head, "grade before", "grade after", f"P(G {rotor.grade:g} is met)"]
    ]
    for plane in result.planes:
        rows.append([plane.name, *_grades(plane)])
    return rows


def _grades(plane: PlaneResult) -> list[str]:
    told = [_interval(each) for each in (plane.unbalance, plane.left) if each is not None]
    told += [f"G {_interval(each)}" for each in (plane.grade, plane.grade_left) if each is not None]
    if plane.probability_within_grade is not None:
        told.append(f"{plane.probability_within_grade:.0%}")
    return told


def _interval(interval: Interval) -> str:
    if math.isinf(interval.high):
        return f"{_number(interval.value)} (not resolvable)"
    if not interval.low > 0:
        return f"{_number(interval.value)} (below {_number(interval.high)})"
    return f"{_number(interval.value)} ({_number(interval.low)} to {_number(interval.high)})"


def _number(value: float) -> str:
    if abs(value) < 1e-9:
        return "0"
    text = f"{value:.4g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.3e}"
    return str(round(value)) if 1e4 <= abs(value) < 1e6 else text


def _table(rows: Sequence[Row]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
