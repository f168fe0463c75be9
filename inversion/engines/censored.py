"""What a value says of which is only known that it stayed below a limit (Tobin, Econometrica 26 (1958) 24-36).

Minus the logarithm of the normal distribution, read from a table of Taylor series: a profile that is censored as a
whole asks for it some hundred thousand times a window, and the library's function takes twice as long.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.signal.normal import log_ndtr

Array = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
_LOWEST, _HIGHEST = -12.0, 9.0  # deviations; above, what is left of the loss is below 1e-18 nats
_A_DEVIATION = 128  # nodes of the table
_TERMS = 6


def stayed_below(room: Array) -> tuple[Array, Array, Array]:
    """Minus log P(it stayed below), nats, and its first and second derivative by minus the room.

    room: (...) limit less prediction, deviations. The second derivative lies between 0 and 1 (Sampford, Ann. Math.
    Stat. 24 (1953) 130-132). A function of each number alone, whatever stands beside it.
    """
    room = np.clip(room, None, _HIGHEST)
    node = np.rint(np.fmax(room, _LOWEST) * _A_DEVIATION)
    beside = room - node * (1 / _A_DEVIATION)
    node -= _LOWEST * _A_DEVIATION
    index = node.astype(np.intp)
    table = _table()
    loss = table[-1].take(index)
    for row in table[-2::-1]:
        loss *= beside
        loss += row.take(index)
    low = room < _LOWEST
    if low.any():
        loss[low] = -log_ndtr(room[low])
    steep = room * room
    steep *= -0.5
    steep += loss
    steep -= _LOG_ROOT_2PI
    np.exp(steep, out=steep)
    bend = room
    bend += steep
    bend *= steep
    return loss, steep, np.maximum(bend, 0.0, out=bend)


@lru_cache(maxsize=1)
def _table() -> Array:
    """(terms, nodes) coefficients of -log Phi about the nodes."""
    node = np.arange(_LOWEST * _A_DEVIATION, _HIGHEST * _A_DEVIATION + 1) / _A_DEVIATION
    loss = -log_ndtr(node)
    ratio = np.zeros((_TERMS, node.size))  # of lambda = phi / Phi, whose derivative is -lambda (x + lambda)
    ratio[0] = np.exp(loss - 0.5 * node * node - _LOG_ROOT_2PI)
    for k in range(_TERMS - 2):
        shifted = ratio[: k + 1].copy()
        shifted[0] += node
        if k:
            shifted[1] += 1
        ratio[k + 1] = -np.sum(ratio[: k + 1] * shifted[::-1], axis=0) / (k + 1)
    return np.concatenate([loss[None], -ratio[:-1] / np.arange(1, _TERMS)[:, None]])
