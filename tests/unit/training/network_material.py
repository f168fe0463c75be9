"""Encoded windows of no machine at all, for tests of layers."""

import numpy as np

from inversion.core.encoding import columns
from inversion.forward.rolling_bearing import RollingBearing

MODEL = RollingBearing(designation="6205")
AT = columns(len(MODEL.observables), len(MODEL.space), 3)


def encoded_windows(n: int, seed: int = 0) -> np.ndarray:
    """(n, k) with profiles of one, two or no race, censored ones among them."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((n, AT.width), dtype=np.float32)
    z, state = rows[:, AT.z], rows[:, AT.state]
    z[:, :3] = rng.uniform(0.5, 3.3, (n, 3))
    state[:, :3] = rng.choice([-1.0, 1.0], (n, 3))
    for row in range(n):
        for race in range(3):
            if state[row, race] > 0 and rng.random() < 0.7:
                cells = slice(3 + 128 * race + int(rng.integers(4, 20)), 3 + 128 * (race + 1))
                z[row, cells] = np.arcsinh(rng.normal(0.3, 1.0, z[row, cells].size).clip(0))
                state[row, cells] = rng.choice([-1.0, 1.0])
    rows[:, AT.level][:, :3] = rng.uniform(0.1, 5.0, (n, 3))
    rows[:, AT.floor][:, 3:6] = rng.uniform(0.05, 0.3, (n, 1))
    rows[:, AT.condition] = (30.0, 51_200.0, 0.0)
    rows[:, AT.condition.stop - 1] = rng.uniform(0, 1.5e-3, n)
    return rows
