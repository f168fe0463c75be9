"""How damage may grow over a life: paths that end at a limit, for simulation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: "decelerating" is the square root of time; "accelerating" grows by the square of what is there, as a crack may under
#: the law of Paris & Erdogan (J. Basic Eng. 85 (1963) 528).
LAWS = ("constant", "exponential", "accelerating", "stop and go", "decelerating")
#: Growth that changes its law on the way: three times as fast from some point on; slow, fast and slow again.
CHANGING = ("two stages", "s-shaped")
_STOP = 0.05  # of a life: mean length of a stop, and of what lies between two


def wear(law: str, first: float, last: float, steps: int, rng: np.random.Generator) -> Array:
    """(steps + 1,) damage at equal steps of a life, from `first` to `last`, both positive; never falls."""
    time = np.linspace(0.0, 1.0, steps + 1)
    match law:
        case "constant":
            return first + (last - first) * time
        case "exponential":
            path: Array = first * (last / first) ** time
            return path
        case "accelerating":
            return 1 / (1 / first - (1 / first - 1 / last) * time)
        case "decelerating":
            return first + (last - first) * np.sqrt(time)
        case "stop and go":
            return first + (last - first) * _stop_and_go(steps, rng)
        case "two stages":
            return first + (last - first) * _scaled(time + 2 * np.maximum(time - rng.uniform(0.3, 0.7), 0.0))
        case "s-shaped":
            return first + (last - first) * _scaled(np.tanh(4 * (time - 0.5)))
    raise ValueError(f"law must be one of {', '.join((*LAWS, *CHANGING))}; got {law!r}")


def _scaled(path: Array) -> Array:
    """The same path from 0 to 1."""
    scaled: Array = (path - path[0]) / (path[-1] - path[0])
    return scaled


def _stop_and_go(steps: int, rng: np.random.Generator) -> Array:
    """(steps + 1,) from 0 to 1: steady growth between stops, each of exponentially distributed length."""
    growing = np.zeros(steps)
    place, grows = 0, bool(rng.integers(2))
    while place < steps:
        length = max(1, round(rng.exponential(_STOP) * steps))
        growing[place : place + length] = grows
        place, grows = place + length, not grows
    growing[-1] = 1.0  # the limit is passed while it grows
    path: Array = np.concatenate([[0.0], np.cumsum(growing)])
    path /= path[-1]
    return path
