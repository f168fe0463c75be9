"""A bank of Kalman filters of one parameter, one a hypothesis, in latent space: level and growth rate.

Each filter carries beside its own uncertainty how its answer would move with the shared error: an error that is
considered, not estimated (Schmidt, Advances in Control Systems 3 (1966) 293), and never averages out. Windows may be
plain wrong: each is, with a small probability, drawn from the prior, and counts for the rest only (probabilistic data
association; Bar-Shalom & Tse, Automatica 11 (1975) 451).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.tracking.growth import Hypotheses, coordinate, latent_of, slope_at

Array = NDArray[np.float64]

WRONG = 0.03  # probability of a window that is plain wrong
_FORGETTING = 0.003  # of what is known of the hypotheses, a window: laws change


@dataclass(frozen=True)
class Bank:
    """(m,) each, one entry a hypothesis; latent units, the rate in the law's coordinate a day.

    level, rate: means; level_var, cross, rate_var: covariance of their independent errors; level_bias, rate_bias: what
    one standard deviation of the shared error does to them; weight: sums to one
    """

    level: Array
    rate: Array
    level_var: Array
    cross: Array
    rate_var: Array
    level_bias: Array
    rate_bias: Array
    weight: Array

    @cached_property
    def deviation(self) -> Array:
        """(m,) standard deviation of the level, all errors together."""
        return np.sqrt(self.level_var + self.level_bias**2)

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Mean and variance of the level, all hypotheses together."""
        mean = float(self.weight @ self.level)
        return mean, float(self.weight @ (self.deviation**2 + (self.level - mean) ** 2))

    def at(self, places: NDArray[np.intp]) -> Bank:
        """The filters at these places."""
        return Bank(*(getattr(self, name)[places] for name in _NAMES))

    def to_dict(self) -> dict[str, str]:
        """Plain data, as JSON has it; floats come back to the byte."""
        return {name: to_text(getattr(self, name)) for name in _NAMES}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bank:
        """The bank that `to_dict` wrote."""
        return cls(*(from_text(data[name]) for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Bank))


@dataclass(frozen=True)
class Measured:
    """A latent measurement as the filters see it.

    own: (m,) variance of its independent error; shared: (m,) deviation of the shared one; if_wrong: its density if it
    is plain wrong
    """

    value: float
    own: Array
    shared: Array
    if_wrong: float


def measured(suppose: Hypotheses, value: float, error: float) -> Measured:
    """A latent measurement with this error variance."""
    if_wrong = float(_normal(np.array(value), np.array(1 + error)))
    return Measured(value, (1 - suppose.shared) * error, np.sqrt(suppose.shared * error), if_wrong)


def to_text(values: Array) -> str:
    """Float64, little-endian, in base 64: written and read fifty times as fast as decimals, and half as long."""
    return b2a_base64(values.astype("<f8", copy=False).tobytes(), newline=False).decode("ascii")


def from_text(text: str | Sequence[float]) -> Array:
    """What `to_text` wrote, or the list of numbers that older versions wrote."""
    if isinstance(text, str):
        return np.frombuffer(a2b_base64(text), "<f8").astype(np.float64, copy=False)
    return np.array(text, dtype=np.float64)


@lru_cache(maxsize=64)
def begun(suppose: Hypotheses) -> Bank:
    """The bank before any window: the prior, and every rate possible that the site allows."""
    zero, one = np.zeros(suppose.weight.size), np.ones(suppose.weight.size)
    return Bank(zero, zero, one, zero, suppose.pace**2, zero, zero, suppose.weight)


def passed(bank: Bank, suppose: Hypotheses, days: float) -> Bank:
    """The bank after time: levels grow, uncertainty too, up to the prior's."""
    if days <= 0:
        return bank
    x, slope = coordinate(suppose.forms, bank.level)
    grown = bank.rate * days
    level = np.where(grown == 0, bank.level, latent_of(suppose.forms, x + grown))
    slope_after = slope_at(suppose.forms, level)
    keep, drift = slope / slope_after, days / slope_after
    lumps = suppose.lump * np.abs(bank.rate) * days / slope_after**2
    level_var = keep**2 * bank.level_var + 2 * keep * drift * bank.cross + drift**2 * bank.rate_var
    after = replace(
        bank,
        level=level,
        level_var=level_var + lumps + suppose.wander * days,
        cross=keep * bank.cross + drift * bank.rate_var,
        level_bias=keep * bank.level_bias + drift * bank.rate_bias,
    )
    return _within_prior(after)


def _within_prior(bank: Bank) -> Bank:
    """No filter knows less than the prior: where it would, it goes back toward the prior's mean and width."""
    over = np.maximum(bank.deviation**2, 1.0)
    return replace(
        bank,
        level=bank.level / over,
        level_var=bank.level_var / over,
        cross=bank.cross / np.sqrt(over),
        level_bias=bank.level_bias / np.sqrt(over),
    )


def likelihood(bank: Bank, window: Measured) -> Array:
    """(m,) density of a latent measurement under each filter."""
    shift = window.shared - bank.level_bias
    return _normal(window.value - bank.level, bank.level_var + window.own + shift**2)


def informed(bank: Bank, suppose: Hypotheses, window: Measured, right: Array, wrong: float = WRONG) -> Bank:
    """The bank after a latent measurement; right: its `likelihood`; wrong: probability that it means nothing."""
    own = window.own
    density = (1 - wrong) * right + wrong * window.if_wrong
    believed = (1 - wrong) * right / density
    shift = window.shared - bank.level_bias
    gain, rate_gain = _gains(bank, own, shift)
    step, rate_step = believed * gain, believed * rate_gain
    surprise = window.value - bank.level
    doubt = believed * (1 - believed) * surprise**2
    weight = (1 - _FORGETTING) * bank.weight * density / float(bank.weight @ density) + _FORGETTING * suppose.weight
    level_var = (1 - gain) ** 2 * bank.level_var + gain**2 * own
    cross = (1 - gain) * (bank.cross - rate_gain * bank.level_var) + gain * rate_gain * own
    rate_var = bank.rate_var - 2 * rate_gain * bank.cross + rate_gain**2 * (bank.level_var + own)
    after = Bank(
        level=bank.level + step * surprise,
        rate=bank.rate + rate_step * surprise,
        level_var=believed * level_var + (1 - believed) * bank.level_var + doubt * gain**2,
        cross=believed * cross + (1 - believed) * bank.cross + doubt * gain * rate_gain,
        rate_var=believed * rate_var + (1 - believed) * bank.rate_var + doubt * rate_gain**2,
        level_bias=bank.level_bias + step * shift,
        rate_bias=bank.rate_bias + rate_step * shift,
        weight=weight / weight.sum(),
    )
    return _within_prior(after)


def _gains(bank: Bank, own: Array, shift: Array) -> tuple[Array, Array]:
    """(m,) gain of the level and of the rate: those of the independent errors.

    The best gain of a considered error would play windows of different error against each other until their shared
    error cancels, which holds only where it is known exactly how they share it. Only against the prior is the shared
    error weighed in, as far as the filter still hangs on it: for a first window this is the exact posterior.
    own: variance of the independent error; shift: what the shared error would still add to the level
    """
    spread = bank.level_var * (1 + shift**2) + own
    return bank.level_var / spread, bank.cross / spread


def _normal(distance: Array, variance: Array) -> Array:
    density: Array = np.exp(-0.5 * distance**2 / variance) / np.sqrt(2 * np.pi * variance) + 1e-300
    return density
