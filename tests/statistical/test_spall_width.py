"""Do the intervals of the spall width cover the truth as often as they say? On the demo's machine, fresh seeds.

Small samples, so that they run in a minute: shares are held to what chance leaves open. The large figures are those of
`python -m benchmarks.width_coverage`, which draws as these tests do and with other seeds.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.width_coverage import BEARING, PRIOR_MM, STRONG, WEAK, WIDTHS_M, simulated_frame, windows, winkler
from inversion.engines.least_squares import LeastSquares
from inversion.forward import bearing_observation as observation
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import RACES, contact_speed, fault_orders, longest_relief
from inversion.physics.bearing_simulation import Machine, Spall
from inversion.physics.machine_draws import draw_machine, draw_spall
from inversion.signal.transform import fast_length_below, spectrum
from sensors import Frame

pytestmark = pytest.mark.statistical

RATE, SHAFT_HZ = 51_200.0, 30.0
EACH = 100  # windows a race
FEW = 40


@pytest.fixture(scope="module")
def all_entries() -> dict[str, np.ndarray]:
    """Of each race, windows as `benchmarks.width_coverage.windows` returns them; entries of every strength."""
    return {race: windows(RATE, SHAFT_HZ, race, EACH, [2026, k]) for k, race in enumerate(RACES)}


def held(rows: np.ndarray) -> np.ndarray:
    width, low, high = rows[:, :3].T
    return (low <= width) & (width <= high)


def at_least(hits: np.ndarray, share: float) -> bool:
    """Whether a true share of at least this much would give so few hits once in a thousand times, or more often."""
    return bool(binom.cdf(np.count_nonzero(hits), hits.size, share) > 1e-3)


def at_most(hits: np.ndarray, share: float) -> bool:
    return at_least(~hits, 1 - share)


def test_ninety_percent_intervals_cover_87_to_94_percent(all_entries):
    hits = held(np.concatenate(list(all_entries.values())))
    assert at_least(hits, 0.87)
    assert at_most(hits, 0.94)


@pytest.mark.parametrize("race", RACES)
def test_no_third_of_the_widths_is_left_uncovered(all_entries, race):
    rows = all_entries[race]
    third = np.minimum((rows[:, 0] / WIDTHS_M[1] / 1e3 * 3).astype(int), 2)
    for k in range(3):
        assert at_least(held(rows)[third == k], 0.8)


@pytest.mark.parametrize("strength", [STRONG, WEAK])
def test_entries_from_either_end_of_their_range_are_covered(strength):
    """All of them strong, all of them weak: whatever strength the intervals were set on, one of these is the other."""
    seed = [2027, int(1000 * strength[1])]
    rows = [windows(RATE, SHAFT_HZ, race, FEW, [*seed, k], strength) for k, race in enumerate(RACES)]
    assert held(np.concatenate(rows)).mean() >= 0.85
    if strength == STRONG:
        spans = np.concatenate([each[:, 2] - each[:, 1] for each in rows])
        assert spans.mean() <= 0.5 * (PRIOR_MM[1] - PRIOR_MM[0])  # where v / fs <= 0.04 mm
        assert contact_speed(BEARING, SHAFT_HZ) / RATE <= 0.04e-3


@pytest.mark.parametrize("race", RACES)
def test_intervals_score_better_than_the_prior_interval(all_entries, race):
    rows = all_entries[race]
    assert winkler(*rows[:, :3].T).mean() < winkler(rows[:, 0], *PRIOR_MM).mean()


def test_what_is_called_resolved_is_narrow_and_covered(all_entries):
    rows = np.concatenate(list(all_entries.values()))
    resolved = rows[:, 4] > 0
    assert resolved.mean() > 0.4
    path = 2e3 * longest_relief(BEARING)  # as the entry may be felt anywhere on it, no interval is shorter
    assert 0.85 * path < np.median((rows[:, 2] - rows[:, 1])[resolved]) < 1.1 * path
    assert at_least(held(rows)[resolved], 0.87)


def test_nothing_below_the_floor_is_called_resolved(all_entries):
    floor = RollingBearing(BEARING).floor(np.array([SHAFT_HZ, RATE]))[3] * 1e3
    rows = np.concatenate(list(all_entries.values()))
    assert not np.any(rows[rows[:, 0] < 0.9 * floor, 4])


@pytest.mark.parametrize("width_mm", [1.5, 3.0, 4.5, 7.5])
def test_easy_case_is_resolved_to_a_tenth_of_a_millimeter(width_mm):
    """100 kHz, 20 dB, strong entry, known to be felt at the edge: if this fails, the feature is broken."""
    rng = np.random.default_rng(int(width_mm * 10))
    spall = Spall("outer", width_mm * 1e-3, 10.0, 0.8)
    frame = simulated_frame(Machine(BEARING, SHAFT_HZ), spall, 102_400.0, rng)
    model = RollingBearing(BEARING, relief_mm=0.0)
    estimate = LeastSquares().bind(model).invert(model.observe([frame]))[0]
    assert estimate.resolvable("outer_spall")
    assert abs(estimate.value("outer_spall") * 1e3 - width_mm) < 0.1
    low, high = estimate.interval("outer_spall")
    assert low <= width_mm * 1e-3 <= high


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_wherever_on_the_path_of_relief_an_entry_is_felt_the_interval_holds_the_width(share):
    """And says no more than that path allows; one that is told a shorter path is sure, and wrong."""
    path = longest_relief(BEARING)
    spall = Spall("outer", 4e-3, 10.0, 0.8, relief=share * path)
    frame = simulated_frame(Machine(BEARING, SHAFT_HZ), spall, RATE, np.random.default_rng(9))
    low, high = interval(RollingBearing(BEARING), frame)
    assert low <= spall.width <= high
    assert high - low > 0.8 * 2 * path
    least, most = interval(RollingBearing(BEARING, relief_mm=0.0), frame)
    assert least - 0.05e-3 <= spall.width - 2 * spall.relief <= most + 0.05e-3
    assert most < spall.width


def interval(model: RollingBearing, frame: Frame) -> tuple[float, float]:
    estimate = LeastSquares().bind(model).invert(model.observe([frame]))[0]
    assert estimate.resolvable("outer_spall")
    return estimate.interval("outer_spall")


def test_without_an_entry_no_width_is_resolved():
    """Control: the same strikes with nothing before them. Whatever were seen there would not be a size."""
    rng = np.random.default_rng(7)
    model = RollingBearing(BEARING)
    inverter = LeastSquares().bind(model)
    resolved = 0
    for _ in range(60):
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        spall = replace(draw_spall("outer", rng.uniform(1e-3, 8e-3), rng.uniform(5, 20), model.relief, rng), entry=0.0)
        estimate = inverter.invert(model.observe([simulated_frame(machine, spall, RATE, rng)]))[0]
        resolved += estimate.resolvable("outer_spall")
    assert resolved <= 1


@pytest.mark.parametrize("race", RACES)
def test_the_highest_edge_stands_at_the_lag_of_the_true_width(race):
    """Control: a wrong lag must not score as well, or what scores is not a size."""
    rng = np.random.default_rng(8)
    speed = contact_speed(BEARING, SHAFT_HZ)
    hits = 0
    for _ in range(20):
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        spall = replace(draw_spall(race, rng.uniform(1.5e-3, 7.5e-3), 15.0, 0.0, rng), entry=0.6)
        samples = simulated_frame(machine, spall, RATE, rng).channels["acceleration"].samples
        samples = samples[: fast_length_below(samples.size)]
        period = RATE / (fault_orders(BEARING)[race] * (1 + machine.slip) * SHAFT_HZ)
        profile = observation.edge_profile(spectrum(samples), samples.size, period, speed, RATE, 8e-3)
        highest = 10 + int(profile.edge[9:].argmax())
        hits += abs(highest - spall.width / profile.width) <= 5
    assert hits >= 18
