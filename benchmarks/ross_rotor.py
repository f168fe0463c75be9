"""An independent machine to balance: a finite-element rotor of ross-rotordynamics, its responses kept as a reference.

Needs an environment of its own (the package drags in much; it wants plotly below 6):

    python -m venv rossenv && rossenv/bin/pip install ross-rotordynamics 'plotly<6'
    rossenv/bin/python benchmarks/ross_rotor.py tests/golden/ross_rotor.json

The rotor is flexible and gyroscopic, on two bearings with unequal stiffness across; four probes; two planes. Every run
is made at a speed of its own, within 0.1 % of the nominal one, as runs in a plant are.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import ross

SHAFT_HZ = 22.0
JITTER = 1e-3  # relative, of the speed from run to run
PLANES = (4, 9)  # nodes of the discs
PROBES = ((1, 45.0), (1, 135.0), (12, 45.0), (12, 135.0))  # node, degrees from the x axis
TRIAL = ((300e-6, 0.0), (300e-6, 90.0))  # kg·m, degrees
SETS = 24


def machine() -> ross.Rotor:
    """A shaft of 1.3 m with two discs; it runs at two thirds of its first natural frequency."""
    steel = ross.Material(name="Steel", rho=7810, E=211e9, G_s=81.2e9)
    shaft = [ross.ShaftElement(0.1, 0.0, 0.05, material=steel, shear_effects=True, gyroscopic=True) for _ in range(13)]
    discs = [
        ross.DiskElement.from_geometry(n=node, material=steel, width=width, i_d=0.05, o_d=outer)
        for node, width, outer in zip(PLANES, (0.05, 0.07), (0.30, 0.26), strict=True)
    ]
    bearings = [
        ross.BearingElement(n=1, kxx=9e6, kyy=6e6, kxy=4e5, kyx=-4e5, cxx=2.5e3, cyy=2.0e3),
        ross.BearingElement(n=12, kxx=8e6, kyy=5e6, kxy=3e5, kyx=-3e5, cxx=2.5e3, cyy=2.0e3),
    ]
    return ross.Rotor(shaft, discs, bearings)


def reading(rotor: ross.Rotor, unbalance: np.ndarray, shaft_hz: float) -> list[list[float]]:
    """1x displacement at each probe, [real, imaginary] in m, of (2,) complex unbalances in kg·m."""
    response = rotor.run_unbalance_response(
        list(PLANES), list(np.abs(unbalance)), list(np.angle(unbalance)), np.array([2 * np.pi * shaft_hz])
    )
    per_node = rotor.number_dof
    vectors = []
    for node, degrees in PROBES:
        x, y = response.forced_resp[per_node * node : per_node * node + 2, 0]
        vectors.append(x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees)))
    return [[float(f"{v.real:.9e}"), float(f"{v.imag:.9e}")] for v in vectors]


def main(path: Path) -> None:
    """Writes the reference file."""
    rng, rotor = np.random.default_rng(11), machine()
    trials = np.array([size * np.exp(1j * np.radians(degrees)) for size, degrees in TRIAL])
    sets = []
    for _ in range(SETS):
        size = rng.uniform(20e-6, 400e-6, 2)
        unbalance = size * np.exp(2j * np.pi * rng.random(2))
        mounted = [np.zeros(2), *(trials * (np.arange(2) == plane) for plane in range(2))]
        speeds = SHAFT_HZ * (1 + JITTER * rng.uniform(-1, 1, 3))
        runs = [reading(rotor, unbalance + mass, hz) for mass, hz in zip(mounted, speeds, strict=True)]
        sets.append({"unbalance": [[v.real, v.imag] for v in unbalance], "runs": runs})
    critical = np.sort(rotor.run_modal(2 * np.pi * SHAFT_HZ, num_modes=12).wn)[:2] / (2 * np.pi)
    reference = {
        "made_by": f"ross-rotordynamics {version('ross-rotordynamics')}, benchmarks/ross_rotor.py",
        "meaning": "runs: initial, then a trial mass in each plane; at each probe the 1x displacement [re, im], m",
        "shaft_hz": SHAFT_HZ,
        "natural_hz": [round(float(hz), 2) for hz in critical],
        "trial_kg_m_deg": TRIAL,
        "sets": sets,
    }
    path.write_text(json.dumps(reference, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{path}: {len(sets)} rotors, natural frequencies {reference['natural_hz']} Hz at {SHAFT_HZ} Hz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
