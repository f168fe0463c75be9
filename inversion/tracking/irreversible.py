"""What never falls: a bank under the condition that no rate is negative, as of damage that does not heal.

The filters know nothing of it, which keeps them linear. That the prior of every rate was cut off at zero is exact
afterwards: the likelihood of a hypothesis is what its filter found, times how probable a positive rate has become
relative to how probable it was, one half.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from inversion.signal.normal import ndtr, ndtri
from inversion.tracking.bank import Array, Bank
from inversion.tracking.growth import WANDERING, Hypotheses

_WALKS = 0.05  # what a random walk counts: of one that never fell there are few
_NODES = 5  # rates of equal probability that stand for those above zero
_LEAST_RATE, _LEAST = 1e-12, 1e-30


def only_rising(bank: Bank, suppose: Hypotheses, rate_var: Array) -> tuple[Bank, Hypotheses]:
    """The bank with every hypothesis in its place _NODES, each of one positive rate; its errors are all independent.

    rate_var: (m,) variance of the rates, all errors together
    """
    rate_var = np.maximum(rate_var, _LEAST)
    deviation = np.sqrt(rate_var)
    walks = suppose.law == WANDERING  # it has no rate
    rising = ndtr(bank.rate / deviation)
    tail = np.maximum(rising, _LEAST_RATE)[:, None] * ((np.arange(_NODES) + 0.5) / _NODES)
    rate = np.maximum(bank.rate[:, None] - deviation[:, None] * ndtri(tail), _LEAST_RATE)
    lean = (bank.cross + bank.level_bias * bank.rate_bias) / rate_var
    level_var = np.maximum(bank.deviation**2 - lean**2 * rate_var, _LEAST)
    rate = np.where(walks[:, None], bank.rate[:, None], rate)
    level = bank.level[:, None] + lean[:, None] * (rate - bank.rate[:, None])
    weight = np.repeat(bank.weight * np.where(walks, _WALKS, rising) / _NODES, _NODES)
    zero = np.zeros(weight.size)
    risen = Bank(
        level=level.ravel(),
        rate=rate.ravel(),
        level_var=np.repeat(level_var, _NODES),
        cross=zero,
        rate_var=zero,
        level_bias=zero,
        rate_bias=zero,
        weight=weight / weight.sum(),
    )
    return risen, Hypotheses(**{each.name: np.repeat(getattr(suppose, each.name), _NODES) for each in fields(suppose)})
