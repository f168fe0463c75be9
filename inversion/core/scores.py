"""How good answers are where the truth is known: error, coverage, sharpness, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Levels at which coverage is told.
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: Levels of a coverage curve; LEVELS are among them.
CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Answers:
    """n answers about one parameter whose truth is known, all in one unit.

    truth, value: (n,); low, high: (n, k) ends of the intervals at CURVE; resolved: (n,)
    least, most: the parameter's range, on which the prior is uniform
    """

    truth: Array
    value: Array
    low: Array
    high: Array
    resolved: NDArray[np.bool_]
    least: float
    most: float

    def __len__(self) -> int:
        return self.truth.size

    def take(self, rows: NDArray[np.bool_]) -> Answers:
        """Those of some rows. rows: (n,)."""
        return Answers(
            self.truth[rows],
            self.value[rows],
            self.low[rows],
            self.high[rows],
            self.resolved[rows],
            self.least,
            self.most,
        )


@dataclass(frozen=True)
class Scores:
    """Of n answers, in the parameter's unit.

    coverage: at CURVE, share of intervals that hold the truth
    width: mean of the 90 % intervals over the prior's; score: mean interval score over that of the prior's interval
    unresolved: share that says "not resolvable"
    """

    answers: int
    rmse: float
    bias: float
    coverage: tuple[float, ...]
    width: float
    score: float
    unresolved: float

    def covered(self, level: float) -> float:
        """Coverage at a level of CURVE."""
        return self.coverage[CURVE.index(level)]


def interval_score(low: Array, high: Array, truth: Array, level: float) -> Array:
    """(...) score of central intervals, the smaller the better: their width, and a fine for each miss.

    Source: Gneiting & Raftery, J. Am. Stat. Assoc. 102 (2007) 359-378, eq. 43 (Winkler 1972).
    """
    fine = 2 / (1 - level)
    return np.asarray(high - low + fine * np.maximum(low - truth, 0) + fine * np.maximum(truth - high, 0))


def score(answers: Answers) -> Scores:
    """What n >= 1 answers are worth. Raises ValueError for none."""
    if not len(answers):
        raise ValueError("scores need at least one answer, got none")
    truth, error = answers.truth, answers.value - answers.truth
    inside = (answers.low <= truth[:, None]) & (truth[:, None] <= answers.high)
    at = CURVE.index(0.9)
    low, high = answers.low[:, at], answers.high[:, at]
    span = answers.most - answers.least
    least, most = answers.least + 0.05 * span, answers.most - 0.05 * span
    prior = interval_score(np.full_like(truth, least), np.full_like(truth, most), truth, 0.9)
    return Scores(
        answers=len(answers),
        rmse=float(np.sqrt(np.mean(error**2))),
        bias=float(error.mean()),
        coverage=tuple(float(share) for share in inside.mean(axis=0)),
        width=float(np.mean(high - low) / (most - least)),
        score=float(np.mean(interval_score(low, high, truth, 0.9)) / prior.mean()),
        unresolved=float(1 - answers.resolved.mean()),
    )


def rank_statistic(ranks: Array, bins: int = 20) -> tuple[float, float]:
    """Chi-square of (n,) posterior probabilities below the truth against uniform, and the chance of a larger one.

    Under a calibrated posterior, truths drawn from the prior have uniform ranks.
    Source: Talts et al., Validating Bayesian Inference Algorithms with Simulation-Based Calibration, arXiv:1804.06788.
    """
    from scipy.special import chdtrc

    counts = np.histogram(ranks, bins, (0.0, 1.0))[0]
    expected = ranks.size / bins
    statistic = float(np.sum((counts - expected) ** 2) / expected)
    return statistic, float(chdtrc(bins - 1, statistic))


def autocorrelation(series: Array, lags: int) -> Array:
    """(n, d) d series in n steps, NaN where unknown, to (lags,) their correlation at lags 1 ... , all series together.

    Each series' mean is taken off first, so n white steps have about -1/n. NaN for a lag above n / 4: too few pairs.
    """
    known = np.isfinite(series)
    count = np.maximum(known.sum(axis=0), 1)
    centered = np.where(known, series - np.where(known, series, 0.0).sum(axis=0) / count, 0.0)
    size = np.maximum((centered**2).sum() / max(int(known.sum()), 1), 1e-300)
    told = np.zeros(lags)
    for lag in range(1, lags + 1):
        pairs = int((known[lag:] & known[:-lag]).sum()) if 4 * lag <= len(series) else 0
        told[lag - 1] = float((centered[lag:] * centered[:-lag]).sum()) / pairs / size if pairs else np.nan
    return told
