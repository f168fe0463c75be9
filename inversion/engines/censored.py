"""What a value says of which is only known that it stayed below a limit (Tobin, Econometrica 26 (1958) 24-36).

Minus the logarithm of the normal distribution, whose own logarithm is read from a table of Taylor series: a profile
that is censored as a whole asks for it some hundred thousand times a window, and the library's function takes twice as
long.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.signal.normal import log_ndtr

Array = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * float(np.log(2 * np.pi))
_LOWEST, _HIGHEST = -12.0, 9.0  # deviations; above, what is left of the loss is below 1e-18 nats
_A_DEVIATION = 256  # nodes of the table


def loss_below(room: Array) -> Array:
    """Minus log P(it stayed below), nats: the first of `stayed_below`, to the bit."""
    return _loss(np.minimum(room, _HIGHEST))


def stayed_below(room: Array) -> tuple[Array, Array, Array]:
    """Minus log P(it stayed below), nats, and its first and second derivative by minus the room.

    room: (...) limit less prediction, deviations. The second derivative lies between 0 and 1 (Sampford, Ann. Math.
    Stat. 24 (1953) 130-132). A function of each number alone, whatever stands beside it.
    """
    room = np.minimum(room, _HIGHEST)
    loss = _loss(room)
    steep = room * room
    steep *= -0.5
    steep += loss
    steep -= _LOG_ROOT_2PI
    np.exp(steep, out=steep)
    bend = room
    bend += steep
    bend *= steep
    return loss, steep, np.maximum(bend, 0.0, out=bend)


def _loss(room: Array) -> Array:
    """By the table, of what lies below its upper end."""
    place = room * _A_DEVIATION
    node = np.rint(place)
    place -= node
    index = np.fmax(node, _LOWEST * _A_DEVIATION, out=node).astype(np.intp)
    index -= int(_LOWEST * _A_DEVIATION)
    *lower, highest = _table()
    loss: Array = highest.take(index)
    for row in reversed(lower):
        loss *= place
        loss += row.take(index)
    np.exp(loss, out=loss)
    low = room < _LOWEST
    if low.any():
        loss[low] = -log_ndtr(room[low])
    return loss


@lru_cache(maxsize=1)
def _table() -> tuple[Array, Array, Array, Array]:
    """(nodes,) log of -log Phi at the nodes, and the coefficients of powers of the distance from there, in nodes."""
    node = np.arange(_LOWEST * _A_DEVIATION, _HIGHEST * _A_DEVIATION + 1) / _A_DEVIATION
    loss = -log_ndtr(node)
    hazard = np.exp(loss - 0.5 * node * node - _LOG_ROOT_2PI)  # phi / Phi, whose derivative is minus `bend`
    bend = hazard * (node + hazard)
    first, second, third = -hazard / loss, bend / loss, (hazard * (1 - bend) - bend * (node + hazard)) / loss
    return (
        np.log(loss),
        first / _A_DEVIATION,
        (second - first**2) / (2 * _A_DEVIATION**2),
        (third - 3 * first * second + 2 * first**3) / (6 * _A_DEVIATION**3),
    )
