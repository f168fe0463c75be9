"""How good a network is on machines that it never saw: what a finding would say, against the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.core import QUANTILE_LEVELS, Parameter, ParameterSpace
from inversion.core.encoding import Columns, Encoded, ratio_db
from inversion.core.scores import interval_score
from inversion.engines.conformal import Bands, learn_factors
from inversion.engines.quantile_answers import tabulator
from inversion.store.card import Calibration, Metric
from inversion.training.network.recipe import Judge

Array = NDArray[np.float64]

LEVEL = 0.9
BINS = 3


@dataclass(frozen=True)
class Told:
    """Intervals as a finding states them, (n, p), SI: from nothing upward where not resolved; value: the median."""

    low: Array
    high: Array
    value: Array
    resolved: NDArray[np.bool_]

    def take(self, rows: NDArray[np.intp]) -> Told:
        """Some of them."""
        return Told(self.low[rows], self.high[rows], self.value[rows], self.resolved[rows])


@dataclass(frozen=True)
class Bin:
    """Answers that are judged together. inside: (n, p)"""

    name: str
    parameter: Parameter
    words: str
    inside: NDArray[np.bool_]


def calibrate(
    space: ParameterSpace,
    levels: tuple[float, ...],
    quantiles: Array,
    encoded: Encoded,
    at: Columns,
    truth: Array,
    measured: NDArray[np.bool_],
    judge: Judge,
    alike: tuple[tuple[int, ...], ...],
    direct: NDArray[np.bool_],
) -> Calibration:
    """The card's calibration by windows that were not learnt from. truth: (n, p) shares, NaN where there is none.

    measured: (n, p) whether anything that tells of the parameter was measured, see `answers.measured`
    alike: parameters that share their weights, and therefore their factors, each; direct: (p,) see `Tabulator`
    """
    p = truth.shape[1]
    floors = encoded[:, at.floor][:, _shown(space)].astype(np.float64)
    speed = _speed(encoded, at)
    ratio = ratio_db(encoded, at)
    found: dict[int, tuple[Calibration, int]] = {}
    for group in alike:
        rows, columns = np.nonzero(np.isfinite(truth[:, list(group)]))
        columns = np.array(group)[columns]
        first = group[0]  # the column in which the factors of a group stand
        own, lowest = np.full((rows.size, p), 0.5), np.zeros((rows.size, p))
        answers = np.tile(np.asarray(levels), (rows.size, p, 1))
        own[:, first], answers[:, first] = truth[rows, columns], quantiles[rows, columns]
        lowest[:, first] = floors[rows, columns]
        told = np.ones((rows.size, p), dtype=np.bool_)
        told[:, first] = measured[rows, columns]
        edges = judge.speeds, judge.ratios_db
        table = learn_factors(
            tabulator(space, levels, direct), answers, lowest, own, speed[rows], ratio[rows], edges, LEVEL, told
        )
        found |= dict.fromkeys(group, (table, first))
    ordered = [found[j] for j in range(p)]
    bands = [(a, b) for a in range(len(judge.speeds) + 1) for b in range(len(judge.ratios_db) + 1)]
    width = len(judge.ratios_db) + 1
    factors = [tuple(table.factors[a][b][first] for table, first in ordered) for a, b in bands]
    windows = [min(table.windows[a][b] for table, _ in ordered) for a, b in bands]
    return Calibration(
        LEVEL,
        judge.speeds,
        judge.ratios_db,
        tuple(tuple(factors[k : k + width]) for k in range(0, len(bands), width)),
        tuple(tuple(windows[k : k + width]) for k in range(0, len(bands), width)),
    )


def told(
    space: ParameterSpace,
    levels: tuple[float, ...],
    quantiles: Array,
    encoded: Encoded,
    at: Columns,
    measured: NDArray[np.bool_],
    calibration: Calibration | None,
    direct: NDArray[np.bool_] | None = None,
    widening: Array | None = None,
) -> Told:
    """What findings would say of (n, p, q) answers, widened by a calibration where there is one.

    direct: (p,) see `Tabulator`; widening: (n,) by misfit
    """
    shown = _shown(space)
    floors = encoded[:, at.floor][:, shown].astype(np.float64)
    factors = np.ones(quantiles.shape[:2])
    if calibration is not None:
        table = Bands(*(np.array(part) for part in (calibration.speeds, calibration.ratios_db, calibration.factors)))
        factors = table.of(_speed(encoded, at), ratio_db(encoded, at))
    if widening is not None:
        factors = factors * widening[:, None]
    answered = tabulator(space, levels, direct).table(quantiles, factors, floors)
    low, middle, high, top = (_at(answered.marginals, each) for each in (0.05, 0.5, 0.95, LEVEL))
    least, span = space.low[shown], (space.high - space.low)[shown]
    resolved = answered.resolved & measured
    return Told(
        least + span * np.where(resolved, low, 0.0),
        least + span * np.where(resolved, high, top),
        least + span * middle,
        resolved,
    )


def scores(answers: Told, truth: Array) -> Array:
    """(n, p) interval scores, SI; NaN where there is no truth."""
    return np.where(np.isfinite(truth), interval_score(answers.low, answers.high, truth, LEVEL), np.nan)


def metrics(name: str, answers: Told, truth: Array, bins: Sequence[Bin]) -> Iterator[Metric]:
    """Rows of a card. truth: (n, p) SI, NaN where there is none."""
    value = scores(answers, truth)
    for one in bins:
        rows = one.inside & np.isfinite(truth)
        if not rows.any():
            continue
        shown = one.parameter.to_shown(1.0) - one.parameter.to_shown(0.0)
        low, high, middle, right = answers.low[rows], answers.high[rows], answers.value[rows], truth[rows]
        yield Metric(
            network=name,
            parameter=one.name,
            bin=one.words,
            unit=one.parameter.shown,
            windows=int(rows.sum()),
            rmse=float(np.sqrt(np.mean((middle - right) ** 2)) * shown),
            coverage=float(np.mean((low <= right) & (right <= high))),
            width=float(np.mean(high - low) * shown),
            score=float(np.mean(value[rows]) * shown),
        )


def bins_of(space: ParameterSpace, truth: Array, alike: Mapping[str, tuple[int, ...]]) -> list[Bin]:
    """Every parameter by itself; those that are alike together, also by thirds of the true value.

    alike: a name for parameters that share their weights, and their numbers
    """
    parameters = [each for each in space if not each.nuisance]
    found = [_bin(one.name, one, "all", (j,), truth.shape) for j, one in enumerate(parameters)]
    for name, group in alike.items():
        one, columns = parameters[group[0]], list(group)
        known = truth[:, columns][np.isfinite(truth[:, columns])]
        if not known.size:
            continue
        whole = _bin(name, one, "all", group, truth.shape)
        found.append(whole)
        edges = np.quantile(known, np.linspace(0, 1, BINS + 1))
        for k in range(BINS):
            inside = whole.inside & (truth >= edges[k]) & ((truth < edges[k + 1]) | (k == BINS - 1))
            low, high = (one.to_shown(float(each)) for each in edges[k : k + 2])
            unit = "" if one.shown == "1" else f" {one.shown}"
            found.append(Bin(name, one, f"{low:.2g} to {high:.2g}{unit}", inside))
    return found


def _bin(name: str, one: Parameter, words: str, group: Sequence[int], shape: tuple[int, ...]) -> Bin:
    inside = np.zeros(shape, dtype=np.bool_)
    inside[:, list(group)] = True
    return Bin(name, one, words, inside)


def _speed(encoded: Encoded, at: Columns) -> Array:
    """(n,) the first condition, by which bands are cut; zero of a model that has none, as an engine has it."""
    speed: Array = encoded[:, at.condition.start : at.condition.start + 1].astype(np.float64).sum(axis=1)
    return speed


def _shown(space: ParameterSpace) -> NDArray[np.intp]:
    return np.flatnonzero([not each.nuisance for each in space])


def _at(marginals: Array, probability: float) -> Array:
    right = int(np.clip(np.searchsorted(QUANTILE_LEVELS, probability), 1, QUANTILE_LEVELS.size - 1))
    below, above = QUANTILE_LEVELS[right - 1], QUANTILE_LEVELS[right]
    share = (probability - below) / (above - below)
    between: Array = (1 - share) * marginals[..., right - 1] + share * marginals[..., right]
    return between


def misses(metrics: list[Metric], worse: float = 1.02, points: float = 0.01) -> list[str]:
    """Bins in which `lite` is worse than `full` by more than that, and how much, the worst first."""
    full = {(row.parameter, row.bin): row for row in metrics if row.network == "full"}
    found = []
    for row in metrics:
        if row.network != "lite":
            continue
        one = full[row.parameter, row.bin]
        ratio, off = row.score / one.score, abs(row.coverage - one.coverage)
        if ratio > worse or off > points + 1e-9:
            coverage = f"coverage {row.coverage:.3f} for {one.coverage:.3f} in {row.windows} windows"
            text = f"{row.parameter}, {row.bin}: score {ratio:.3f} times, {coverage}"
            found.append((max(ratio / worse, off / points), text))
    return [text for _, text in sorted(found, reverse=True)]
