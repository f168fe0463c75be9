"""Evidence that windows show together: it comes back to the byte, forgets what is old, and finds what none shows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inversion.core import dumps, to_json
from inversion.core.memory import Remembering
from inversion.engines.least_squares import LeastSquares
from inversion.forward.bearing_claims import Evidence
from inversion.forward.bearing_pool import FEWEST_WINDOWS, Pool, pool_at
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.physics.bearing_simulation import Machine, Spall, simulate_waveform
from inversion.pipeline import AssetState, Pipeline, advance
from inversion.tracking import Tracker
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
MINUTE_NS = 60 * 10**9
RATE, SHAFT_HZ = 12_000.0, 30.0


def evidence(rng, size: int = 1500, nominal: float = 0.025) -> Evidence:
    return Evidence(rng.normal(size=size).astype(np.float32), nominal)


def through_json(pool: Pool) -> dict:
    return json.loads(json.dumps(pool.to_dict()))


def frames(windows: int, spalls, seed: int, asset: str = "fan") -> list[Frame]:
    """A window every five minutes."""
    rng = np.random.default_rng(seed)
    machine = Machine(BEARING, SHAFT_HZ)
    made = []
    for k in range(windows):
        samples = simulate_waveform(machine, spalls, RATE, 16_384, rng).astype(np.float32)
        channels = {
            "acceleration": Waveform(samples, RATE, "m/s2"),
            "shaft_hz": Waveform(np.array([SHAFT_HZ], np.float32), 1.0, "Hz"),
        }
        made.append(Frame(asset, k * 5 * MINUTE_NS, True, channels))
    return made


def test_the_mean_is_that_of_all_windows_and_comes_back_to_the_byte():
    rng = np.random.default_rng(1)
    seen = [evidence(rng) for _ in range(6)]
    kept, whole = None, Pool(0)
    for k, each in enumerate(seen):
        whole = pool_at(whole.to_dict() if whole.halves else None, k, 3600.0).joined(each)
        kept = through_json(pool_at(kept, k, 3600.0).joined(each))
    assert kept == whole.to_dict()
    [half] = whole.halves
    np.testing.assert_allclose(half.mean, np.mean([each.of_lines for each in seen], axis=0), atol=5e-3)
    assert whole.windows == 6


def test_orders_of_another_speed_are_laid_upon_those_of_the_first():
    of_lines = np.zeros(1500, np.float32)
    of_lines[400:403] = 2.0  # order 10
    pool = Pool(0).joined(Evidence(of_lines, 0.025))
    of_lines = np.zeros(750, np.float32)
    of_lines[199:202] = 2.0  # at twice the speed of the shaft and a window as long
    pool = pool.joined(Evidence(of_lines, 0.05))
    assert int(pool.halves[0].mean.argmax()) in (400, 401, 402)
    assert pool.halves[0].mean.max() > 1.5


@pytest.mark.parametrize("minutes", [5, 17, 45, 400])
def test_nothing_that_is_older_than_the_span_counts_and_what_is_kept_has_one_size(minutes):
    rng, pool, sizes = np.random.default_rng(2), None, set()
    for k in range(60):
        at_ns = k * minutes * MINUTE_NS
        now = pool_at(pool, at_ns, 3600.0).joined(evidence(rng))
        assert all(at_ns - half.began_ns <= 60 * MINUTE_NS for half in now.halves)
        assert now.windows >= min(k + 1, 1 + 30 // minutes)
        pool = now.to_dict()
        sizes.add(sum(len(half["mean"]) for half in pool["halves"]))
    assert max(sizes) <= 2 * min(sizes)


def test_a_clock_that_goes_back_forgets_nothing():
    rng = np.random.default_rng(3)
    pool = Pool(10 * MINUTE_NS).joined(evidence(rng))
    assert pool_at(pool.to_dict(), 0, 3600.0).joined(evidence(rng)).windows == 2


def test_few_windows_show_nothing_together():
    rng = np.random.default_rng(4)
    pool = Pool(0)
    for _ in range(FEWEST_WINDOWS - 1):
        pool = pool.joined(evidence(rng))
    assert pool.claims(BEARING).slips == {}


def test_a_weak_fault_is_found_by_windows_together_and_the_finding_says_by_how_many():
    model = RollingBearing(BEARING, pool_minutes=60)
    assert isinstance(model, Remembering)
    weak = (Spall("inner", 1e-3, 0.5),)
    alone = model.observe(frames(12, weak, 7))
    together, memories = model.observe_in_turn(frames(12, weak, 7), {})
    claimed = np.isneginf(together.limit[:, :3])
    assert not np.isneginf(alone.limit[:, :3]).any()
    assert claimed[-1].tolist() == [False, True, False]
    assert not claimed[: FEWEST_WINDOWS - 1].any()
    assert "inner: shown by 12 windows of 55 min together" in together.reasons[-1]
    assert not np.isfinite(together.std[-1, 3:]).any()  # no width is judged
    assert len(json.dumps(memories)) < 30_000


def test_a_healthy_machine_shows_nothing_however_many_windows_are_pooled():
    features, _ = RollingBearing(BEARING, pool_minutes=600).observe_in_turn(frames(60, (), 8), {})
    assert not np.isneginf(features.limit[:, :3]).any()


def test_without_the_setting_nothing_is_remembered():
    model = RollingBearing(BEARING)
    assert not model.remembers
    pipeline = Pipeline(model, LeastSquares().bind(model), "least_squares", (), Tracker())
    states, _ = advance(pipeline, {"fan": AssetState(memory={"nominal": 1.0, "halves": []})}, frames(2, (), 9))
    assert states["fan"].memory is None


def test_any_batching_gives_the_same_findings_also_through_json():
    model = RollingBearing(BEARING, pool_minutes=60)
    pipeline = Pipeline(model, LeastSquares().bind(model), "least_squares", (), Tracker())
    some = frames(8, (Spall("inner", 1e-3, 0.5),), 7) + frames(8, (), 8, "pump")
    some.sort(key=lambda frame: frame.start_ns)
    _, whole = advance(pipeline, {}, some)
    states, pieces = {}, []
    for part in (some[:3], some[3:4], [], some[4:11], some[11:]):
        states, found = advance(pipeline, states, part)
        states = {name: AssetState.from_dict(json.loads(json.dumps(s.to_dict()))) for name, s in states.items()}
        pieces += found
    assert [dumps(to_json(each)) for each in pieces] == [dumps(to_json(each)) for each in whole]
    assert any("together" in each.estimate.fit.reason for each in whole)


@pytest.mark.parametrize("minutes", [-1.0, np.nan, 1e6])
def test_a_span_that_cannot_be_is_refused(minutes):
    with pytest.raises(ValueError, match="pool_minutes must lie between 0 and 10080"):
        RollingBearing(BEARING, pool_minutes=minutes)
