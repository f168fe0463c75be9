"""A repair, a new sensor, wrong windows: steps are seen soon, and only steps."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core import Estimate, Fit
from inversion.tracking import Tracker, advance, to_estimate
from inversion.tracking.rehearsal import SPACE

pytestmark = pytest.mark.statistical

HOUR_NS = 3600 * 10**9
ERROR = 0.15
BEFORE = 30
ASSETS = 100


def window(latent: float | None, error: float = ERROR) -> Estimate:
    """A window that measured this latent value; None: that resolves nothing."""
    if latent is None:
        return Estimate(SPACE, np.zeros(1), np.eye(1), np.zeros(1), (False,), Fit())
    variance = error**2 / (1 + error**2)
    return Estimate(SPACE, np.array([latent * (1 - variance)]), np.eye(1) * variance, np.zeros(1), (True,), Fit())


def watched(rng: np.random.Generator, width_mm: float, missed: float = 0.1, wrong: float = 0.03) -> Estimate:
    """A window of a spall this wide, as recordings give them."""
    latent = float(SPACE.to_latent(np.array([width_mm * 1e-3]))[0]) + ERROR * rng.normal()
    if rng.random() < missed:
        return window(None)
    return window(rng.normal() if rng.random() < wrong else latent)


def worn(rng: np.random.Generator, tracker: Tracker, windows: int = BEFORE):
    """An asset whose spall grows from 2 to 2.5 mm, an hour a window, without misses at its end."""
    track = None
    for k in range(windows):
        track = advance(tracker, track, watched(rng, 2 + 0.5 * k / windows), k * HOUR_NS)
    return track


def windows_until_said(after, asset: int) -> tuple[int, float]:
    """Windows after a change until it is said (99: not within ten), and hours from the change to the time that is said.

    A step that was said before the change does not count.
    """
    rng, tracker = np.random.default_rng([3, asset]), Tracker()
    track = worn(rng, tracker)
    earlier = track.beliefs["width"].step_ns
    for k in range(10):
        track = advance(tracker, track, after(rng), (BEFORE + k) * HOUR_NS)
        step_ns = track.beliefs["width"].step_ns
        if step_ns != earlier:
            return k + 1, step_ns / HOUR_NS - BEFORE
    return 99, 0.0


@pytest.mark.parametrize("width_mm", [0.8, 6.0], ids=["a smaller spall", "a new sensor that sees more"])
@pytest.mark.parametrize(("wrong", "share"), [(0.0, 0.95), (0.03, 0.9)])
def test_a_step_is_said_within_five_windows_with_its_time(width_mm, wrong, share):
    """A window that is plain wrong, just then, may delay it."""
    said = [
        windows_until_said(lambda rng: watched(rng, width_mm, missed=0.0, wrong=wrong), asset)
        for asset in range(ASSETS)
    ]
    assert np.mean([windows <= 5 for windows, _ in said]) >= share
    assert np.mean([abs(hours) <= 1 for _, hours in said]) >= 0.9


def test_a_repair_after_which_nothing_is_resolved_is_seen_within_five_windows():
    seen, said = [], []
    for asset in range(ASSETS):
        rng, tracker = np.random.default_rng([4, asset]), Tracker()
        track, resolved, stepped = worn(rng, tracker), [], []
        for k in range(10):
            track = advance(tracker, track, window(None), (BEFORE + k) * HOUR_NS)
            resolved.append(track.beliefs["width"].resolved)
            stepped.append(track.beliefs["width"].step_ns is not None)
        seen.append(not resolved[4] and not resolved[-1])
        said.append(stepped[-1])
    assert np.mean(seen) == 1.0
    assert np.mean(said) >= 0.9


def test_after_a_step_the_track_is_that_of_the_new_windows():
    held = []
    for asset in range(40):
        rng, tracker = np.random.default_rng([6, asset]), Tracker()
        track = worn(rng, tracker)
        for k in range(8):
            last = watched(rng, 0.8, missed=0.0, wrong=0.0)
            track = advance(tracker, track, last, (BEFORE + k) * HOUR_NS)
        low, high = to_estimate(track, last).interval("width")
        held.append(low <= 0.8e-3 <= high < 1.5e-3 and track.beliefs["width"].seen <= 9)
    assert np.mean(held) >= 0.8


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_windows_of_a_wrong_lag_do_not_capture_the_track(factor):
    """Every tenth window finds half or twice the width, always the same: the track stays, and no step is said."""
    held, stepped = [], []
    for asset in range(120):
        rng, tracker = np.random.default_rng([7, asset]), Tracker()
        track = None
        for k in range(40):
            wrong = k > 3 and rng.random() < 0.1
            last = watched(rng, 2.0 * (factor if wrong else 1.0), missed=0.0, wrong=0.0)
            track = advance(tracker, track, last, k * HOUR_NS)
        low, high = to_estimate(track, last).interval("width")
        held.append(low <= 2e-3 <= high)
        stepped.append(track.beliefs["width"].step_ns is not None)
    assert np.mean(held) >= 0.8
    assert np.mean(stepped) <= 0.05
