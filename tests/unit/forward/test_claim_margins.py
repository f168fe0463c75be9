"""What is claimed beats every decoy by the margin; what is refused beats them by less."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.forward import bearing_claims
from inversion.forward.bearing_claims import CLAIM_MARGIN, claimed, gathered, margin
from inversion.physics.bearing import RACES, BearingGeometry
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine
from inversion.signal.transform import fast_length_below, spectrum

BEARING = BearingGeometry(9, 7.94, 39.04)
RATE, SHAFT_HZ = 25_600.0, 40.0


@pytest.mark.parametrize("ratio", [0.0, 0.15, 0.25, 0.35, 0.5, 3.0])
@pytest.mark.parametrize("race", RACES)
def test_a_fault_is_claimed_where_its_comb_beats_all_decoys(race, ratio):
    """That a few decoys are asked first changes no verdict."""
    verdicts = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        machine = draw_machine(BEARING, SHAFT_HZ, rng)
        samples = fast_length_below(int(25 * RATE / SHAFT_HZ))
        spalls = (Spall(race, 1.5e-3, ratio),) if ratio else ()
        record = simulate_waveform(machine, spalls, RATE, samples, rng).astype(np.float32)
        seen = gathered(record, spectrum(record), RATE, SHAFT_HZ, BEARING)
        assert bool(claimed(seen, BEARING).slips) == (margin(seen, BEARING) > CLAIM_MARGIN)
        verdicts.add(bool(claimed(seen, BEARING).slips))
    assert ratio or verdicts == {False}
    assert ratio < 3 or True in verdicts


@pytest.mark.parametrize("left", [0, 3, 19])
def test_nothing_is_claimed_against_too_few_decoys(monkeypatch, left):
    """A best of fewer is no test, and a bearing may leave no order for any."""
    bearing = BearingGeometry(9, 7.94, 39.05)  # of no other test: decoys are kept
    some = bearing_claims.decoys(bearing)[:left]
    monkeypatch.setattr(bearing_claims, "decoys", lambda _: some)
    rng = np.random.default_rng(1)
    samples = fast_length_below(int(25 * RATE / SHAFT_HZ))
    machine = draw_machine(bearing, SHAFT_HZ, rng)
    record = simulate_waveform(machine, (Spall("outer", 3e-3, 5.0),), RATE, samples, rng).astype(np.float32)
    seen = gathered(record, spectrum(record), RATE, SHAFT_HZ, bearing)
    for kept in (bearing_claims._first_lines, bearing_claims._other_lines):
        kept.cache_clear()
    assert not claimed(seen, bearing).slips
    assert margin(seen, bearing) == -np.inf
    for kept in (bearing_claims._first_lines, bearing_claims._other_lines):
        kept.cache_clear()
    monkeypatch.undo()
    assert set(claimed(seen, bearing).slips) == {"outer"}
