"""The budget in small, on this machine's control groups; `make budget` measures it. Skipped where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from test_cgroup_v1 import usable

from benchmarks.budget import sleeper
from benchmarks.fleet_run import TRIVIAL, Run, measure, plugged, windows

pytestmark = pytest.mark.skipif(bool(usable()), reason=usable() or "usable")
ASSETS, SECONDS = 64, 6
_QUIET_MS = 5.0


def test_sixty_four_assets_within_a_quarter_of_a_core_and_128_mb(tmp_path):
    """Everything is answered within the limits; on time, where this machine has time at all."""
    limits = {"cpu": "25%", "memory": "128MB", "pids": 64}
    source = {"assets": ASSETS, "seconds": SECONDS, "bad_every": 4}
    more = TRIVIAL + '[[alarm]]\nname = "not measured"\ncondition = "quality"\nworst = "bad"\n'
    with plugged(), sleeper() as late:
        times, cost = measure(
            Run(model=more, source=source, limits=limits, commit_s=0.1, warm_s=1.0), tmp_path, windows(8, 0.125)
        )
    assert len(times.answered) == len(times.stored) == ASSETS * SECONDS
    assert len(times.alarms) > ASSETS
    assert cost.worker <= 0.27
    assert (cost.usage.oom_kills, cost.usage.peak_bytes <= 128_000_000) == (0, True)
    if np.percentile(late, 99) > _QUIET_MS:
        pytest.skip(f"who only sleeps woke {np.percentile(late, 99):.1f} ms late: how late answers are says nothing")
    assert np.median(times.took_ms(times.answered, after_s=1.0)) < 20
    assert np.median(times.took_ms(times.alarms, after_s=1.0)) < 40
    assert np.median(times.took_ms(times.stored, after_s=1.0)) < 150
