"""How good unbalances and their intervals are: against the Cramér-Rao bound, a finite-element rotor, published jobs.

    python -m benchmarks.balancing

The published jobs are `balancing/cases.toml` in the folder of recordings (INVERSION_DATA, by default ../shared/data).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from inversion.app.balance import BalanceCase, read_cases, solve
from inversion.physics import rotor
from inversion.physics.circular_interval import amplitude_interval, angle_half_width
from inversion.physics.rotor_draws import Job

INFLUENCE = np.array([[1.0, 0.4j], [0.3 - 0.2j, -0.9], [0.6j, 0.5 + 0.5j], [-0.4, 0.7j]])
TRIALS = np.array([2.0, 1.5 - 1.5j])
SIZES = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 6.0)
DRAWS = 40_000
REFERENCE = Path(__file__).parents[1] / "tests" / "golden" / "ross_rotor.json"


def theory(job: Job, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Over all sizes and planes: RMSE over bound; coverage of amplitudes; of angles."""
    ratios, amplitudes, angles = [], [], []
    for size in SIZES:
        rng = np.random.default_rng((seed, int(100 * size)))
        unbalance = size * np.array([1.0, 0.7]) * np.exp(1j * rng.uniform(0, 2 * np.pi, 2))
        response = job.measure(np.broadcast_to(unbalance, (DRAWS, 2)), rng)
        ones = np.ones(len(job.influence))
        masses = rotor.correction(response, ones)
        spread = rotor.correction_covariance(response, ones, masses)
        sd = np.sqrt(np.diagonal(spread, axis1=-2, axis2=-1).real)
        ratios += (np.sqrt(np.mean(np.abs(masses + unbalance) ** 2, axis=0) / 2) / job.bound(unbalance)).tolist()
        low, high = amplitude_interval(np.abs(masses), sd, 0.9)
        amplitudes += np.mean((low <= np.abs(unbalance)) & (np.abs(unbalance) <= high), axis=0).tolist()
        if size:
            turned = np.abs(np.angle(-masses / unbalance))
            angles += np.mean(turned <= angle_half_width(np.abs(masses), sd, 0.9), axis=0).tolist()
    return ratios, amplitudes, angles


def finite_elements(error: float, repeats: int = 50) -> tuple[float, float, float]:
    """Coverage of amplitudes and of angles, and the share resolvable, on the reference of ross_rotor.py."""
    reference, rng = json.loads(REFERENCE.read_text(encoding="utf-8")), np.random.default_rng(21)
    trials = tuple((1e6 * size, degrees) for size, degrees in reference["trial_kg_m_deg"])
    amplitudes, angles, resolvable = [], [], []
    for machine in reference["sets"]:
        clean = 1e6 * (np.array(machine["runs"]) @ [1, 1j])
        unbalance = 1e6 * (np.array(machine["unbalance"]) @ [1, 1j])
        for _ in range(repeats):
            noise = error * np.abs(clean) * (rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape))
            vectors = [[(float(abs(v)), float(np.degrees(np.angle(v)))) for v in run] for run in clean + noise]
            runs = tuple(tuple(vectors[1 + plane][probe] for plane in range(2)) for probe in range(4))
            case = BalanceCase("", tuple(vectors[0]), trial_runs=runs, trial_masses=trials, error=error)
            for plane, true in zip(solve(case).planes, unbalance, strict=True):
                turned = (plane.angle - np.degrees(np.angle(true))) % 360 - 180
                resolvable.append(plane.resolvable)
                amplitudes.append(plane.mass.low <= abs(true) <= plane.mass.high)
                angles.append(abs(turned) <= plane.half_width)
    return float(np.mean(amplitudes)), float(np.mean(angles)), float(np.mean(resolvable))


def main() -> None:
    """Prints the figures."""
    print(f"90 % intervals, {len(SIZES)} sizes of unbalance, {DRAWS} draws each, lowest to highest bin")
    jobs = {
        "known influence, 4 sensors": Job(INFLUENCE, None, 0.03),
        "trial runs, 2 sensors": Job(INFLUENCE[:2], TRIALS, 0.03),
        "trial runs, 4 sensors": Job(INFLUENCE, TRIALS, 0.03),
        "trial masses left in, 4 sensors": Job(INFLUENCE, TRIALS, 0.03, kept=True),
        "trial runs, 2 sensors, threefold noise": Job(INFLUENCE[:2], TRIALS, 0.09),
    }
    for seed, (name, job) in enumerate(jobs.items()):
        ratios, *covered = theory(job, seed)
        told = [f"{100 * min(each):.1f} to {100 * max(each):.1f} %" for each in covered]
        print(f"{name}: RMSE {min(ratios):.3f} to {max(ratios):.3f} of the bound; amplitude {told[0]}; angle {told[1]}")
    for error in (0.01, 0.02, 0.04):
        amplitude, angle, resolvable = finite_elements(error)
        print(
            f"finite elements, readings {error:.0%} off: amplitude {amplitude:.1%}, angle {angle:.1%}, "
            f"resolvable {resolvable:.1%}"
        )
    published = Path(os.environ.get("INVERSION_DATA", "../shared/data")) / "balancing" / "cases.toml"
    for case in read_cases(published) if published.is_file() else ():
        off = ", ".join(f"{share:.2%}" for share in solve(case).published_off)
        print(f"published: {case.name}: {off} off, as vectors")


if __name__ == "__main__":
    main()
