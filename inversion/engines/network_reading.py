"""A network's raw answer, read with its card: widened by band and misfit, tabulated, judged, or withheld."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inversion.core import (
    QUANTILE_LEVELS,
    Answered,
    Estimate,
    Features,
    Fit,
    ForwardModel,
    ParameterSpace,
    prior_estimate,
)
from inversion.core.encoding import Columns, Encoded, columns
from inversion.core.parameter import LOGISTIC
from inversion.core.tangent import Linked
from inversion.engines.conformal import Bands, bands
from inversion.engines.misfit import MisfitScore, misfit_score
from inversion.engines.quantile_answers import MARGINAL, NARROW, TOLD, Tabulator, tabulator
from inversion.store.card import Card, count_conditions
from sensors import Quality

Array = NDArray[np.float64]
Places = NDArray[np.intp] | slice
#: Of a frame: (k,) as it was encoded, its signal-to-noise ratio, dB; the answer: (p, q) quantiles, (h,) latent.
Raw = tuple[Encoded, float, Array, Array]

_NARROWEST = 1e-6  # latent variance
_CLEAR = float(np.arcsinh(3.0))  # value over deviation, as encoded


@dataclass(frozen=True)
class Reader:
    """What is needed of a card to read answers; places are slices where what they name stands together.

    shown: the p parameters that are no nuisance
    rows: of the parameters, in their order, each of the p; floors: columns of theirs, as encoded
    telling: of each of the p, the observables that tell of it, or the only one
    nuisances: the other parameters; prior: (parameters - p, k) SI, the marginals that these keep
    speed: column of the first condition, as encoded, if there is one
    stretches: (bands of speed, bands of ratio, p, 2, q), see `Tabulator`
    """

    space: ParameterSpace
    shown: Places
    rows: tuple[int, ...]
    floors: tuple[int, ...]
    telling: tuple[Places | int, ...]
    nuisances: Places
    prior: Array
    at: Columns
    speed: int | None
    tabulator: Tabulator
    bands: Bands
    stretches: Array
    misfit: MisfitScore

    def read(
        self, raw: Sequence[Raw], features: Features, floors: Sequence[Array], answered: Answered
    ) -> list[Estimate]:
        """One estimate a frame. floors: (parameters of the space,) SI, of each."""
        levels, distance = np.empty((len(raw), *self.tabulator.least.shape[1:])), []
        for k, (encoded, ratio_db, quantiles, latent) in enumerate(raw):
            far = self.misfit.distance(latent)
            self.tabulator.stretched(quantiles, self._stretches(encoded, ratio_db, far), levels[k])
            distance.append(far)
        marginals = self._marginals(self.tabulator.bounded(levels))
        estimates = []
        for k, far in enumerate(distance):
            told = levels[k, :, TOLD]
            resolved, median = self._judged(told.tolist(), raw[k][0])
            sound = math.isfinite(far + median)
            fit = self._fit(features, k, far, sound, answered)
            if sound and far <= self.misfit.threshold:
                moments = partial(self._moments, told)
                estimate = Estimate.of_marginals(self.space, moments, floors[k], resolved, fit, marginals[k])
            else:
                estimate = prior_estimate(self.space, floors[k], fit)
            estimates.append(estimate)
        return estimates

    def _stretches(self, encoded: Encoded, ratio_db: float, distance: float) -> Array:
        """(p, 2, q) by band, and by how far a frame lies off."""
        speed = 0.0 if self.speed is None else encoded.item(self.speed)
        stretches: Array = self.stretches[self.bands.band(speed, ratio_db)]
        if not distance > self.misfit.known:
            return stretches
        wider = self.misfit.widening(distance)
        stretched: Array = stretches * wider + np.array([[0.0], [1 - wider]])  # 1 - f becomes 1 - f wider
        return stretched

    def _fit(self, features: Features, row: int, distance: float, sound: bool, answered: Answered) -> Fit:
        remark = self.misfit.remark(distance) if sound else "the network's answer is no number"
        quality, reason = features.quality[row], features.reasons[row]
        if remark:
            withheld = not sound or distance > self.misfit.threshold
            quality = max(quality, Quality.BAD if withheld else Quality.UNCERTAIN)
            reason = f"{reason}; {remark}" if reason else remark
        return Fit(quality, distance * distance, reason, answered)

    def _judged(self, told: list[list[float]], encoded: Encoded) -> tuple[tuple[bool, ...], float]:
        """Of a frame which parameters of the space it resolves, and the sum of p medians, no number where one is none.

        told: (p, 8), see `Tabulator`. A nuisance is never resolved, nor what no measurement tells of.
        """
        resolved, total = [False] * len(self.space), 0.0
        for i, (_, median, _, one, two, three, bottom, top) in enumerate(told):
            total += median
            if top - bottom <= NARROW:
                something = self.tabulator.something(i, min(one, two, three), encoded.item(self.floors[i]))
                resolved[self.rows[i]] = something and self._measured(encoded, self.telling[i])
        return tuple(resolved), total

    def _measured(self, encoded: Encoded, telling: Places | int) -> bool:
        """Whether any of these observables was measured.

        What lies below its limit of detection is no measurement, whatever a network makes of it: a parameter of which
        all is censored is bounded at best, as least squares has it. A single observable that tells of it must stand
        three of its deviations above zero.
        """
        if isinstance(telling, int):
            return encoded.item(telling + self.at.state.start) > 0 and encoded.item(telling) >= _CLEAR
        return bool((encoded[self.at.state][telling] > 0).any())

    def _moments(self, told: Array) -> tuple[Array, Array]:
        """(parameters,) latent mean and (parameters, parameters) covariance; a nuisance keeps its prior.

        Median, and half the distance between one deviation either way. told: (p, 8), see `Tabulator`.
        """
        p = len(self.space)
        mean, covariance = np.zeros(p), np.eye(p)
        low, middle, high = np.log(told[:, :3] / (1 - told[:, :3])).T / LOGISTIC
        mean[self.shown] = middle
        covariance.reshape(-1)[:: p + 1][self.shown] = np.maximum((0.5 * (high - low)) ** 2, _NARROWEST)
        return mean, covariance

    def _marginals(self, levels: Array) -> Array:
        """(n, parameters, k) SI; a nuisance keeps its prior."""
        marginals = np.empty((len(levels), len(self.space), QUANTILE_LEVELS.size))
        marginals[:, self.shown] = levels[..., MARGINAL]
        marginals[:, self.nuisances] = self.prior
        return marginals


def reader(card: Card, model: ForwardModel) -> Reader:
    """For a card that fits the model."""
    space, p = model.space, len(model.space)
    shown, nuisances = (np.flatnonzero([each.nuisance == kind for each in space]) for kind in (False, True))
    linked = model.links() if isinstance(model, Linked) else np.ones((p, len(model.observables)), np.bool_)
    shares = tabulator(space, card.network.levels, isinstance(model, Linked) & (linked[shown].sum(axis=1) == 1))
    at = columns(len(model.observables), p, count_conditions(model))
    table, found = shares.told_in(space.low[shown], space.high[shown]), bands(card.calibration)
    return Reader(
        space,
        _as_slice(shown),
        tuple(shown.tolist()),
        tuple((shown + at.floor.start).tolist()),
        tuple(int(each[0]) if each.size == 1 else _as_slice(each) for each in map(np.flatnonzero, linked[shown])),
        _as_slice(nuisances),
        space.low[nuisances, None] + space.span[nuisances, None] * QUANTILE_LEVELS,
        at,
        at.condition.start if at.width > at.condition.start else None,
        table,
        found,
        table.stretches(found.factors),
        misfit_score(card.misfit),
    )


def _as_slice(places: NDArray[np.intp]) -> Places:
    """The same places, as a slice where they stand at equal distances: it is quicker to take."""
    if places.size < 2:
        return places
    steps = np.diff(places)
    step = int(steps[0])
    return slice(int(places[0]), int(places[-1]) + 1, step) if np.all(steps == step) else places
