"""`simulate --device`: any profile, on any line, with the machine behind it."""

import json
import re
import socket

import numpy as np
import pytest
from fieldbus_calls import REST, call, served
from modbus_rig import Authority

from inversion.app.simulate import GRAVITY, Simulation
from inversion.app.simulate_device import served as device_served
from inversion.app.simulated_machine import SimulatedMachine, vibration
from sensors.modbus.settings import LineSettings
from sensors.profilefile import load_profile


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ((), "either --out or --device"),
        (("--device", "nosuch"), "demo_vibration"),
        (("--device", "wtvb02", "--line", "tls://127.0.0.1:1802"), "certificate: missing, expected one with its key"),
        (("--device", "wtvb02", "--units", "1-x"), "units: expected numbers such as 1-10,80, found '1-x'"),
        (("--device", "wtvb02", "--ca", "a.pem"), "ca belongs to a line tls://"),
        (("--device", "wtvb02", "--line", "tcp://0.0.0.0:1502"), "line: must be on this machine alone, such as tcp://"),
        (("--device", "wtvb02", "--line", "rtu+tcp://fan.example:1502"), "for others to reach it serve tls:// with"),
        (("--device", "wtvb02", "--line-faults", "silence"), "line faults: found 'silence', expected KIND=SHARE"),
        (
            ("--device", "wtvb02", "--line-faults", "rust=0.1"),
            "line faults: kind: found 'rust', expected one of",
        ),
        (("--device", "wtvb02", "--line-faults", "silence=2"), "line faults: share: found 2, expected 0 to 1"),
        (("--device", "wtvb02", "--line-faults", "absent.toml"), "absent.toml: cannot be read"),
    ],
)
def test_simulate_refuses_what_it_cannot_serve_in_one_line(wrong, expected):
    code, said = call("simulate", *wrong)
    assert code == 2
    assert expected in said
    assert said.count("\n") == 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def machine(profile, simulation=None, at=lambda: 0.0):
    return SimulatedMachine(load_profile(profile), simulation or Simulation(), at, lambda: 1.8e9)


@pytest.mark.parametrize("scheme", ["tcp", "rtu", "rtu+tcp"])
@pytest.mark.parametrize("profile", ["demo_vibration", "wtvb02", "bestsens_bemos", "machinesaver_trivibe"])
def test_a_simulated_device_answers_with_values_that_raise_no_doubt(tmp_path, scheme, profile):
    settings = LineSettings(f"rtu://{tmp_path}/port" if scheme == "rtu" else f"{scheme}://127.0.0.1:{free_port()}")
    loaded = load_profile(profile)
    with served(lambda: device_served(loaded, {7: machine(profile)}, settings)) as line:
        path = tmp_path / "s.toml"
        source = f"use = 'modbus'\nprofile = '{profile}'\nasset = 'fan'\nline = '{line}'\nunit_id = 7\n"
        path.write_text(f"[site]\nname = 's'\n[source]\n{source}{REST}")
        code, said = call("read", path, "--json")
    assert code == 0, said
    assert not (tmp_path / "port").is_symlink()
    readings = json.loads(said)[0]["readings"]
    assert len(readings) == len(loaded.registers)
    assert {reading["quality"] for reading in readings.values()} == {"GOOD"}, said


def test_a_simulated_capture_is_that_of_the_recording():
    simulation = Simulation(seed=3)
    expected = simulation.samples(51200, 4096, np.random.default_rng(3))
    found = machine("demo_vibration", simulation).capture({"acceleration": 4096})["acceleration"]
    np.testing.assert_array_equal(found, expected)


def test_process_values_follow_from_the_machine():
    """Damage shows in acceleration and crest, speed in velocity; the three agree with the waveform they come from."""
    good, bad = (machine("machinesaver_trivibe", Simulation(race=race, impact_g=1.0)) for race in ("none", "outer"))
    assert good.measure("acceleration_1") == pytest.approx(0.1 * GRAVITY, rel=0.25)  # noise and the shaft
    assert bad.measure("acceleration_1") == pytest.approx(GRAVITY, rel=0.1)
    assert bad.measure("acceleration_3") < bad.measure("acceleration_2") < bad.measure("acceleration_1")
    assert good.measure("velocity_1") == pytest.approx(2e-3, rel=0.2)  # 0.5 m/s2 at 29.5 Hz


def test_velocity_and_displacement_are_integrals_of_acceleration():
    times = np.arange(25600) / 25600
    found = vibration(10 * np.sin(2 * np.pi * 50 * times), 25600)
    assert found.acceleration == pytest.approx(10 / np.sqrt(2))
    assert found.velocity == pytest.approx(10 / np.sqrt(2) / (100 * np.pi), rel=1e-3)
    assert found.displacement == pytest.approx(10 / np.sqrt(2) / (100 * np.pi) ** 2, rel=2e-3)
    assert (found.crest, found.kurtosis) == (pytest.approx(np.sqrt(2)), pytest.approx(1.5))
    assert found.strongest_hz == 50


def test_the_machine_warms_up_and_its_values_change_once_a_second():
    now = [0.0]
    one = machine("wtvb02", at=lambda: now[0])
    cold, first = one.measure("temperature"), one.measure("acceleration_x")
    assert (cold, one.measure("acceleration_x")) == (298.15, first)
    now[0] = 1.0
    assert one.measure("acceleration_x") != first
    now[0] = 1e5
    assert one.measure("temperature") == pytest.approx(cold + 20.8, abs=0.1)


OWN = """
[device]
name = "own"
[[register]]
name = "crest"
address = 0
kind = "float32"
[[register]]
name = "time"
address = 2
kind = "float64"
unit = "s"
[[register]]
name = "cage_hz"
address = 6
kind = "float32"
unit = "Hz"
[[register]]
name = "mode"
address = 8
values = { 3 = "on" }
"""


def test_crest_cage_speed_enumerations_and_the_clock_of_the_device(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    own = machine(tmp_path / "own.toml", Simulation(impact_g=1.0))
    assert own.measure("crest") > 5 > machine(tmp_path / "own.toml", Simulation(race="none")).measure("crest")
    assert own.measure("cage_hz") == pytest.approx(0.3983 * 29.5, rel=1e-3)
    assert own.measure("mode") == 3
    own.step_clock(-3600.0)
    assert own.measure("time") == 1.8e9 - 3600


def test_over_tls_both_sides_show_certificates_and_probe_knows_the_options(tmp_path):
    authority = Authority(tmp_path)
    files = [*authority.issue("server"), *authority.issue("client")]
    where = LineSettings(f"tls://127.0.0.1:{free_port()}", ca=authority.ca, certificate=files[0], key=files[1])
    ours = ("--ca", authority.ca, "--certificate", files[2], "--key", files[3], "--timeout-s", 2)
    with served(lambda: device_served(load_profile("wtvb02"), {80: machine("wtvb02")}, where)) as at:
        code, said = call("probe", at, "--units", "80", "--register", "40065", "--unit", "degC", "--scale", 0.01, *ours)
        assert code == 0, said
        assert "unit 80 answers" in said
        assert "25 degC" in said
        code, said = call("probe", at, "--units", "80", "--ca", authority.ca, "--timeout-s", 2)
    assert code == 1
    assert re.search("certificate|no unit answers", said)
    code, said = call("probe", at, "--ca", tmp_path / "absent.pem")
    assert (code, said.count("\n")) == (2, 1)
    assert "ca: no such file" in said
