"""Simulated balancing jobs whose truth is known, and the least error that any unbiased estimate of them can have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inversion.physics import rotor

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Job:
    """influence: (S, P); trials: (P,) masses, None where the influence is known; kept: whether they stay in
    sd: of a component of each reading
    """

    influence: Complex
    trials: Complex | None
    sd: float
    kept: bool = False

    @property
    def mounted(self) -> Complex:
        """(P, runs) masses in each plane and run, the initial run first."""
        planes = self.influence.shape[1]
        if self.trials is None:
            return np.zeros((planes, 1), dtype=np.complex128)
        pattern = np.triu(np.ones((planes, planes))) if self.kept else np.eye(planes)
        return np.concatenate([np.zeros((planes, 1)), pattern * self.trials[:, None]], axis=1)

    def measure(self, unbalance: Complex, rng: np.random.Generator) -> rotor.Response:
        """(n, P) unbalances to n measured responses."""
        sensors = len(self.influence)
        runs = (unbalance @ self.influence.T)[..., None] + self.influence @ self.mounted
        runs = runs + self.sd * (rng.normal(size=runs.shape) + 1j * rng.normal(size=runs.shape))
        none, sd = np.zeros(sensors), np.full(runs.shape, self.sd)
        if self.trials is None:
            influence = np.broadcast_to(self.influence, (*runs.shape[:-1], self.influence.shape[1]))
            exact = np.zeros(influence.shape)
            return rotor.from_influence(runs[..., 0], sd[..., 0], influence, exact, none.astype(complex), none)
        design = (rotor.kept_trials if self.kept else rotor.removed_trials)(self.trials)
        return rotor.from_trials(runs, sd, design, none.astype(complex), none)

    def bound(self, unbalance: Complex) -> Array:
        """(P,) Cramér-Rao bound of a component of each plane's unbalance, from the Jacobian of all readings.

        The unknowns are the unbalance and, with trial runs, every influence coefficient. Readings are analytic in them
        and the noise is circular, so that the information of a component is J^H J / sd^2.
        """
        jacobian: Complex = self.influence
        if self.trials is not None:
            masses = unbalance[:, None] + self.mounted
            by_unbalance = np.repeat(self.influence, masses.shape[1], axis=0)
            jacobian = np.concatenate([by_unbalance, np.kron(np.eye(len(self.influence)), masses.T)], axis=1)
        information = jacobian.conj().T @ jacobian / self.sd**2
        least: Array = np.sqrt(np.diag(np.linalg.inv(information)).real[: unbalance.size])
        return least
