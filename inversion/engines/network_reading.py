"""A network's raw answer, read with its card: widened by band and misfit, tabulated, judged, or withheld."""

from __future__ import annotations

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
    links: (d, p) one where the observable tells of the parameter; all ones of a model that does not say
    low, span, high: (p, 1) SI, their ranges; prior: (parameters, k) SI, the marginals that a nuisance keeps
    """

    space: ParameterSpace
    shown: NDArray[np.intp] | slice
    links: NDArray[np.float32]
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
        distance = self.misfit.distance(raw.latent.astype(np.float64))
        table = self.table(raw, self.misfit.widening(distance))
        mean, covariance = self._moments(table)
        marginals = self._marginals(table)
        sound = np.isfinite(distance + np.add.reduce(table.marginals[:, :, 0], axis=1)).tolist()  # one spoils its row
        resolved = self._resolved(table, raw)
        estimates = []
        for k, far in enumerate(distance.tolist()):
            fit = self._fit(features, k, far, sound[k], answered)
            if not far <= self.misfit.threshold or not sound[k]:
                estimates.append(prior_estimate(self.space, floors[k], fit))
                continue
            told = tuple(resolved[k])
            estimates.append(Estimate(self.space, mean[k], covariance[k], floors[k], told, fit, marginals[k]))
        return estimates

    def _fit(self, features: Features, row: int, distance: float, sound: bool, answered: Answered) -> Fit:
        remark = self.misfit.remark(distance) if sound else "the network's answer is no number"
        withheld = not sound or distance > self.misfit.threshold
        doubt = Quality.BAD if withheld else Quality.UNCERTAIN if remark else Quality.GOOD
        reason = "; ".join(text for text in (features.reasons[row], remark) if text)
        return Fit(max(features.quality[row], doubt), distance * distance, reason, answered)

    def table(self, raw: Raw, widening: Array) -> Table:
        """Marginals and what is resolved, widened by band and by `widening` (n,)."""
        first = self.at.condition.start
        speed = raw.encoded[:, first].astype(np.float64) if self.at.width > first else np.zeros(len(raw.encoded))
        factors = self.bands.of(speed, ratio_db(raw.encoded, self.at)) * widening[:, None]
        floors = raw.encoded[:, self.at.floor][:, self.shown].astype(np.float64)
        return self.tabulator.table(raw.quantiles.astype(np.float64), factors, floors)

    def _resolved(self, table: Table, raw: Raw) -> list[list[bool]]:
        """Of each frame and parameter, False of a nuisance, and where nothing that tells of it was measured.

        What lies below its limit of detection is no measurement, whatever a network makes of it: a parameter of which
        all is censored is bounded at best, as least squares has it. A single observable that tells of it must stand
        three of its deviations above zero.
        """
        resolved = np.zeros((len(table.resolved), len(self.space)), dtype=np.bool_)
        if table.resolved.any():
            seen = raw.encoded[:, None, self.at.state] > 0
            clear = seen & (raw.encoded[:, None, self.at.z] >= _CLEAR)
            measured, clearly = ((each.astype(np.float32) @ self.links)[:, 0] > 0 for each in (seen, clear))
            resolved[:, self.shown] = table.resolved & np.where(self.tabulator.direct, clearly, measured)
        flags: list[list[bool]] = resolved.tolist()
        return flags

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
        latent = np.log(shares / (1 - shares))
        latent /= LOGISTIC
        mean[:, self.shown] = latent[..., 1]
        half = (latent[..., 2] - latent[..., 0]) / 2
        half *= half
        variance[:, self.shown] = np.maximum(half, _NARROWEST)
        return mean, covariance

    def _marginals(self, table: Table) -> Array:
        """(n, parameters, k) SI; a nuisance keeps its prior."""
        marginals = np.empty((len(table.marginals), *self.prior.shape))
        marginals[:] = self.prior
        told = table.marginals * self.span + self.low
        marginals[:, self.shown] = np.minimum(told, self.high, out=told)  # the sum may round beyond it
        return marginals


def reader(card: Card, model: ForwardModel) -> Reader:
    """For a card that fits the model."""
    space, conditions = model.space, count_conditions(model)
    shown = np.flatnonzero([not each.nuisance for each in space])
    ends = space.low[:, None], space.high[:, None]
    low, high = (each[shown] for each in ends)
    linked = model.links() if isinstance(model, Linked) else np.ones((len(space), len(model.observables)))
    return Reader(
        space,
        slice(0, shown.size) if np.array_equal(shown, np.arange(shown.size)) else shown,
        linked[shown].T.astype(np.float32),
        low,
        high - low,
        high,
        ends[0] + (ends[1] - ends[0]) * QUANTILE_LEVELS,
        columns(len(model.observables), len(space), conditions),
        tabulator(space, card.network.levels, linked[shown].sum(axis=1) == 1),
        bands(card.calibration),
        misfit_score(card.misfit),
    )
