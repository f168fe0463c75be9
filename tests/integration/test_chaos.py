"""Blows at random moments, one of each: everything adds up afterwards. `make chaos` does each a hundred times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.chaos import BLOWS, strike
from benchmarks.chaos_outside import OUTSIDE


@pytest.mark.parametrize("name", BLOWS)
def test_after_a_blow_everything_adds_up(name, plugin_folder):
    _, wrong = strike(name, plugin_folder, seed=11)
    assert wrong == []


@pytest.mark.parametrize("name", OUTSIDE)
def test_after_a_blow_from_outside_everything_adds_up(name, plugin_folder):
    if "broker" in name and not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("no MQTT broker here (Debian: mosquitto)")
    _, wrong = OUTSIDE[name](plugin_folder, 11)
    assert wrong == []
