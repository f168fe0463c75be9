"""A rotor's unbalance and its 1x vibration: influence coefficients, least-squares corrections and their errors.

In a linear rotor at one speed, masses w (P planes, complex: size and angle) change the 1x vibration of S sensors by
`influence @ w` (Goodman, J. Eng. Ind. 86 (1964) 273-279; ISO 21940-12). Every vector is a complex number. The angles
of vibrations and of masses must be counted the same way: a phase that leads (peak before the mark) goes with masses
counted from the mark in the direction of rotation, a phase that lags with masses counted against it.

Errors of readings are circular: real and imaginary part have the same standard deviation and are independent, as they
are of a noisy sine. "Variance" and "covariance" here are those of one component: half of E|e|^2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ITERATIONS = 60  # of reweighting
_SETTLED = 1e-10


@dataclass(frozen=True)
class Response:
    """What is known of a rotor at one speed.

    vibration: (..., S) 1x vectors of the rotor as it is, slow roll subtracted
    influence: (..., S, P) vibration per unit of mass (or of unbalance)
    covariance: (..., S, 1 + P, 1 + P) of each sensor's vibration and influence coefficients, of one component
    """

    vibration: Complex
    influence: Complex
    covariance: Complex

    def __post_init__(self) -> None:
        planes = self.influence.shape[-1]
        wanted = (*self.vibration.shape, 1 + planes, 1 + planes)
        if self.influence.shape[:-1] != self.vibration.shape or self.covariance.shape != wanted:
            raise ValueError(
                f"vibration {self.vibration.shape} needs an influence of (..., S, P) and a covariance of "
                f"(..., S, 1 + P, 1 + P), got {self.influence.shape} and {self.covariance.shape}"
            )


def polar(amplitude: Array, degrees: Array) -> Complex:
    """Vectors from amplitude and angle in degrees."""
    vectors: Complex = np.multiply(amplitude, np.exp(1j * np.radians(degrees)), dtype=np.complex128)
    return vectors


def only(response: Response, planes: Sequence[int]) -> Response:
    """The response with these planes, as if there were no others."""
    inner = [0, *(1 + k for k in planes)]
    return Response(
        response.vibration,
        response.influence[..., list(planes)],
        response.covariance[..., inner, :][..., inner],
    )


def removed_trials(masses: Complex) -> Complex:
    """(P,) trial masses, each taken off before the next one, to the (1 + P, P) design: influence = readings @ design.

    The readings of a sensor are its initial run, then one run a plane. Raises ValueError for a mass of zero.
    """
    _check_masses(masses)
    each: Complex = 1 / masses
    return np.concatenate([-each[None], np.diag(each)])


def kept_trials(masses: Complex) -> Complex:
    """The design of `removed_trials` where trial masses stay in: each run is compared with the one before it."""
    _check_masses(masses)
    design = np.zeros((masses.size + 1, masses.size), dtype=np.complex128)
    for plane, mass in enumerate(masses):
        design[plane, plane], design[plane + 1, plane] = -1 / mass, 1 / mass
    return design


def from_trials(readings: Complex, sd: Array, design: Complex, runout: Complex, runout_sd: Array) -> Response:
    """The response that an initial run and trial runs tell.

    readings, sd: (..., S, 1 + P) initial run first; sd: of one component; runout, runout_sd: (S,) slow-roll vectors,
    which every run holds, so that they cancel in the influence coefficients
    """
    initial = np.zeros((design.shape[0], 1))
    initial[0] = 1
    combine = np.concatenate([initial, design], axis=1)  # readings to vibration and influence
    known = readings @ combine
    covariance = np.einsum("ki,...k,kj->...ij", combine, np.asarray(sd) ** 2, combine.conj())
    covariance[..., 0, 0] += runout_sd**2
    return Response(known[..., 0] - runout, known[..., 1:], covariance)


def from_influence(
    vibration: Complex, vibration_sd: Array, influence: Complex, influence_sd: Array, runout: Complex, runout_sd: Array
) -> Response:
    """The response where the influence coefficients are known; shapes as in `Response`, sd of one component."""
    variances = np.concatenate([(vibration_sd**2 + runout_sd**2)[..., None], influence_sd**2], axis=-1)
    covariance = (np.eye(variances.shape[-1]) * variances[..., None, :]).astype(np.complex128)
    return Response(vibration - runout, influence, covariance)


def correction(response: Response, weights: Array, rank: int | None = None) -> Complex:
    """(..., P) masses that minimize the weighted sum of squares of the remaining vibration.

    weights: (..., S); rank: how many combinations of planes are used, the best determined ones; None for all
    """
    root, scale = np.sqrt(weights), _column_norms(response.influence, weights)
    left, singular, right = np.linalg.svd(root[..., None] * response.influence / scale[..., None, :], False)
    kept = np.arange(singular.shape[-1]) < (singular.shape[-1] if rank is None else rank)
    kept = kept & (singular > 1e-10 * singular[..., :1])
    gains = np.where(kept, 1 / np.where(kept, singular, 1), 0)
    projected = np.einsum("...sk,...s->...k", left.conj(), root * response.vibration)
    masses: Complex = -np.einsum("...kp,...k->...p", right.conj(), gains * projected) / scale
    return masses


def remaining(response: Response, masses: Complex) -> Complex:
    """(..., S) predicted vibration with these (..., P) masses mounted."""
    left: Complex = response.vibration + np.einsum("...sp,...p->...s", response.influence, masses)
    return left


def remaining_variance(response: Response, masses: Complex) -> Array:
    """(..., S) variance of the prediction: the errors of vibration and influence with these masses, correlated."""
    ones = np.ones((*masses.shape[:-1], 1))
    factors = np.concatenate([ones, masses], axis=-1)
    variance: Array = np.einsum("...i,...sij,...j->...s", factors, response.covariance, factors.conj()).real
    return np.maximum(variance, 0)


def correction_covariance(response: Response, weights: Array, masses: Complex) -> Complex:
    """(..., P, P) covariance of the least-squares masses, first order, of one component.

    With g = (A^H W A)^-1 the masses move by -g A^H W dr - g dA^H W r, where r is the remaining vibration and dr its
    error. The second term holds conjugate errors; for circular errors it is uncorrelated with the first.
    """
    influence, left = response.influence, remaining(response, masses)
    weighted = weights[..., None] * influence
    gain = np.linalg.inv(np.einsum("...sp,...sq->...pq", influence.conj(), weighted))
    spread = np.einsum("...sp,...s,...sq->...pq", weighted.conj(), remaining_variance(response, masses), weighted)
    share = weights**2 * np.abs(left) ** 2
    spread = spread + np.einsum("...s,...spq->...pq", share, response.covariance[..., 1:, 1:].conj())
    covariance: Complex = gain @ spread @ np.swapaxes(gain.conj(), -1, -2)
    return covariance


def huber_weights(response: Response, weights: Array, threshold: float = 2.0) -> Array:
    """(S,) weights by which sensors beyond `threshold` standard deviations count less, the less the further out.

    Source: Huber, Robust Statistics (1981), section 7.8. Of circular errors 13.5 % lie beyond 2.
    """
    return _reweighted(response, weights, weights, lambda far: threshold / np.maximum(far, threshold))


def bisquare_weights(response: Response, weights: Array, threshold: float = 5.0) -> Array:
    """(S,) weights by which sensors beyond `threshold` standard deviations do not count at all.

    Starts from `huber_weights`, since the loss has several minima. Source: Beaton & Tukey, Technometrics 16 (1974)
    147-185. Raises nothing: where fewer sensors than planes would be left, it stays with Huber's.
    """
    start = huber_weights(response, weights)
    found = _reweighted(response, weights, start, lambda far: np.maximum(1 - (far / threshold) ** 2, 0) ** 2)
    enough = np.sum(found > 1e-3 * weights) >= response.influence.shape[-1]
    return found if enough else start


def _reweighted(response: Response, weights: Array, start: Array, factor: Callable[[Array], Array]) -> Array:
    """Weights times the factor of each sensor's distance, in deviations, until they agree with each other."""
    reweighted = start
    for _ in range(_ITERATIONS):
        masses = correction(response, reweighted)
        sd = np.sqrt(np.maximum(remaining_variance(response, masses), np.finfo(float).tiny))
        after = weights * np.maximum(factor(np.abs(remaining(response, masses)) / sd), 1e-9)
        if np.max(np.abs(after - reweighted)) < _SETTLED * np.max(weights):
            return after
        reweighted = after
    return reweighted


