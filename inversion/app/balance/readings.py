"""Readings of a case as complex numbers with their errors, and what is contradictory in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, stdtrit

from inversion.app.balance.case import BalanceCase
from inversion.physics import rotor

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

ASSUMED = 0.02  # relative error of a reading where nothing is stated and nothing was repeated
_UNLIKELY = 1e-3


@dataclass(frozen=True)
class Readings:
    """response: the rotor; sd: (S,) typical deviation of a component of a reading; notes: for people, one line each."""

    response: rotor.Response
    notes: tuple[str, ...]


def vectors(given: Sequence[Any]) -> Complex:
    """Nested [amplitude, degrees] to complex numbers of the same nesting."""
    table = np.array(given, dtype=np.float64)
    return rotor.polar(table[..., 0], table[..., 1])


def take(case: BalanceCase) -> Readings:
    """The rotor's response by a case. Repeated readings are averaged."""
    runout = vectors(case.runout) if case.runout else np.zeros(len(case.vibration), dtype=np.complex128)
    initial = np.stack([vectors(each) for each in (case.vibration, *case.repeats)])
    trials = [vectors(each) for each in (case.trial_runs, *case.trial_repeats)] if case.trial_runs else []
    error, notes = _error(case, initial, trials)
    sd = _deviation(error, initial.mean(axis=0)) / np.sqrt(len(initial))
    runout_sd = _deviation(error, runout) if case.runout else np.zeros(runout.size)
    if case.influence:
        influence = vectors(case.influence)
        relative = ASSUMED if case.influence_error is None else case.influence_error
        influence_sd = relative * np.abs(influence)
        notes += () if case.influence_error is not None else (f"influence_error is not stated: {relative:.0%} assumed",)
        known = rotor.from_influence(initial.mean(axis=0), sd, influence, influence_sd, runout, runout_sd)
        return Readings(known, notes)
    masses = vectors(case.trial_masses)
    design = rotor.kept_trials(masses) if case.keep_trial else rotor.removed_trials(masses)
    runs = np.mean(trials, axis=0)
    readings = np.concatenate([initial.mean(axis=0)[:, None], runs], axis=1)
    runs_sd = _deviation(error, runs.T).T / np.sqrt(len(trials))
    known = rotor.from_trials(readings, np.concatenate([sd[:, None], runs_sd], axis=1), design, runout, runout_sd)
    return Readings(known, notes)


@dataclass(frozen=True)
class _Error:
    """relative and floor: of every reading; absolute: (S,) from repeated runs, in place of both."""

    relative: float = 0.0
    floor: float = 0.0
    absolute: Array | None = None


def _deviation(error: _Error, readings: Complex) -> Array:
    """(..., S) deviation of a component of each reading."""
    if error.absolute is not None:
        return np.broadcast_to(error.absolute, readings.shape)
    deviation: Array = np.hypot(error.relative * np.abs(readings), error.floor)
    return deviation


def _error(case: BalanceCase, initial: Complex, trials: list[Complex]) -> tuple[_Error, tuple[str, ...]]:
    """Stated; or of repeated runs, widened for being estimated from few (Student); or assumed."""
    largest = float(np.abs(initial).max())
    scatter, freedom = _scatter(initial, trials)
    stated = case.error is not None or case.error_floor > 0
    if stated:
        error = _Error(case.error or 0.0, case.error_floor)
        return error, _contradiction(error, initial, trials, freedom)
    if freedom:
        wider = float(stdtrit(freedom, (1 + case.level) / 2) / stdtrit(1e9, (1 + case.level) / 2))
        absolute = np.maximum(scatter * wider, 1e-6 * largest)
        return _Error(absolute=absolute), (f"errors are those of repeated runs, {freedom} degrees of freedom a sensor",)
    note = f"no error is stated and no run repeated: {ASSUMED:.0%} of each reading assumed"
    return _Error(ASSUMED, ASSUMED / 10 * largest), (note,)


def _scatter(initial: Complex, trials: list[Complex]) -> tuple[Array, int]:
    """(S,) deviation of a component of one reading among repeated runs, and its degrees of freedom."""
    squares = np.sum(np.abs(initial - initial.mean(axis=0)) ** 2, axis=0)
    freedom = 2 * (len(initial) - 1)
    if len(trials) > 1:
        runs = np.stack(trials)
        squares = squares + np.sum(np.abs(runs - runs.mean(axis=0)) ** 2, axis=(0, 2))
        freedom += 2 * (len(trials) - 1) * runs.shape[2]
    return np.sqrt(squares / max(freedom, 1)), freedom


def _contradiction(error: _Error, initial: Complex, trials: list[Complex], freedom: int) -> tuple[str, ...]:
    """What repeated runs say against the stated error."""
    if not freedom:
        return ()
    chi2 = _chi2(initial, error) + (_chi2(np.stack([run.T for run in trials]), error) if len(trials) > 1 else 0.0)
    freedom *= initial.shape[1]
    if gammaincc(freedom / 2, chi2 / 2) > _UNLIKELY:
        return ()
    ratio = np.sqrt(chi2 / freedom)
    return (f"contradictory: repeated runs scatter {ratio:.3g} times as widely as the stated error",)


def _chi2(runs: Complex, error: _Error) -> float:
    mean = runs.mean(axis=0)
    sd = np.maximum(_deviation(error, mean), 1e-9 * np.abs(mean).max())
    return float(np.sum(np.abs(runs - mean) ** 2 / sd**2))
