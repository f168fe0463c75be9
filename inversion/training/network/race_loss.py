"""What the network of a rolling bearing learns from: rows of races with their truth, stretched at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inversion.core.encoding import Z_MOST, Columns
from inversion.training.network import density, races
from inversion.training.network.recipe import Fit

Weights = dict[str, Tensor]

_MOST_STRETCH = 1.6
_INDEPENDENT = 2.5  # cells of one sample are not independent: see forward.bearing_observation.on_grid
_IMPACT_WEIGHT = 3.0  # pinball losses of ratios are small numbers
_LARGEST_RATIO = 10.0


@dataclass(frozen=True)
class Taught:
    """Rows whose truth is known. width: (m,) shares of the range; ratio: (m,) impacts over their levels

    profiles, impacts: row numbers in which a profile was observed, in which an impact was
    """

    rows: races.Rows
    width: Tensor
    ratio: Tensor
    profiles: Tensor
    impacts: Tensor


@dataclass(frozen=True)
class Teacher:
    """Members whose densities are averaged."""

    members: list[Weights]
    fit: Fit


def taught(encoded: NDArray[np.float32], at: Columns, theta: NDArray[np.float64], widest: float) -> Taught:
    """(n, k) encoded windows with (n, 6) truths, SI, NaN where there is none. widest: m, end of the range."""
    rows = races.rows(torch.from_numpy(encoded), at)
    truth = torch.from_numpy(theta.astype(np.float32))
    impact, width = truth[:, :3].reshape(-1), truth[:, 3:].reshape(-1) / widest
    known = torch.isfinite(width)
    ratio = (impact / rows.level.clamp_min(1e-9)).clamp_max(_LARGEST_RATIO)
    return Taught(
        rows,
        torch.nan_to_num(width),
        torch.nan_to_num(ratio),
        torch.nonzero(known & (rows.observed > 0))[:, 0],
        torch.nonzero(torch.isfinite(impact) & (rows.level > 0))[:, 0],
    )


def loss(weights: Weights, fit: Fit, given: Taught, chosen: Tensor, levels: Tensor, generator: torch.Generator,
         teacher: Teacher | None = None, seen: races.Seen = races.as_it_is) -> Tensor:  # fmt: skip
    """Of a batch of profiles and as many impacts. chosen: numbers within `profiles`; seen: see `races.Seen`."""
    which = given.profiles[chosen]
    stretch = torch.exp(torch.rand(which.numel(), generator=generator) * float(np.log(_MOST_STRETCH)))
    planes, scalars = stretched(given.rows.planes[which], given.rows.scalars[which], stretch)
    width = given.width[which] * stretch
    weight = (width <= 1).float()  # those stretched out of the range are lost: what stays is uniform on it
    logits, hidden = races.profile(weights, fit.blocks, planes, scalars, seen)
    target = density.cells_of(width.clamp_max(1.0), races.DENSITY)
    count = which.numel() if given.impacts.numel() else 0  # recordings of real machines know no impacts
    some = given.impacts[torch.randint(max(given.impacts.numel(), 1), (count,), generator=generator)]
    ratios = races.impact(weights, given.rows.impact[some])
    true_impact = density.pinball(ratios, given.ratio[some], levels, torch.ones(count))
    if teacher is None:
        return density.cross_entropy(logits, target, weight) + _IMPACT_WEIGHT * true_impact
    with torch.no_grad():
        told = [races.profile(each, teacher.fit.blocks, planes, scalars) for each in teacher.members]
        soft = density.pooled([each for each, _ in told]) / fit.temperature
        told_ratios = torch.stack([races.impact(each, given.rows.impact[some]) for each in teacher.members]).mean(0)
    own = functional.log_softmax(logits / fit.temperature, dim=-1)
    apart = density.cross_entropy(own, torch.softmax(soft, dim=-1), torch.ones(which.numel())) * fit.temperature**2
    like = apart + _IMPACT_WEIGHT * (ratios - told_ratios).abs().sum() / max(ratios.numel(), 1)
    hint = _hint(weights, hidden, told[0][1]) if fit.hint > 0 else torch.zeros(())
    truth = density.cross_entropy(logits, target, weight) + _IMPACT_WEIGHT * true_impact
    return (1 - fit.truth) * like + fit.truth * truth + fit.hint * hint


def held_loss(weights: Weights, fit: Fit, given: Taught, levels: Tensor, seen: races.Seen = races.as_it_is) -> float:
    """By the truth, of all rows."""
    some = given.profiles
    logits, _ = races.profile(weights, fit.blocks, given.rows.planes[some], given.rows.scalars[some], seen)
    target = density.cells_of(given.width[some], races.DENSITY)
    widths = density.cross_entropy(logits, target, torch.ones(some.numel()))
    ratios = races.impact(weights, given.rows.impact[given.impacts])
    impacts = density.pinball(ratios, given.ratio[given.impacts], levels, torch.ones(given.impacts.numel()))
    return float(widths + _IMPACT_WEIGHT * impacts)


def stretched(planes: Tensor, scalars: Tensor, stretch: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of bearings whose contact is faster by a factor (m,) of at least 1: every lag is that much wider.

    The same record then lies at wider widths, with a longer path of relief, and its cells hold fewer independent
    samples. Exact but for the noise's estimate and the interpolation; it keeps a uniform width uniform.
    """
    cells = races.CELLS
    place = ((torch.arange(cells) + 0.5) / stretch[:, None] - 0.5).clamp(0, cells - 1)
    low = place.floor().long().clamp_max(cells - 2)
    part = place - low
    z, mask = planes[:, 0].clamp(-Z_MOST, Z_MOST).sinh(), planes[:, 1]
    both = mask.gather(1, low) * mask.gather(1, low + 1)
    floor = torch.exp(scalars[:, 0])
    a_sample = _INDEPENDENT * floor / 10 * cells
    looser = (a_sample.clamp_min(1.0) / (a_sample * stretch).clamp_min(1.0)).sqrt()
    there = ((1 - part) * z.gather(1, low) + part * z.gather(1, low + 1)) * looser[:, None] * both
    z = torch.asinh(there)
    floor = (floor * stretch).clamp_max(1.0)
    lag = races.centers()[0] / floor[:, None]
    changed = scalars.clone()
    changed[:, 0], changed[:, 4], changed[:, 6] = torch.log(floor), both.mean(dim=1), z.amax(dim=1)
    return torch.stack([z, both, lag / (1 + lag), planes[:, 3] * stretch[:, None]], dim=1), changed


def _hint(weights: Weights, hidden: Tensor, teachers: Tensor) -> Tensor:
    """How far the teacher's latent is from a linear map of the student's.

    Source: Romero et al., FitNets, arXiv:1412.6550, section 2.2.
    """
    return functional.mse_loss(functional.linear(hidden, weights["hint"], weights["hint_bias"]), teachers)


def with_hint(weights: Weights, fit: Fit, teacher: Fit) -> Weights:
    """Weights with the map that hints need; `without_hint` takes it off again."""
    if fit.hint == 0:
        return weights
    return {**weights, "hint": torch.zeros(teacher.hidden, fit.hidden), "hint_bias": torch.zeros(teacher.hidden)}


def without_hint(weights: Weights) -> Weights:
    """What answers."""
    return {name: each for name, each in weights.items() if not name.startswith("hint")}


def take(given: races.Rows, rows: Tensor) -> races.Rows:
    """Some rows."""
    return replace(
        given,
        planes=given.planes[rows],
        scalars=given.scalars[rows],
        impact=given.impact[rows],
        observed=given.observed[rows],
        level=given.level[rows],
    )
