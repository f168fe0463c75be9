"""Networks on real bearings: they saw none of them, and say of each record what least squares says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_bearing_faults import CWRU, IMS, REVOLUTIONS, as_acceleration, claims, majority, true_race, wrong_geometry

from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.store.network import load_card, network_folder, shipped_networks
from sensors.recording import load_layout, read_recording, window_frames

FEMTO = BearingGeometry(13, 3.5, 25.6)
LAYOUTS = Path(__file__).parents[2] / "configs" / "layouts"
NAMES = [
    name for name in shipped_networks() if load_card(network_folder(Path(name))).network.model == "rolling_bearing"
]

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not NAMES, reason="no network of rolling bearings is shipped"),
]


@pytest.fixture(scope="module", params=NAMES)
def network(request) -> Network:
    return Network(Path(request.param))


@pytest.fixture(scope="module")
def observed(data, network):
    """{file stem: features} of all drive-end records, under the ranges of the network."""
    layout = load_layout(LAYOUTS / "cwru.toml")
    model = model_of(network, CWRU, "drive_end")
    return {
        path.stem: model.observe(list(window_frames(read_recording(path, layout), window_revolutions=REVOLUTIONS)))
        for path in sorted((data / "cwru").glob("*.mat"))
    }


def model_of(network: Network, geometry, channel: str) -> RollingBearing:
    """With the ranges that the network was trained for."""
    ends = {each.name: each.high for each in load_card(network_folder(network.network)).parameter}
    widest, hardest = ends["outer_spall"] * 1e3, ends["outer_impact"] / 9.80665
    return RollingBearing(geometry, channel=channel, widest_mm=round(widest, 9), hardest_g=round(hardest, 9))


@pytest.mark.parametrize("precision", ["full", "lite"])
def test_every_record_gets_the_verdict_of_least_squares(network, observed, precision):
    model = model_of(network, CWRU, "drive_end")
    inverter, solver = replace(network, precision=precision).bind(model), LeastSquares().bind(model)
    verdicts = {stem: (majority(inverter.invert(f)), majority(solver.invert(f))) for stem, f in observed.items()}
    assert {stem: both for stem, both in verdicts.items() if both[0] != both[1]} == {}
    named = {stem: ours for stem, (ours, _) in verdicts.items() if ours}
    assert all(ours == {true_race(stem)} for stem, ours in named.items() if "_B0" not in stem)
    assert len(named) >= 13


@pytest.mark.parametrize("precision", ["full", "lite"])
def test_no_width_is_invented(network, observed, precision):
    """Every pit is far below what timing can resolve; one record holds a soft event that is no entry."""
    inverter = replace(network, precision=precision).bind(model_of(network, CWRU, "drive_end"))
    for stem, features in observed.items():
        for estimate in inverter.invert(features):
            assert not any(estimate.resolvable(f"{race}_spall") for race in RACES), stem
            assert all(estimate.interval(f"{race}_spall")[0] == 0.0 for race in RACES), stem


def test_healthy_channels_are_not_claimed(data, network):
    rig = load_layout(LAYOUTS / "ims.toml")
    snapshots = [read_recording(path, rig) for path in sorted((data / "healthy").iterdir())]
    normal = read_recording(data / "cwru" / "normal_0_97.mat", load_layout(LAYOUTS / "cwru.toml"))
    cases = [(recording, channel, IMS, 30) for recording in snapshots for channel in recording.channels]
    cases += [(normal, channel, CWRU, REVOLUTIONS) for channel in normal.channels]
    claimed: Counter[str] = Counter()
    for recording, channel, geometry, revolutions in cases:
        if channel == "shaft_hz":
            continue
        frames = [as_acceleration(f) for f in window_frames(recording, window_revolutions=revolutions, overlap=0.5)]
        model = model_of(network, geometry, channel)
        estimates = network.bind(model).invert(model.observe(frames))
        assert 2 * sum(bool(claims(estimate)) for estimate in estimates) <= len(estimates), channel
        claimed["windows"] += len(estimates)
        claimed["claimed"] += sum(bool(claims(estimate)) for estimate in estimates)
    assert claimed["windows"] > 20
    assert claimed["claimed"] <= 2


def test_a_random_wrong_geometry_claims_at_most_one_window_in_twenty(data, network):
    layout = load_layout(LAYOUTS / "cwru.toml")
    rng = np.random.default_rng(5)
    claimed = windows = 0
    for path in sorted((data / "cwru").glob("12k*.mat")):
        for frame in window_frames(read_recording(path, layout), window_revolutions=REVOLUTIONS):
            model = model_of(network, wrong_geometry(rng), "drive_end")
            claimed += bool(claims(network.bind(model).invert(model.observe([frame]))[0]))
            windows += 1
    assert windows > 100
    assert claimed <= 0.05 * windows


def test_snapshots_too_short_for_a_bearing_are_said_and_nothing_is_claimed(data, network):
    """FEMTO: 0.1 s, three revolutions. No alarm, early or late, can come of it; severity is an empirical model's."""
    layout = load_layout(LAYOUTS / "femto.toml")
    inverter = network.bind(model_of(network, FEMTO, "horizontal"))
    windows = 0
    for run in sorted((data / "femto").glob("Bearing*")):
        paths = sorted(run.glob("acc_*.csv"))
        frames = [frame for path in paths for frame in window_frames(read_recording(path, layout), window_s=0.1)]
        estimates = inverter.invert(inverter.model.observe([as_acceleration(frame) for frame in frames]))
        assert not any(any(estimate.resolved) for estimate in estimates), run.name
        assert all("revolutions say nothing of a bearing" in estimate.fit.reason for estimate in estimates), run.name
        windows += len(estimates)
    assert windows >= 400
