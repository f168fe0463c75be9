"""Tikhonov regularization: the penalty, its strength by four rules, and what it costs in resolution.

x(a) minimizes |A x - y|^2 + a |L (x - x0)|^2 / s, L the differences of order 0, 1 or 2, s such that both terms weigh
alike at a = 1 (Hansen, Rank-Deficient and Discrete Ill-Posed Problems, SIAM 1998, eq. 5.1; Discrete Inverse Problems:
Insight and Algorithms, SIAM 2010, chapters 4, 5 and 8). One decomposition turns every strength into filter factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Strengths that are tried; beyond them nothing changes any more.
STRENGTHS: Array = np.logspace(-10, 6, 129)
_BLIND = 1e-14  # share of information below which a direction is invisible
_FLOOR = 1e-12  # of the information: keeps directions that neither data nor penalty see from being divided by zero


def differences(number: int, order: int, kept: NDArray[np.bool_]) -> Array:
    """(q, p) L: the identity, first or second differences of the kept parameters, the others unpenalized."""
    identity = np.eye(number)[np.flatnonzero(kept)]
    penalty: Array = np.diff(identity, n=order, axis=0)
    return penalty


@dataclass(frozen=True)
class Decomposition:
    """A (d, p) whitened matrix with its penalty.

    information: (p, p) A'A; penalty: (p, p) L'L / s; matrix: (d, p) A
    basis: (p, p) V with V' A'A V = diag(share) and V' (L'L / s) V = diag(1 - share); share: (p,) in [0, 1]
    penalized: number of directions that the penalty acts on, the rank of L
    """

    matrix: Array
    information: Array
    penalty: Array
    basis: Array
    share: Array
    penalized: int

    def filters(self, strength: Array) -> Array:
        """(...) to (..., p) filter factors: the share of a direction that the data decide."""
        return self.share / (self.share + strength[..., None] * (1 - self.share) + _FLOOR)

    def freedom(self, strength: Array) -> Array:
        """(...) to (...): parameters' worth of data that are used, the trace of the resolution matrix."""
        used: Array = self.filters(strength).sum(axis=-1)
        return used

    def resolution(self, strength: float) -> Array:
        """(p, p) R: what is estimated is R times the truth plus noise. Source: Hansen 1998, section 4.4."""
        inverse = self.basis * (1 / (self.share + strength * (1 - self.share) + _FLOOR))
        resolved: Array = inverse @ self.basis.T @ self.information
        return resolved

    def profile(self, residual: Array) -> Profile:
        """How residual and roughness depend on the strength, of (d,) what the data differ from the reference by."""
        pulled = self.basis.T @ (self.matrix.T @ residual)
        seen = self.share > _BLIND
        along = np.where(seen, pulled, 0.0) / np.sqrt(np.where(seen, self.share, 1.0))  # components in the data's space
        explained = self.matrix @ (self.basis @ np.where(seen, pulled / np.where(seen, self.share, 1.0), 0.0))
        beyond = float(np.sum((residual - explained) ** 2))
        filters = self.filters(STRENGTHS)
        misfit = beyond + ((1 - filters) ** 2 * along**2).sum(axis=1)
        size = filters**2 * along**2 / np.where(seen, self.share, 1.0) * (1 - self.share)
        roughness = size.sum(axis=1)
        curvature = np.log(self.share + STRENGTHS[:, None] * (1 - self.share) + _FLOOR).sum(axis=1)
        surprise = misfit + STRENGTHS * roughness + curvature - self.penalized * np.log(STRENGTHS)
        return Profile(misfit, roughness, filters.sum(axis=1), surprise, residual.size)


@dataclass(frozen=True)
class Profile:
    """At each of STRENGTHS: misfit |A x - y|^2, roughness |L x|^2 / s, freedom, surprise; number: of the data.

    surprise: -2 log of the probability of the data, were the penalty a Gaussian prior, up to a constant
    """

    misfit: Array
    roughness: Array
    freedom: Array
    surprise: Array
    number: int

    def evidence(self) -> float:
        """The strength under which the data are most probable.

        Source: MacKay, Bayesian Interpolation, Neural Comput. 4 (1992) 415-447, section 4.
        """
        return float(STRENGTHS[int(np.argmin(self.surprise))])

    def discrepancy(self) -> float:
        """The largest strength whose misfit is what the noise explains, here one a datum.

        Source: Morozov, Soviet Math. Dokl. 7 (1966) 414-417; Hansen 1998, eq. 7.9.
        """
        below = np.flatnonzero(self.misfit <= self.number)
        if below.size == 0:
            return float(STRENGTHS[0])
        last = int(below[-1])
        if last == STRENGTHS.size - 1:
            return float(STRENGTHS[-1])
        rise = self.misfit[last + 1] - self.misfit[last]
        part = (self.number - self.misfit[last]) / rise if rise > 0 else 0.0
        return float(STRENGTHS[last] * (STRENGTHS[last + 1] / STRENGTHS[last]) ** part)

    def cross_validation(self) -> float:
        """The strength that predicts left-out data best: least misfit / (data - freedom)^2.

        Source: Golub, Heath & Wahba, Technometrics 21 (1979) 215-223, eq. 1.3.
        """
        spare = np.maximum(self.number - self.freedom, 1e-9)
        return float(STRENGTHS[int(np.argmin(self.misfit / spare**2))])

    def corner(self) -> float:
        """The strength at the sharpest bend of log roughness over log misfit. Source: Hansen 2010, section 5.3."""
        tiny = np.finfo(float).tiny
        x, y = np.log(np.maximum(self.misfit, tiny)) / 2, np.log(np.maximum(self.roughness, tiny)) / 2
        step = np.log(STRENGTHS[1] / STRENGTHS[0])
        dx, dy = np.gradient(x, step), np.gradient(y, step)
        bend = dx * np.gradient(dy, step) - dy * np.gradient(dx, step)
        speed = np.maximum((dx**2 + dy**2) ** 1.5, 1e-12)
        return float(STRENGTHS[2:-2][int(np.argmax((bend / speed)[2:-2]))])


def decompose(matrix: Array, differences: Array) -> Decomposition:
    """Simultaneous diagonalization of A'A and L'L / s. matrix: (d, p) whitened A; differences: (q, p) L."""
    information = matrix.T @ matrix
    size = float(np.trace(information)) or 1.0
    raw = differences.T @ differences
    penalty = raw * (size / max(float(np.trace(raw)), 1e-300))
    root = np.linalg.cholesky(information + penalty + _FLOOR * size * np.eye(len(raw)))
    inverse = np.linalg.inv(root)
    share, vectors = np.linalg.eigh(inverse @ information @ inverse.T)
    basis, penalized = inverse.T @ vectors, int(np.linalg.matrix_rank(differences))
    return Decomposition(matrix, information, penalty, basis, np.clip(share, 0.0, 1.0), penalized)
