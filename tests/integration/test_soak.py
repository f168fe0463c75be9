"""Nothing grows while many frames go by; `make soak` looks at a million of them."""

from __future__ import annotations

from benchmarks.fleet_run import plugged
from benchmarks.soak import soak

FRAMES = 24_000
#: In the second half of so few frames: what waits for a slow disk is less, a leak of two hundred bytes a frame is more.
MOST_MB = 2.4


def test_memory_and_files_do_not_grow_with_the_frames(tmp_path):
    with plugged():
        seen = soak(tmp_path, FRAMES)
    assert seen.wrong == []
    memory = seen.column(1, after=0.5)
    assert memory.size > 10
    assert memory[-5:].mean() - memory[:5].mean() < MOST_MB
