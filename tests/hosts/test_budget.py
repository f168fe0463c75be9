"""The budget in small, on this machine's control groups; `make budget` measures it. Skipped where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from test_cgroup_v1 import usable

from benchmarks.budget import sleeper
from benchmarks.fleet_run import TRIVIAL, Cost, Run, Times, measure, plugged, windows

pytestmark = pytest.mark.skipif(bool(usable()), reason=usable() or "usable")
ASSETS, SECONDS = 64, 6
_QUIET_MS = 5.0


def ran(
    folder, *, cpu: str = "25%", together: int = 1, commit_s: float = 0.1, bad_every: int = 4
) -> tuple[Times, Cost, list[float]]:
    """A fleet, what it cost, and how late a process woke meanwhile that only sleeps, ms."""
    more = TRIVIAL + '[[alarm]]\nname = "not measured"\ncondition = "quality"\nworst = "bad"\n'
    source = {"assets": ASSETS, "seconds": SECONDS, "bad_every": bad_every, "together": together}
    limits = {"cpu": cpu, "memory": "128MB", "pids": 64}
    run = Run(model=more, source=source, limits=limits, commit_s=commit_s, warm_s=1.0)
    with plugged(), sleeper() as late:
        times, cost = measure(run, folder, windows(8, 0.125))
    return times, cost, late


def middle_ms(times: Times, late: list[float]) -> dict[str, float]:
    """Medians, to a result, to an alarm on the disk, to a finding on it. Skips where one in ten wakes too late."""
    if np.percentile(late, 90) > _QUIET_MS:
        pytest.skip(f"who only sleeps woke {np.percentile(late, 90):.1f} ms late: how late answers are says nothing")
    kinds = {"result": times.answered, "alarm": times.alarms, "stored": times.stored}
    return {kind: float(np.median(times.took_ms(what, after_s=1.0))) for kind, what in kinds.items() if what}


def test_sixty_four_assets_within_a_quarter_of_a_core_and_128_mb(tmp_path):
    """Everything is answered within the limits; on time, where this machine has time at all."""
    times, cost, late = ran(tmp_path)
    assert len(times.answered) == len(times.stored) == ASSETS * SECONDS
    assert len(times.alarms) > ASSETS
    assert cost.worker <= 0.27
    assert (cost.usage.oom_kills, cost.usage.peak_bytes <= 128_000_000) == (0, True)
    took = middle_ms(times, late)
    assert took["result"] < 20
    assert took["alarm"] < 40
    assert took["stored"] < 150


def test_who_is_late_is_seen_to_be(tmp_path):
    """All windows due at once for a twentieth of a core, and a commit after 0.4 s that no alarm hastens.

    Not a second, the pace of the windows: a commit would come with the next ones, soon after some of them.
    """
    times, _, late = ran(tmp_path, cpu="5%", together=ASSETS, commit_s=0.4, bad_every=0)
    took = middle_ms(times, late)
    assert took["result"] > 20
    assert took["stored"] > 150
