"""How often the time to a limit is held by one who knows more than any tracker can: python -m benchmarks.lives_bound

Lives as in `benchmarks.lives`, of the four smooth laws. What is told is the exact posterior of one who knows when the
life began, between which widths, which windows are wrong, the error of each, the share of it that is common, and that
the law is one of the four, equally probable. What its 90 % intervals hold of each law is what the laws allow: they
cannot be told apart before it is late, and those between the others are held too often, the outermost too rarely.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from inversion.tracking.rehearsal import SPACE

Array = np.ndarray[Any, Any]

FIRST, LIMIT = (0.7e-3, 1.5e-3), 3e-3
QUARTERS = (0.25, 0.5, 0.75)
SHARED = (0.0, 0.3, 0.7)
LAWS: dict[str, Callable[[Array, Array], Array]] = {
    "constant": lambda first, age: first + (LIMIT - first) * age,
    "exponential": lambda first, age: first * (LIMIT / first) ** age,
    "accelerating": lambda first, age: 1 / (1 / first - (1 / first - 1 / LIMIT) * age),
    "decelerating": lambda first, age: first + (LIMIT - first) * np.sqrt(age),
}
_FIRSTS = np.linspace(*FIRST, 33)
_LONGER = np.geomspace(1.0, 60.0, 90)  # lives, of the time that has passed; equal steps of a prior without a scale


def latent(width: Array) -> Array:
    """The latent value of widths of any shape, m."""
    return SPACE.to_latent(width.reshape(-1, 1)).reshape(width.shape)


def posterior(time: Array, measured: Array, error: Array, shared: float) -> tuple[Array, Array]:
    """(laws,) probability of each law, and the distribution function of the length of the life at _LONGER.

    time: (n,) of the windows, of the time that has passed; measured, error: (n,) latent
    """
    age = time / _LONGER[:, None]
    own, n = 1 - shared, time.size
    found = []
    for law in LAWS.values():
        off = (measured - latent(law(_FIRSTS[:, None, None], age))) / error
        total, squares = off.sum(axis=-1), (off * off).sum(axis=-1)
        found.append(-0.5 * (squares - shared * total**2 / (own + shared * n)) / own)
    likelihood = np.exp(np.array(found) - np.max(found)).sum(axis=1)
    likelihood /= likelihood.sum()
    return likelihood.sum(axis=1), np.cumsum(likelihood.sum(axis=0))


def judged(name: str, rng: np.random.Generator, shared: float) -> list[tuple[float, float, float]]:
    """Of one life, a look a quarter: its share, where the truth lies in the distribution, probability of its law."""
    windows, deviation = int(rng.integers(60, 140)), rng.uniform(0.08, 0.25)
    time = np.sort(rng.uniform(0, 1, windows))
    error = deviation * rng.uniform(0.8, 1.25, windows)
    noise = shared**0.5 * rng.normal() + (1 - shared) ** 0.5 * rng.normal(size=windows)
    measured = latent(LAWS[name](np.array(rng.uniform(*FIRST)), time)) + error * noise
    right = rng.random(windows) > 0.18  # neither wrong nor missed
    looks = []
    for share in QUARTERS:
        seen = right & (time <= share)
        if seen.sum() < 3:
            continue
        laws, below = posterior(time[seen] / share, measured[seen], error[seen], shared)
        looks.append((share, float(np.interp(1 / share, _LONGER, below)), float(laws[list(LAWS).index(name)])))
    return looks


def main() -> None:
    """Print the share of lives of each law that are held, and how they are missed."""
    lives = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print("90 % intervals of the time to the limit, % held (sooner, later than said) and probability of the true law")
    print(f"{'':14s} {'at a quarter of life':>24s} {'at half':>24s} {'at three quarters':>24s}")
    for k, name in enumerate(LAWS):
        rng = np.random.default_rng([59, k])
        looks = [look for life in range(lives) for look in judged(name, rng, SHARED[life % len(SHARED)])]
        cells = []
        for share in QUARTERS:
            place = np.array([look[1] for look in looks if look[0] == share])
            known = np.mean([look[2] for look in looks if look[0] == share])
            sooner, later = 100 * np.mean(place < 0.05), 100 * np.mean(place > 0.95)
            cells.append(f"{100 - sooner - later:5.0f} ({sooner:2.0f}, {later:2.0f}) {known:4.2f}".rjust(24))
        print(f"{name:14s} {' '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
