"""Makes heat_flux_matrix.csv and heat_flux_measured.csv: python configs/linear/heat_flux.py

A thick steel wall is heated by an unknown flux that changes every second. A thermocouple 10 mm below the surface is
read twice a second. Its rise under a constant flux q from t = 0 on is
    q / k * (2 sqrt(a t / pi) exp(-x^2 / 4 a t) - x erfc(x / 2 sqrt(a t)))
with the depth x, the conductivity k and the diffusivity a
(Carslaw & Jaeger, Conduction of Heat in Solids, 2nd ed., Oxford 1959, section 2.9, eq. 7).
The true flux is a half sine of 80 kW/m2 from 4 s to 16 s; noise 0.05 K.
"""

from __future__ import annotations

import csv
from math import erfc, exp, pi, sin, sqrt
from pathlib import Path

import numpy as np

CONDUCTIVITY, DIFFUSIVITY, DEPTH = 45.0, 1.2e-5, 0.010  # W/(m K), m2/s, m
STEPS, NOISE = 20, 0.05


def rise(seconds: float) -> float:
    """K per kW/m2, of a constant flux since t = 0."""
    if seconds <= 0:
        return 0.0
    reach = sqrt(DIFFUSIVITY * seconds)
    return 1e3 / CONDUCTIVITY * (
        2 * reach / sqrt(pi) * exp(-((DEPTH / (2 * reach)) ** 2)) - DEPTH * erfc(DEPTH / (2 * reach))
    )  # fmt: skip


def truth() -> list[float]:
    """kW/m2, of each second."""
    return [80 * sin(pi * (t + 0.5 - 4) / 12) if 4 <= t < 16 else 0.0 for t in range(STEPS)]


def main(folder: Path) -> None:
    """Writes both files."""
    times = [0.5 * (i + 1) for i in range(2 * STEPS)]
    matrix = [[rise(t - j) - rise(t - j - 1) for j in range(STEPS)] for t in times]
    noise = np.random.default_rng(1).normal(0, NOISE, len(times))
    measured = [float(np.dot(row, truth())) + float(more) for row, more in zip(matrix, noise, strict=True)]
    names = [f"t_{t:04.1f}s" for t in times]
    with (folder / "heat_flux_matrix.csv").open("w", newline="") as file:
        header = ["K per kW/m2", *(f"q_{j:02d}s" for j in range(STEPS))]
        rows = [[name, *(f"{value:.6g}" for value in row)] for name, row in zip(names, matrix, strict=True)]
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    with (folder / "heat_flux_measured.csv").open("w", newline="") as file:
        rows = [[name, f"{value:.3f}"] for name, value in zip(names, measured, strict=True)]
        csv.writer(file, lineterminator="\n").writerows([["reading", "run 1"], *rows])


if __name__ == "__main__":
    main(Path(__file__).parent)
