"""The demo as a user runs it: a wire, a gateway, an alarm within a minute, a verdict."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inversion.app.demo import DemoResult
from inversion.app.demo.machine import Wear
from inversion.app.demo.run import SITE

COMMAND = str(Path(sys.executable).with_name("inversion"))
CONFIGS = Path(__file__).parents[2] / "configs"


def test_the_alarm_comes_and_the_width_is_bracketed(tmp_path):
    told = subprocess.run(
        [COMMAND, "demo", "--json", "--seed", "3"], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    result = json.loads(told.stdout)
    assert told.returncode == 0, result
    assert told.stderr == ""
    assert result["alarm_s"] < 60
    assert result["first_unresolved"]
    low, high = result["tracked_mm"]
    assert low <= result["true_mm"] <= high
    assert high - low < 1.0  # where beyond the edge its balls are felt is not known to twice 0.45 mm
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_is_stopped_before_the_alarm_says_so(tmp_path):
    with subprocess.Popen(
        [COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as running:
        assert "demo machine" in running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        told, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "did not come within 60 s" in told


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = subprocess.run([COMMAND, "demo", "--port", str(port)], capture_output=True, text=True, timeout=60)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == f"demo: cannot serve on port {port}: Address already in use\n"


def test_the_verdict_needs_both_the_alarm_and_the_width():
    good = DemoResult(0, 3.0, 4.0, (3.8, 4.2), (3.8, 4.1), True, 25.0, 3.1, 60, 40, 36)
    assert good.exit_code == 0
    for wrong in ({"alarm_s": None}, {"alarm_s": 61.0}, {"tracked_mm": None}, {"tracked_mm": (4.1, 4.3)}, {"held": 20}):
        assert DemoResult(**{**vars(good), **wrong}).exit_code == 1


def test_the_spall_passes_the_limit_while_it_is_watched():
    wear = Wear()
    assert wear.width(-1) == wear.width(0) == wear.first
    assert wear.width(wear.grow_s / 2) == pytest.approx((wear.first + wear.last) / 2)
    assert wear.width(1e9) == wear.last > 3e-3


def test_the_site_of_the_demo_stands_among_the_configurations():
    assert (CONFIGS / "demo.toml").resolve() == SITE.resolve()
