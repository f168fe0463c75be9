"""plan, read, probe, doctor and record, as a user calls them, against simulated devices."""

import asyncio
import json
import re
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import numpy as np
import pytest
from modbus_rig import PROFILE, Authority, Machine
from typer.testing import CliRunner

from inversion.app.configuration import load_site
from inversion.app.fieldbus.verbs import VERBS
from inversion.app.gateway import run_gateway
from inversion.app.journal import read_journal
from inversion.app.simulate import Simulation
from inversion.app.simulate_device import SimulatedMachine
from inversion.app.simulate_device import served as device_served
from inversion.app.stop import Stop
from inversion.app.verbs import app
from inversion.core import ConfigurationError
from sensors.modbus.pdu import read_request
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve, serve_serial
from sensors.profilefile import load_profile

REST = """
[forward]
use = "rolling_bearing"
[forward.bearing]
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
[engine]
use = "least_squares"
"""

for verb, _ in VERBS:
    app.command()(verb)


def call(*arguments):
    result = CliRunner().invoke(app, [str(one) for one in arguments], obj=Stop())
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@contextmanager
def served(make):
    """A simulator in a thread of its own, because a verb runs an event loop of its own."""
    started, box = threading.Event(), {}

    async def serving():
        box["loop"], box["end"] = asyncio.get_running_loop(), asyncio.Event()
        async with make() as device:
            box["device"] = device
            started.set()
            await box["end"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serving()))
    thread.start()
    try:
        assert started.wait(10)
        yield box["device"]
    finally:
        box["loop"].call_soon_threadsafe(box["end"].set)
        thread.join(10)


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "rig.toml").write_text(PROFILE)
    return load_profile(tmp_path / "rig.toml")


def site(tmp_path, *sources):
    path = tmp_path / "site.toml"
    tables = "".join(
        "[[source]]\nuse = 'modbus'\nprofile = 'rig.toml'\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in source.items())
        for source in sources
    )
    path.write_text(f"[site]\nname = 'rig'\n{tables}{REST}")
    return path


def test_plan_says_requests_bytes_and_bus_time_and_connects_to_nothing(tmp_path, rig):
    path = site(tmp_path, {"asset": "fan", "line": "rtu:///dev/nothing", "baud": 9600, "poll_s": 1.0})
    code, said = call("plan", path)
    assert code == 0
    assert "line /dev/nothing 9600 8N1: busy" in said
    assert "1 x input 9 (30010) to input 10 (30011): 8 bytes out, 9 in" in said
    assert "fan: 3 requests" in said


def test_plan_refuses_a_line_that_cannot_keep_the_poll_rate(tmp_path, rig):
    slow = {"line": "rtu:///dev/nothing", "baud": 1200, "poll_s": 0.5}
    path = site(tmp_path, {"asset": "a", "unit_id": 1, **slow}, {"asset": "b", "unit_id": 2, **slow})
    code, said = call("plan", path)
    assert code == 2
    assert "cannot keep its poll rate" in said


def test_read_shows_places_in_both_notations_and_values_in_their_unit(tmp_path, rig):
    with served(lambda: serve(rig, Machine())) as device:
        path = site(tmp_path, {"asset": "fan", "line": device.line})
        code, said = call("read", path)
        assert code == 0
        assert "shaft_hz  input 9 (30010)       29.5 Hz" in said
        code, found = call("read", path, "--json")
        assert json.loads(found)[0]["readings"]["shaft_hz"]["value"] == 29.5
    code, said = call("read", path)
    assert code == 1
    assert "no answer: " in said


def test_probe_finds_units_and_the_order_that_fits(tmp_path, rig):
    with served(lambda: serve_serial({3: (rig, Machine()), 80: (rig, Machine())})) as line:
        arguments = ("--units", "2-4,80", "--register", "30010", "--unit", "Hz", "--low", 20, "--high", 40)
        code, said = call("probe", line, *arguments, "--baud", 115200, "--timeout-s", 0.2)
    assert code == 0
    assert "unit 3 answers with exception 0x02" in said
    assert "unit 80" in said
    first = said.split("register 30010:")[1].strip().splitlines()[0]
    assert first.split() == ["base", "1", "input", "9", "(30010)", "float32", "CDAB", "29.5", "Hz", "fits"]


def test_probe_says_when_nobody_answers():
    with served(lambda: serve_serial({})) as line:
        code, said = call("probe", line, "--units", "1-2", "--timeout-s", 0.05)
    assert code == 1
    assert "no unit answers" in said


def test_doctor_names_a_wrong_order_and_the_one_that_fits(tmp_path, rig):
    wrong = PROFILE.replace('order = "CDAB"', 'order = "ABCD"').replace(
        'unit = "Hz"', 'unit = "Hz"\nplausible = [1, 100]'
    )
    (tmp_path / "rig.toml").write_text(wrong)
    with served(lambda: serve(rig, Machine())) as device:
        code, said = call("doctor", site(tmp_path, {"asset": "fan", "line": device.line}))
    assert code == 1
    assert "shaft_hz: " in said
    assert "in order CDAB it would be 29.5 Hz" in said


def test_doctor_shows_what_was_learned_and_calls_a_good_device_good(tmp_path, rig):
    gap = PROFILE.replace("address = 20", "address = 12\ntable = 'input'")
    (tmp_path / "rig.toml").write_text(gap)
    with served(lambda: serve(load_profile(tmp_path / "rig.toml"), Machine())) as device:
        code, said = call("doctor", site(tmp_path, {"asset": "fan", "line": device.line}))
    assert code == 0, said
    assert "fan (127.0.0.1" in said
    assert "learned: no request may touch input 11 (30012)" in said


