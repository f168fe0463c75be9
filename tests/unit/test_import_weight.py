"""What a small worker pays before its first frame: no heavy library is imported where it is not used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ONLINE = (
    "inversion.pipeline",
    "inversion.forward.rolling_bearing",
    "inversion.forward.empirical",
    "inversion.engines.least_squares",
    "sensors",
    "inversion.forward.linear",
    "inversion.engines.tikhonov",
    "inversion.engines.network",
    "inversion.engines.checked",
)
HEAVY = (
    "scipy.signal",
    "scipy.optimize",
    "scipy.special",
    "scipy.fft",
    "scipy.linalg",
    "numpy.testing",
    "numpy.f2py",
    "torch",
    "sklearn",
    "pydantic",
    "plotly",
    "pymodbus",
    "onnxruntime",
    "pyarrow",
    "typer",
    "rich",
)
TRAINING = ("torch", "sklearn", "onnx", "onnxscript")


@pytest.fixture
def complete(tmp_path) -> Path:
    """A folder with a stand-in for each training library, so that importing one that is not installed shows too."""
    for name in TRAINING:
        (tmp_path / f"{name}.py").write_text("")
    return tmp_path


def imported(modules: tuple[str, ...], complete: Path) -> set[str]:
    """Names of all modules that a fresh interpreter holds after importing these."""
    program = f"import {', '.join(modules)}, sys; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(complete)}
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert told.returncode == 0, told.stderr
    return set(told.stdout.split())


def test_the_online_path_is_light(complete):
    modules = imported(ONLINE, complete)
    assert set(ONLINE) <= modules
    assert modules.isdisjoint(HEAVY)


def test_sensors_know_nothing_of_inversion(complete):
    assert not {name for name in imported(("sensors", "sensors.recording"), complete) if name.startswith("inversion")}


def test_the_command_line_never_trains(complete):
    modules = imported(("inversion.app.cli",), complete)
    assert "inversion.app.cli" in modules
    assert modules.isdisjoint(TRAINING)


def test_the_gateway_process_validates_and_inverts_nothing(complete):
    modules = imported(("inversion.app.start", "inversion.app.gateway", "sensors.modbus.source"), complete)
    inverting = ("inversion.pipeline", "inversion.forward", "inversion.engines", "inversion.tracking", "scipy")
    assert modules.isdisjoint({*HEAVY, *inverting})


def test_a_worker_validates_nothing(complete):
    modules = imported(("inversion.app.worker", "inversion.app.template"), complete)
    assert modules.isdisjoint({*HEAVY, "inversion.app.gateway"})


def test_a_stand_in_shows(complete):
    assert "torch" in imported(("torch",), complete)
