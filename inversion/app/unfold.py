"""`inversion unfold`: one linear case from its readings to its parameters, with the regularization laid open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.app.options import Document, build, read_document
from inversion.core import ConfigurationError, Estimate, ModelError
from inversion.core.finding import parameters_to_json
from inversion.engines.regularize import STRENGTHS
from inversion.engines.tikhonov import Regularization, Tikhonov
from inversion.forward.linear import Linear
from inversion.store.matrix import read_matrix

Array = NDArray[np.float64]

_SECTIONS = ("forward", "engine", "measured")
_PLUGINS = {"forward": "linear", "engine": "tikhonov"}


@dataclass(frozen=True)
class Measured:
    """`[measured]`. file: CSV or NPZ, rows named as those of the matrix, one or more columns of readings."""

    file: Path


@dataclass(frozen=True)
class Case:
    """A linear model, how to invert it, and (n, d) readings in the units of its matrix, NaN where not taken."""

    path: Path
    model: Linear
    engine: Tikhonov
    names: tuple[str, ...]
    readings: Array


def load_case(path: Path) -> Case:
    """The case of a configuration file. Raises ConfigurationError, one line a complaint."""
    document = read_document(path)
    unknown = [document.unknown((name,), _SECTIONS) for name in document.content if name not in _SECTIONS]
    if unknown:
        raise ConfigurationError("\n".join(map(str, unknown)))
    model = build(document, ("forward",), _options(document, "forward"), Linear)
    engine = build(document, ("engine",), _options(document, "engine"), Tikhonov)
    measured = build(document, ("measured",), document.content.get("measured", {}), Measured)
    names, readings = _readings(measured.file, model)
    return Case(path, model, engine, names, readings)


def unfold(case: Case, level: float = 0.9) -> dict[str, Any]:
    """Every column of readings inverted: parameters with intervals, resolution, and every rule's strength."""
    try:
        inverter = case.engine.bind(case.model)
    except ModelError as error:
        raise ConfigurationError(f"{case.path}: engine: {error}") from error
    features = case.model.features_of(case.readings)
    estimates = inverter.invert(features)
    solutions = []
    for row, (name, estimate) in enumerate(zip(case.names, estimates, strict=True)):
        how = inverter.regularization(features, row)
        solutions.append({"name": name, **_fit(estimate), **_parameters(estimate, how, level), **_choice(how)})
    return {
        "case": str(case.path),
        "readings": len(case.model.observables),
        "parameters": len(case.model.space),
        "order": case.engine.order,
        "rule": case.engine.rule if case.engine.strength is None else "given",
        "solutions": solutions,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    told = [f"{result['case']}: {result['readings']} readings, {result['parameters']} parameters"]
    for solution in result["solutions"]:
        told += ["", solution["name"], *_fit_lines(result, solution), "", *_table(solution)]
    return told


def _options(document: Document, section: str) -> dict[str, Any]:
    """The options of a section; `use`, as a site would have it, may stand there."""
    table = document.content.get(section, {})
    if not isinstance(table, dict):
        raise document.error((section,), f"must be a table, found {table!r}")
    if table.get("use", _PLUGINS[section]) != _PLUGINS[section]:
        raise document.error((section, "use"), f"must be {_PLUGINS[section]!r} here, found {table['use']!r}")
    return {name: value for name, value in table.items() if name != "use"}


def _readings(path: Path, model: Linear) -> tuple[tuple[str, ...], Array]:
    found = read_matrix(path)
    rows = model.readings
    strange = [name for name in found.rows if name not in rows]
    if strange:
        raise ConfigurationError(f"{path}: row {strange[0]!r}: no such row in {model.matrix}, there are: {_some(rows)}")
    readings = np.full((len(found.columns), len(rows)), np.nan)
    readings[:, [rows.index(name) for name in found.rows]] = found.values.T
    return found.columns, readings


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _fit(estimate: Estimate) -> dict[str, Any]:
    fit = estimate.fit
    return {"quality": fit.quality.name.lower(), "reduced_chi2": _short(fit.reduced_chi2), "reason": fit.reason}


def _parameters(estimate: Estimate, how: Regularization | None, level: float) -> dict[str, Any]:
    resolution = np.zeros(len(estimate.space)) if how is None else np.diagonal(how.resolution)
    told = parameters_to_json(estimate, level)
    for name, row in told.items():
        row["resolution"] = _short(float(resolution[estimate.space.index(name)]))
    return {"estimates": told, "resolution_matrix": _matrix(estimate, how, list(told))}


def _matrix(estimate: Estimate, how: Regularization | None, names: list[str]) -> list[list[float | None]]:
    """A row an estimate, how much of each true parameter is in it; parameters as shares of their ranges."""
    if how is None:
        return []
    places = [estimate.space.index(name) for name in names]
    return [[_short(float(value)) for value in row] for row in how.resolution[np.ix_(places, places)]]


def _choice(how: Regularization | None) -> dict[str, Any]:
    if how is None:
        return {"rank": 0, "strength": None, "rules": {}, "curve": {}}
    profile, strengths = how.profile, {"applied": how.strength, **how.rules}
    rules = {name: _at(how, strength) for name, strength in strengths.items()}
    curve = {
        "strength": [_short(float(value)) for value in STRENGTHS],
        "misfit": [_short(float(value)) for value in profile.misfit],
        "roughness": [_short(float(value)) for value in profile.roughness],
    }
    return {"rank": how.problem.rank, "strength": _short(how.strength), "rules": rules, "curve": curve}


def _at(how: Regularization, strength: float) -> dict[str, Any]:
    """What a strength means: how many parameters' worth of the data it uses, and what it leaves unexplained."""
    at = np.log(np.clip(strength, STRENGTHS[0], STRENGTHS[-1]))
    misfit = float(np.interp(at, np.log(STRENGTHS), how.profile.misfit))
    freedom = float(how.problem.decomposition.freedom(np.array(strength)))
    return {"strength": _short(strength), "misfit": _short(misfit), "freedom": _short(freedom)}


def _fit_lines(result: dict[str, Any], solution: dict[str, Any]) -> list[str]:
    number = result["readings"]
    told = [f"  order {result['order']}, rule {result['rule']}, rank {solution['rank']}"]
    for name, rule in solution["rules"].items():
        told.append(
            f"  {name:<17} strength {rule['strength']:<12.4g} misfit {rule['misfit']:.1f} of {number}, "
            f"uses {rule['freedom']:.1f} of {result['parameters']} parameters"
        )
    if solution["reason"]:
        told.append(f"  {solution['quality']}: {solution['reason']}")
    return told


def _table(solution: dict[str, Any]) -> list[str]:
    estimates = solution["estimates"]
    wide = max(map(len, estimates))
    told = [f"  {'parameter':<{max(wide, 9)}}  {'estimate':>10}  {'interval':>23}  resolution"]
    for name, row in estimates.items():
        interval = f"[{row['low']:.4g}, {row['high']:.4g}]"
        said = "" if row["resolvable"] else f"  not resolvable, below {row['high']:.3g} {row['unit']}"
        numbers = f"{row['mean']:>10.4g}  {interval:>23}  {row['resolution']:>10.3f}"
        told.append(f"  {name:<{max(wide, 9)}}  {numbers}  {row['unit']}{said}")
    return told


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
