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


@dataclass(frozen=True)
class Raw:
    """What a graph answered to n encoded frames. encoded: (n, k); quantiles: (n, p, q); latent: (n, h)."""

    encoded: Encoded
    quantiles: NDArray[np.float32]
    latent: NDArray[np.float32]


@dataclass(frozen=True)
class Reader:
    """What is needed of a card to read answers.

    shown: (p,) indices of the parameters that are no nuisance
    links: (d, p) one where the observable tells of the parameter; all ones of a model that does not say
    """

    space: ParameterSpace
    shown: NDArray[np.intp]
    links: NDArray[np.float32]
    at: Columns
    tabulator: Tabulator
    bands: Bands
    misfit: MisfitScore

    def read(self, raw: Raw, features: Features, floors: Array, answered: Answered) -> list[Estimate]:
        """One estimate a frame. floors: (n, parameters of the space) SI."""
        distance = self.misfit.distance(raw.latent.astype(np.float64))
        table = self.table(raw, self.misfit.widening(distance))
        mean, variance = self._moments(table)
        marginals = self._marginals(table)
        sound = np.isfinite(distance + marginals[:, :, 0].sum(axis=1))  # one that is no number spoils its whole row
        resolved = np.zeros((len(features), len(self.space)), dtype=np.bool_)
        resolved[:, self.shown] = table.resolved & self._measured(raw)
        covariance = variance[:, :, None] * np.eye(len(self.space))
        estimates = []
        for k in range(len(features)):
            fit = self._fit(features, k, float(distance[k]), bool(sound[k]), answered)
            if not distance[k] <= self.misfit.threshold or not sound[k]:
                estimates.append(prior_estimate(self.space, floors[k], fit))
                continue
            told = tuple(resolved[k].tolist())
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
        floors = raw.encoded[:, self.at.floor.start + self.shown].astype(np.float64)
        return self.tabulator.table(raw.quantiles.astype(np.float64), factors, floors)

    def _measured(self, raw: Raw) -> NDArray[np.bool_]:
        """(n, p) whether anything that tells of a parameter was measured.

        What lies below its limit of detection is no measurement, whatever a network makes of it: a parameter of which
        all is censored is bounded at best, as least squares has it.
        """
        measured = (raw.encoded[:, None, self.at.state] > 0).astype(np.float32) @ self.links
        return measured[:, 0] > 0

    def _moments(self, table: Table) -> tuple[Array, Array]:
        """(n, parameters) latent means and variances: median and half the distance between one deviation either way."""
        n, p = len(table.marginals), len(self.space)
        mean, variance = np.zeros((n, p)), np.ones((n, p))
        shares = np.minimum(np.maximum(table.center, _EDGE), 1 - _EDGE)
        latent = np.log(shares / (1 - shares)) / LOGISTIC
        mean[:, self.shown] = latent[..., 1]
        variance[:, self.shown] = np.maximum(((latent[..., 2] - latent[..., 0]) / 2) ** 2, _NARROWEST)
        return mean, variance

    def _marginals(self, table: Table) -> Array:
        """(n, parameters, k) SI; a nuisance keeps its prior."""
        low, high = self.space.low[:, None], self.space.high[:, None]
        shares = np.empty((len(table.marginals), len(self.space), QUANTILE_LEVELS.size))
        shares[:] = QUANTILE_LEVELS
        shares[:, self.shown] = table.marginals
        marginals: Array = np.minimum(low + (high - low) * shares, high)  # the sum may round beyond it
        return marginals


def reader(card: Card, model: ForwardModel) -> Reader:
    """For a card that fits the model."""
    space, conditions = model.space, count_conditions(model)
    shown = np.flatnonzero([not each.nuisance for each in space])
    linked = model.links() if isinstance(model, Linked) else np.ones((len(space), len(model.observables)))
    return Reader(
        space,
        shown,
        linked[shown].T.astype(np.float32),
        columns(len(model.observables), len(space), conditions),
        tabulator(space, card.network.levels),
        bands(card.calibration),
        misfit_score(card.misfit),
    )
