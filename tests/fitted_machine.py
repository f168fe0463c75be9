"""A machine known by health alone, in a file: the vibration of two channels, whose common rise is the severity."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inversion.forward.empirical import Empirical
from inversion.signal.features import Feature
from inversion.store.empirical import save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target

FEATURES = tuple(Feature(name, name, "rms", log=True) for name in ("horizontal", "vertical"))
CALIBRATION = Calibration(FEATURES, (Target("rise", "1", 0.0, 5.0),), baseline=True)


def fitted_machine(path: Path, seed: int = 1) -> Empirical:
    """Ten healthy windows; another seed is another machine with the same parameter and features."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.05, (10, 1))
    values = np.array([1.2, 0.8]) + common + rng.normal(0, [0.1, 0.04], (10, 2))
    units, rates = {"horizontal": "m/s2", "vertical": "m/s2"}, {"horizontal": 25_600.0, "vertical": 25_600.0}
    group = np.array([f"snapshot {k}" for k in range(10)])
    save(fit(Labelled(values, np.zeros((10, 0)), np.zeros((10, 1)), group, units, rates, 0.1), CALIBRATION, 4.0), path)
    return Empirical(path)
