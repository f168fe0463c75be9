"""A network's raw answer, read with its card: widened by band and misfit, tabulated, judged, or withheld."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
from inversion.core.encoding import Columns, Encoded, columns, ratio_db
from inversion.core.parameter import LOGISTIC
from inversion.core.tangent import Linked
from inversion.engines.conformal import Bands, bands
from inversion.engines.misfit import MisfitScore, misfit_score
from inversion.engines.quantile_answers import Table, Tabulator, tabulator
from inversion.store.card import Card, count_conditions
from sensors import Quality

Array = NDArray[np.float64]

_NARROWEST = 1e-6  # latent variance
_EDGE = 1e-9  # a share at its bound maps to a large finite latent value
_CLEAR = float(np.arcsinh(3.0))  # value over deviation, as encoded


@dataclass(frozen=True)
class Raw:
    """What a graph answered to n encoded frames. encoded: (n, k); quantiles: (n, p, q); latent: (n, h)."""

    encoded: Encoded
    quantiles: NDArray[np.float32]
    latent: NDArray[np.float32]


@dataclass(frozen=True)
class Reader:
    """What is needed of a card to read answers.

    shown: the p parameters that are no nuisance, as a slice where they stand together
    rows: of the parameters, in their order, each of the p; telling: of each of the p, the
        observables that tell of it, or the only one
    low, span, high: (p, 1) SI, their ranges; prior: (parameters, k) SI, the marginals that a nuisance keeps
    """

    space: ParameterSpace
    shown: NDArray[np.intp] | slice
    rows: tuple[int, ...]
    telling: tuple[NDArray[np.intp] | slice | int, ...]
    low: Array
    span: Array
    high: Array
    prior: Array
    at: Columns
    tabulator: Tabulator
    bands: Bands
    misfit: MisfitScore

    def read(self, raw: Raw, features: Features, floors: Array, answered: Answered) -> list[Estimate]:
        """One estimate a frame. floors: (n, parameters of the space) SI."""
        distance = self.misfit.distance(raw.latent).tolist()
        table = self.table(raw, distance)
        marginals, resolved = self._marginals(table), table.resolved.tolist()
        mean, covariance = self._moments(table)
        estimates = []
        for k, far in enumerate(distance):
            sound = math.isfinite(far + float(np.add.reduce(mean[k])))  # one that is no number spoils its row
            fit = self._fit(features, k, far, sound, answered)
            if not far <= self.misfit.threshold or not sound:
                estimates.append(prior_estimate(self.space, floors[k], fit))
                continue
            told = self._resolved(resolved[k], raw.encoded[k])
            estimates.append(Estimate(self.space, mean[k], covariance[k], floors[k], told, fit, marginals[k]))
        return estimates

    def _fit(self, features: Features, row: int, distance: float, sound: bool, answered: Answered) -> Fit:
        remark = self.misfit.remark(distance) if sound else "the network's answer is no number"
        quality, reason = features.quality[row], features.reasons[row]
        if remark:
            withheld = not sound or distance > self.misfit.threshold
            quality = max(quality, Quality.BAD if withheld else Quality.UNCERTAIN)
            reason = f"{reason}; {remark}" if reason else remark
        return Fit(quality, distance * distance, reason, answered)

    def table(self, raw: Raw, distance: Sequence[float]) -> Table:
        """Marginals and what is resolved, widened by band and by how far each of the n frames lies off."""
        encoded, first = raw.encoded, self.at.condition.start
        factors = np.empty(raw.quantiles.shape[:2])
        for k, ratio in enumerate(ratio_db(encoded, self.at).tolist()):
            speed = encoded.item(k, first) if self.at.width > first else 0.0
            np.multiply(self.bands.of_one(speed, ratio), self.misfit.widening(distance[k]), out=factors[k])
        return self.tabulator.table(raw.quantiles.astype(np.float64), factors, encoded[:, self.at.floor][:, self.shown])

    def _resolved(self, judged: Sequence[bool], encoded: Encoded) -> tuple[bool, ...]:
        """Of each parameter of a frame: as judged (p,), but False of a nuisance, and where no measurement tells of it.

        What lies below its limit of detection is no measurement, whatever a network makes of it: a parameter of which
        all is censored is bounded at best, as least squares has it. A single observable that tells of it must stand
        three of its deviations above zero.
        """
        resolved = [False] * len(self.space)
        for row, told, telling in zip(self.rows, judged, self.telling, strict=True):
            if not told:
                continue
            if isinstance(telling, int):
                resolved[row] = encoded.item(telling + self.at.state.start) > 0 and encoded.item(telling) >= _CLEAR
            else:
                resolved[row] = bool((encoded[self.at.state][telling] > 0).any())
        return tuple(resolved)

    def _moments(self, table: Table) -> tuple[Array, Array]:
        """(n, parameters) latent means and (n, parameters, parameters) covariances.

        Median, and half the distance between one deviation either way.
        """
        n, p = len(table.marginals), len(self.space)
        mean, covariance = np.zeros((n, p)), np.zeros((n, p, p))
        variance = covariance.reshape(n, p * p)[:, :: p + 1]
        variance[:] = 1.0
        shares = np.maximum(table.center, _EDGE)
        np.minimum(shares, 1 - _EDGE, out=shares)
        shares /= 1 - shares
        latent = np.log(shares, out=shares)
        latent *= 1 / LOGISTIC
        mean[:, self.shown] = latent[..., 1]
        half = latent[..., 2] - latent[..., 0]
        half *= 0.5
        half *= half
        variance[:, self.shown] = np.maximum(half, _NARROWEST, out=half)
        return mean, covariance

    def _marginals(self, table: Table) -> Array:
        """(n, parameters, k) SI; a nuisance keeps its prior."""
        marginals = np.empty((len(table.marginals), *self.prior.shape))
        marginals[:] = self.prior
        told = table.marginals * self.span
        told += self.low
        marginals[:, self.shown] = np.minimum(told, self.high, out=told)  # the sum may round beyond it
        return marginals


def reader(card: Card, model: ForwardModel) -> Reader:
    """For a card that fits the model."""
    space, conditions = model.space, count_conditions(model)
    shown = np.flatnonzero([not each.nuisance for each in space])
    ends = space.low[:, None], space.high[:, None]
    low, high = (each[shown] for each in ends)
    linked = model.links() if isinstance(model, Linked) else np.ones((len(space), len(model.observables)), np.bool_)
    return Reader(
        space,
        _as_slice(shown),
        tuple(shown.tolist()),
        tuple(int(each[0]) if each.size == 1 else _as_slice(each) for each in map(np.flatnonzero, linked[shown])),
        low,
        high - low,
        high,
        ends[0] + (ends[1] - ends[0]) * QUANTILE_LEVELS,
        columns(len(model.observables), len(space), conditions),
        tabulator(space, card.network.levels, isinstance(model, Linked) & (linked[shown].sum(axis=1) == 1)),
        bands(card.calibration),
        misfit_score(card.misfit),
    )


def _as_slice(places: NDArray[np.intp]) -> NDArray[np.intp] | slice:
    """The same places, as a slice where they stand together: it is quicker to take."""
    together = places.size > 0 and places[-1] - places[0] == places.size - 1
    return slice(int(places[0]), int(places[-1]) + 1) if together else places