def effect_significance(response: Response) -> Array:
    """(P,) how far each plane's effect on all sensors stands out of its error, in standard deviations; one response."""
    effect = np.sqrt(np.sum(np.abs(response.influence) ** 2, axis=0))
    noise = np.sqrt(2 * np.einsum("spp->p", response.covariance[:, 1:, 1:]).real)
    significance: Array = np.where(noise > 0, effect / np.where(noise > 0, noise, 1), np.where(effect > 0, np.inf, 0.0))
    return significance


@dataclass(frozen=True)
class Conditioning:
    """How well the sensors tell the planes apart.

    number: largest over smallest singular value of the influence matrix with columns of equal length
    rank: combinations of planes whose effect stands out of the errors
    weakest: (P,) the combination that the sensors see least, each plane in units of its own effect, unit length
    significance: effect of the weakest combination over its standard deviation
    """

    number: float
    rank: int
    weakest: Complex
    significance: float


def conditioning(response: Response, weights: Array, significant: float = 3.0) -> Conditioning:
    """Near-collinear planes and planes without effect, seen from singular values and their errors; one response."""
    scale = _column_norms(response.influence, weights)
    scaled = np.sqrt(weights)[:, None] * response.influence / scale
    _, singular, right = np.linalg.svd(scaled, full_matrices=False)
    combinations = right.conj() / scale  # rows: masses
    spread = np.einsum("s,kp,spq,kq->k", weights, combinations, response.covariance[:, 1:, 1:], combinations.conj())
    noise = np.sqrt(np.maximum(2 * spread.real, 0))
    known = (singular > significant * noise) & (singular > 1e-10 * singular[0])
    last = float(singular[-1])
    sure = last / float(noise[-1]) if noise[-1] > 0 else (np.inf if known[-1] else 0.0)
    number = float(singular[0]) / last if last > 0 else np.inf
    return Conditioning(number, int(np.sum(np.logical_and.accumulate(known))), right[-1].conj(), sure)


def _column_norms(influence: Complex, weights: Array) -> Array:
    norms = np.sqrt(np.sum(weights[..., None] * np.abs(influence) ** 2, axis=-2))
    return np.where(norms > 0, norms, 1.0)


def _check_masses(masses: Complex) -> None:
    if not np.all(np.isfinite(masses)) or np.any(masses == 0):
        raise ValueError(f"trial masses must not be zero, got {np.abs(masses)}")
