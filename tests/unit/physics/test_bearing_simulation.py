"""Laws of the simulated machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inversion.physics.bearing import (
    RACES,
    BearingGeometry,
    contact_speed,
    entry_to_exit_time,
    fault_orders,
    longest_relief,
)
from inversion.physics.bearing_simulation import (
    Machine,
    Mode,
    Spall,
    digitize,
    load,
    passages,
    simulate_waveform,
    structure,
)
from inversion.physics.machine_draws import ENTRY_RANGE, draw_busy_machine, draw_geometry, draw_machine, draw_spall

GEOMETRY = BearingGeometry(9, 7.94, 39.04)
MACHINE = Machine(GEOMETRY, 30.0)
SILENT = replace(MACHINE, noise=0.0, shaft=(), full_scale=1000.0, bits=24)
RATE = 51_200.0
N = 16_384


def simulated(machine: Machine, *spalls: Spall, seed: int = 0, n: int = N, rate: float = RATE) -> np.ndarray:
    return simulate_waveform(machine, spalls, rate, n, np.random.default_rng(seed))


def rms(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(signal**2)))


def test_the_same_seed_gives_the_same_bytes():
    spall = Spall("inner", 2e-3, 3.0)
    assert simulated(MACHINE, spall).tobytes() == simulated(MACHINE, spall).tobytes()
    assert simulated(MACHINE, spall).tobytes() != simulated(MACHINE, spall, seed=1).tobytes()


@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("impact", [0.01, 5.0])
def test_a_fault_causes_the_acceleration_that_was_asked_for(race, impact):
    assert rms(simulated(SILENT, Spall(race, 2e-3, impact))) == pytest.approx(impact, rel=1e-3)


@pytest.mark.parametrize("spall", [Spall("outer", 0.0, 3.0), Spall("ball", 2e-3, 0.0)])
def test_no_width_or_no_impact_is_no_fault(spall):
    assert simulated(MACHINE, spall).tobytes() == simulated(MACHINE).tobytes()


def test_faults_add_up():
    both = simulated(SILENT, Spall("outer", 2e-3, 3.0), Spall("inner", 1e-3, 2.0))
    alone = simulated(SILENT, Spall("outer", 2e-3, 3.0))  # drawn first, so the same in both
    assert rms(both - alone) == pytest.approx(2.0, rel=1e-3)


def test_noise_and_shaft_have_their_levels():
    assert rms(simulated(replace(MACHINE, shaft=()))) == pytest.approx(1.0, rel=0.03)
    hum = np.abs(np.fft.rfft(simulated(replace(SILENT, shaft=(0.5,)), n=51_200))) / 25_600
    assert hum[30] == pytest.approx(0.5, rel=1e-3)
    assert np.delete(hum, 30).max() < 1e-3


@given(st.sampled_from(RACES), st.floats(-0.01, 0.01), st.floats(0, 0.02), st.integers(0, 2**32))
@settings(max_examples=50)
def test_elements_pass_at_the_fault_order_with_slip(race, slip, jitter, seed):
    machine = replace(MACHINE, slip=slip, jitter=jitter)
    times = passages(machine, race, 10.0, np.random.default_rng(seed))
    expected = 10.0 * fault_orders(GEOMETRY)[race] * (1 + slip) * machine.shaft_hz
    assert abs(times.size - expected) <= 1 + 5 * jitter * np.sqrt(expected)  # a random walk of five deviations
    assert np.all(np.diff(times) > 0)
    assert 0 <= times[0] < times[-1] < 10.0


def test_intervals_between_passages_scatter_by_the_jitter():
    intervals = np.diff(passages(replace(MACHINE, jitter=0.01), "outer", 60.0, np.random.default_rng(3)))
    assert intervals.std() / intervals.mean() == pytest.approx(0.01, rel=0.05)


def test_the_outer_race_is_struck_evenly():
    assert np.all(load(MACHINE, "outer", np.linspace(0, 1, 100), np.random.default_rng(0)) == 1)


def test_the_inner_race_is_struck_in_the_load_zone_only_and_hardest_in_its_middle():
    times = np.linspace(0, 1 / MACHINE.shaft_hz, 10_000, endpoint=False)  # one turn
    strength = load(MACHINE, "inner", times, np.random.default_rng(0))
    struck = strength > 0
    assert struck.mean() == pytest.approx(MACHINE.load_zone / np.pi, abs=1e-3)
    assert np.count_nonzero(struck != np.roll(struck, 1)) == 2  # one zone
    assert strength.max() == pytest.approx(1, abs=1e-3)
    turned = np.roll(strength, 5_000 - int(strength.argmax()))
    np.testing.assert_allclose(turned[4_000:5_000], turned[6_000:5_000:-1], atol=0.01)  # symmetric


def test_a_ball_is_struck_all_around_and_once_a_cage_turn_hardest():
    cage_hz = 0.5 * (1 - GEOMETRY.ratio) * MACHINE.shaft_hz
    strength = load(MACHINE, "ball", np.linspace(0, 1 / cage_hz, 1000, endpoint=False), np.random.default_rng(0))
    assert strength.min() > 0
    assert np.count_nonzero((strength > 0.5) != np.roll(strength > 0.5, 1)) == 2


@pytest.mark.parametrize(("width", "relief"), [(1e-3, 0.0), (4e-3, 0.0), (4e-3, 0.4e-3)])
def test_entry_precedes_exit_by_half_the_width_less_the_path_of_relief(width, relief):
    """A structure that hardly rings, a record without noise: both events can be read off."""
    rate, entry = 200_000.0, 0.3
    machine = replace(SILENT, modes=(Mode(20_000.0, 0.7),), jitter=0.0, slip=0.0)
    spall = Spall("outer", width, 1.0, entry=entry, entry_hz=1e6, relief=relief)
    size = np.abs(simulated(machine, spall, n=60_000, rate=rate))
    lag = (width / 2 - relief) / contact_speed(GEOMETRY, machine.shaft_hz) * rate
    period = rate / (fault_orders(GEOMETRY)["outer"] * machine.shaft_hz)
    first = int(size[: int(period)].argmax())
    exits = np.rint(first + period * np.arange(1, 30)).astype(int)
    exits = np.array([k - 20 + int(size[k - 20 : k + 20].argmax()) for k in exits])
    around = size[exits[:, None] + np.arange(-int(1.4 * lag), int(1.4 * lag) + 1)].mean(axis=0)
    middle = around.size // 2
    before, after = around[: middle - int(0.6 * lag)], around[middle + int(0.6 * lag) + 1 :]
    assert middle - before.argmax() == pytest.approx(lag, rel=0.03)  # edges scatter by 2 %
    assert before.max() > 5 * after.max()
    assert before.max() < 2 * entry * around[middle]


def test_an_entry_is_never_felt_after_the_strike():
    assert entry_to_exit_time(1e-3, 2.0, 0.6e-3) == 0
    assert entry_to_exit_time(1e-3, 2.0, 0.2e-3) == pytest.approx(0.15e-3)


def test_a_structure_is_one_at_its_strongest_resonance():
    frequencies = np.linspace(0, 20_000, 4001)
    response = np.abs(structure((Mode(3_000.0, 0.02), Mode(9_000.0, 0.02, 0.5)), frequencies))
    assert response.max() == pytest.approx(1)
    assert frequencies[response.argmax()] == pytest.approx(3_000, rel=0.01)
    assert response[0] == 0


@given(hnp.arrays(np.float64, 20, elements=st.floats(-2000, 2000)), st.sampled_from([12, 16, 24]))
@settings(max_examples=50)
def test_a_converter_clips_rounds_and_changes_nothing_twice(acceleration, bits):
    machine = replace(MACHINE, bits=bits)
    once = digitize(machine, acceleration)
    step = 2 * machine.full_scale / 2**bits
    assert digitize(machine, once).tobytes() == once.tobytes()
    assert once.min() >= -machine.full_scale
    assert once.max() <= machine.full_scale
    inside = np.abs(acceleration) < machine.full_scale - step
    assert np.all(np.abs(once - acceleration)[inside] <= step / 2 * (1 + 1e-9))
    assert np.all(np.abs(once[~inside]) >= machine.full_scale - 2 * step)


@given(st.integers(0, 2**32))
@settings(max_examples=50)
def test_draws_are_machines_that_can_be(seed):
    rng = np.random.default_rng(seed)
    geometry = draw_geometry(rng)
    quiet, busy = draw_machine(geometry, 25.0, rng), draw_busy_machine(geometry, 25.0, rng)
    spall = draw_spall("outer", 2e-3, 20.0, longest_relief(geometry), rng)
    assert quiet.shaft_hz == 25.0
    assert busy.shaft_hz == pytest.approx(25.0, rel=0.005)
    assert ENTRY_RANGE[0] <= spall.entry <= ENTRY_RANGE[1]
    assert spall.impact == pytest.approx(10.0)  # 20 dB above unit noise
    assert 0 <= spall.relief <= 0.057e-3 * geometry.element_diameter_mm
    for machine in (quiet, busy):
        assert np.all(np.isfinite(simulated(machine, spall, n=2048, seed=seed)))
