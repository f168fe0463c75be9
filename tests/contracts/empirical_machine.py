"""A small empirical model of a simulated bearing's vibration, in a file of its own."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from inversion.forward.empirical import Empirical
from inversion.signal.features import Feature
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target

FEATURES = (
    Feature("loudness", "vibration", "rms", log=True),
    Feature("strike", "vibration", "order_rms", order=3.585, log=True),
    Feature("peaks", "vibration", "kurtosis"),
)
CALIBRATION = Calibration(FEATURES, (Target("damage", "mm", 0.0, 5.0), Target("load", "kN", 0.0, 2.0)))


@cache
def empirical_machine() -> Empirical:
    """Loudness by load, strikes and peaks by damage; the numbers are made up."""
    rng = np.random.default_rng(1)
    theta = rng.uniform([0, 0], [5e-3, 2e3], (60, 2))
    damage, load = theta.T / [[5e-3], [2e3]]
    values = np.stack([-1 + 2 * load, -3 + damage**2 + 0.3 * load, 3 + 2 * damage], axis=1)
    values += rng.normal(0, 0.05, values.shape)
    units, rates = {"vibration": "m/s2", "shaft_hz": "Hz"}, {"vibration": 51_200.0}
    group = np.array([f"run {k % 6}" for k in range(60)])
    labelled = Labelled(values, np.zeros((60, 0)), theta, group, units, rates, 0.8)
    path = Path(tempfile.mkdtemp(prefix="empirical-")) / "machine.npz"
    save(fit(labelled, CALIBRATION), path)
    return Empirical(path)
