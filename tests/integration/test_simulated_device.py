"""`simulate --device`: any profile, on any line, with the machine behind it."""

import json
from contextlib import asynccontextmanager

import numpy as np
import pytest
from fieldbus_calls import REST, call, served

from inversion.app.simulate import Simulation
from inversion.app.simulate_device import SimulatedMachine
from inversion.app.simulate_device import served as device_served
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve
from sensors.profilefile import load_profile


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ((), "either --out or --device"),
        (("--device", "nosuch"), "demo_vibration"),
        (("--device", "wtvb02", "--line", "tls://127.0.0.1:1802"), "found tls://"),
    ],
)
def test_simulate_refuses_what_it_cannot_serve_in_one_line(wrong, expected):
    code, said = call("simulate", *wrong)
    assert code == 2
    assert expected in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("scheme", ["tcp", "rtu"])
@pytest.mark.parametrize("profile", ["demo_vibration", "wtvb02", "bestsens_bemos", "machinesaver_trivibe"])
def test_a_simulated_device_answers_with_values_that_raise_no_doubt(tmp_path, scheme, profile):
    address = "tcp://127.0.0.1:1502" if scheme == "tcp" else f"rtu://{tmp_path}/port"
    settings = LineSettings(address, baud=115200)
    loaded = load_profile(profile)
    machine = SimulatedMachine(loaded, Simulation())

    @asynccontextmanager
    async def make():
        if scheme == "rtu":
            async with device_served(loaded, machine, settings) as line:
                yield line
        else:
            async with serve(loaded, machine) as device:
                yield device.line

    with served(make) as line:
        path = tmp_path / "s.toml"
        source = f"use = 'modbus'\nprofile = '{profile}'\nasset = 'fan'\nline = '{line}'\nbaud = 115200\n"
        path.write_text(f"[site]\nname = 's'\n[source]\n{source}{REST}")
        code, said = call("read", path, "--json")
    assert code == 0, said
    assert not (tmp_path / "port").is_symlink()
    readings = json.loads(said)[0]["readings"]
    assert len(readings) == len(loaded.registers)
    assert {reading["quality"] for reading in readings.values()} == {"GOOD"}, said


def test_a_simulated_capture_is_that_of_the_recording():
    simulation = Simulation(seed=3)
    machine = SimulatedMachine(load_profile("demo_vibration"), simulation)
    expected = simulation.samples(51200, 4096, np.random.default_rng(3))
    np.testing.assert_array_equal(machine.capture({"acceleration": 4096})["acceleration"], expected)
