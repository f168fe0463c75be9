"""Blows at random moments, one of each: everything adds up afterwards. `make chaos` does each a hundred times."""

from __future__ import annotations

import pytest

from benchmarks.chaos import BLOWS, strike


@pytest.mark.parametrize("name", BLOWS)
def test_after_a_blow_everything_adds_up(name, plugin_folder):
    _, wrong = strike(name, plugin_folder, seed=11)
    assert wrong == []