def test_a_gateway_journals_what_it_learned_and_knows_it_when_it_starts_again(tmp_path, rig):
    gap = PROFILE.replace("address = 20", "address = 12\ntable = 'input'")
    (tmp_path / "rig.toml").write_text(gap)
    path = site(tmp_path, {"asset": "fan", "line": "tcp://127.0.0.1:1", "poll_s": 0.01})
    asked = []

    async def run(line):
        loaded = load_site(path)
        source = replace(loaded.sources[0], line=line)
        stop = asyncio.Event()
        gateway = asyncio.create_task(run_gateway(replace(loaded, sources=(source,)), stop))
        while not source.lessons and not gateway.done():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        stop.set()
        await gateway
        return source.lessons

    async def twice():
        def behave(request):
            asked.append(request.pdu)

        async with serve(load_profile(tmp_path / "rig.toml"), Machine(), misbehave=behave) as device:
            first = await run(device.line)
            number = len(asked)
            assert await run(device.line) == first == ("no request may touch input 11 (30012)",)
            return asked[number:]

    refused = read_request("input", 9, 5)
    assert refused not in asyncio.run(twice())
    assert refused in asked
    with read_journal(load_site(path).journal) as journal:
        events = [(event.kind, event.text) for event in journal.events()]
    assert [text for kind, text in events if kind == "learned"] == ["fan: no request may touch input 11 (30012)"]
    first, second = (text for kind, text in events if kind == "counted")
    assert re.fullmatch(r"fan: \d+ requests, \d+ replies, \d+ exceptions", first)
    assert re.fullmatch(r"fan: \d+ requests, \d+ replies", second)


def test_doctor_tells_a_dead_unit_from_a_dead_line(tmp_path, rig):
    with served(lambda: serve_serial({1: (rig, Machine())})) as line:
        path = site(tmp_path, {"asset": "fan", "line": line, "unit_id": 9, "timeout_s": 0.05})
        code, said = call("doctor", path, "--polls", 2)
    assert code == 1
    assert "check unit id, baud rate, parity" in said


def test_two_sources_that_set_one_serial_port_differently_are_one_line_at_check(tmp_path, rig):
    one = {"line": "rtu:///dev/nothing", "baud": 9600}
    path = site(tmp_path, {"asset": "a", **one}, {"asset": "b", **one, "baud": 19200, "unit_id": 2})
    with pytest.raises(ConfigurationError) as caught:
        load_site(path)
    assert str(caught.value).startswith(f"{path}:")
    assert (
        "/dev/nothing is claimed as 'rtu /dev/nothing 19200 8N1', but by source.0 as 'rtu /dev/nothing 9600 8N1'"
        in str(caught.value)
    )


class Bearing:
    """A machine whose waveforms are seeded, so that a recording has something in it."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def capture(self, wanted):
        return {name: self.rng.normal(0, 3, count) for name, count in wanted.items()}

    def measure(self, name):
        return {"shaft_hz": 29.53, "temperature": 310.0}[name]


def findings(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_recorded_site_replays_and_batches_identically(tmp_path):
    source = "[source]\nuse = 'modbus'\nprofile = 'demo_vibration'\nasset = 'fan'\nline = '%s'\npoll_s = 0.05\n"
    live = f"[site]\nname = 'live'\n{source}{REST}"
    with served(lambda: serve(load_profile("demo_vibration"), Bearing())) as device:
        (tmp_path / "live.toml").write_text(live % device.line)
        code, said = call("record", tmp_path / "live.toml", "--out", tmp_path / "recorded", "--frames", 3)
    assert code == 0, said
    assert "fan: 3 frames" in said
    sink = f"[[sink]]\nuse = 'jsonl'\npath = '{tmp_path}/replayed.jsonl'\n"
    replay = f"[site]\nname = 'replay'\n[source]\nuse = 'frames'\nfiles = ['recorded/*.npz']\n{sink}{REST}"
    (tmp_path / "replay.toml").write_text(replay)
    assert call("run", tmp_path / "replay.toml")[0] == 0
    assert call("batch", tmp_path / "replay.toml", "--out", tmp_path / "results", "--no-report")[0] == 0
    replayed, batched = findings(tmp_path / "replayed.jsonl"), findings(tmp_path / "results" / "findings.jsonl")
    assert len(replayed) == 3
    assert replayed == batched


@pytest.mark.parametrize(("days", "code", "expected"), [(-1, 2, "source.0.certificate: "), (10, 0, "good")])
def test_an_expired_certificate_of_ours_is_one_line_at_check(tmp_path, days, code, expected):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("client", days=days)
    files = f"ca = '{authority.ca}'\ncertificate = '{certificate}'\nkey = '{key}'\n"
    source = "[source]\nuse = 'modbus'\nprofile = 'demo_vibration'\nasset = 'fan'\nline = 'tls://127.0.0.1:802'\n"
    path = tmp_path / "tls.toml"
    path.write_text(f"[site]\nname = 'tls'\n{source}{files}{REST}")
    found, said = call("check", path)
    assert found == code, said
    assert expected in said
    if code:
        assert said.count("\n") == 1
        assert " expired on 20" in said


@pytest.mark.parametrize(
    "wrong", [("--table", "inpt"), ("--unit", "furlong"), ("--scale", "0"), ("--timeout-s", "-1"), ("--units", "1-x")]
)
def test_probe_refuses_wrong_options_in_one_line(wrong):
    code, said = call("probe", "tcp://127.0.0.1:1", "--register", "17", *wrong)
    assert code == 2
    assert said.count("\n") == 1


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
