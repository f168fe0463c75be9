"""A simulated recording: written whole, read back by the shipped layouts, and inverted to its truth."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from inversion.app.batch import run_batch
from inversion.app.simulate import Simulation, run_simulation
from inversion.core import ConfigurationError
from sensors.layoutfile import load_layout
from sensors.recording import read_recording

ROOT = Path(__file__).parents[2]
LAYOUTS = ROOT / "configs" / "layouts"


@pytest.mark.parametrize(("name", "layout"), [("rec.npz", "simulated.toml"), ("rec.wav", "simulated_wav.toml")])
def test_it_is_read_back_by_the_shipped_layout(tmp_path, name, layout):
    truth = run_simulation(tmp_path / name, seconds=0.5, shaft_hz=31.25, seed=7)
    recording = read_recording(tmp_path / name, load_layout(LAYOUTS / layout))
    vibration = recording.channels["vibration"]
    assert (recording.asset, vibration.unit, vibration.sample_rate) == ("rec", "m/s2", 51200.0)
    assert recording.conditions["shaft_hz"].samples.tolist() == [31.25]
    np.testing.assert_allclose(vibration.samples, Simulation(seconds=0.5, shaft_hz=31.25, seed=7).waveform(), rtol=1e-6)
    assert json.loads((tmp_path / "rec.json").read_text()) == truth


def test_the_truth_says_what_went_in_and_what_follows(tmp_path):
    truth = run_simulation(tmp_path / "a.npz", seconds=0.1, race="inner", width_mm=2.0)
    assert (truth["race"], truth["width_mm"], truth["recording"]) == ("inner", 2.0, "a.npz")
    assert truth["fault_order"] == pytest.approx(5.4152, abs=1e-4)
    assert truth["width_floor_mm"] == pytest.approx(0.677, abs=1e-3)
    assert "fault_order" not in run_simulation(tmp_path / "b.npz", seconds=0.1, race="none")


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a.npz", 3), ("b.npz", 3), ("c.npz", 4)):
        run_simulation(tmp_path / name, seconds=0.1, seed=seed)
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_sound_files_keep_their_shaft_speeds_side_by_side(tmp_path):
    for name, shaft_hz in (("a.wav", 20.0), ("b.wav", 30.0), ("a.wav", 25.0)):
        run_simulation(tmp_path / name, seconds=0.1, shaft_hz=shaft_hz)
    assert (tmp_path / "simulated.csv").read_text().splitlines() == ["file,shaft_hz", "a.wav,25.0", "b.wav,30.0"]


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("rec.mat", {}, "expected a name that ends in .npz or .wav"),
        ("rec.npz", {"race": "cage"}, "race must be one of outer, inner, ball, none; got 'cage'"),
        ("rec.npz", {"width_mm": -1.0}, "width_mm must be 0 to 39.04, got -1"),
        ("rec.npz", {"width_mm": 60.0}, "width_mm must be 0 to 39.04, got 60"),
        ("rec.npz", {"seconds": float("nan")}, "seconds must make 1 to 1e.08 samples, got nan"),
        ("rec.npz", {"seconds": 1e12}, "seconds must make 1 to 1e.08 samples, got 1e.12"),
        ("rec.npz", {"shaft_hz": 1e6}, "shaft_hz must lie between 0 and half the sample rate, got 1e.06"),
        ("rec.npz", {"entry": 1e300}, "entry must be 0 to 10, got 1e.300"),
        ("rec.npz", {"seed": -1}, "seed must be zero or more, got -1"),
        ("rec.npz", {"sample_rate": 51200.5}, "sample_rate must be a whole number, 1 to 1e.07 Hz, got 51200.5"),
    ],
)
def test_what_cannot_be_simulated_is_refused(tmp_path, name, settings, says):
    with pytest.raises(ConfigurationError, match=says):
        run_simulation(tmp_path / name, **settings)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_recording(tmp_path):
    """A limit on the size of a file stands in for the disk."""
    script = (
        "import sys; from pathlib import Path; from inversion.app.simulate import run_simulation\n"
        "from inversion.core import InversionError\n"
        "try: run_simulation(Path(sys.argv[1]), seconds=1.0)\n"
        "except InversionError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "rec.npz")], capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"cannot write {tmp_path / 'rec.npz'}: File too large\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("race", "width_mm"), [("outer", 3.0), ("inner", 4.0), ("none", 3.0)])
def test_the_shipped_site_finds_what_was_simulated(tmp_path, race, width_mm):
    run_simulation(tmp_path / "rec.npz", race=race, width_mm=width_mm, seconds=5.0)
    result = run_batch(
        ROOT / "configs" / "simulated.toml", [tmp_path / "rec.npz"], tmp_path / "out", report=False, workers=1,
        console=Console(file=io.StringIO()),
    )  # fmt: skip
    [recording] = result.summary["recordings"]
    assert recording["claimed"] == ([] if race == "none" else [f"{race}_impact", f"{race}_spall"])
    assert recording["alarms"][0]["raised"] == (1 if race == "outer" else 0)
    if race != "none":
        width = recording["parameters"][f"{race}_spall"]
        assert width["low"] <= width_mm <= width["high"]
