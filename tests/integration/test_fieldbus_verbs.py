"""read, probe and doctor, as a user calls them, against simulated devices."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from fieldbus_calls import REST, call, served, site
from modbus_rig import PROFILE, Authority, Machine

from inversion.app.configuration import load_site
from inversion.app.gateway import run_gateway
from inversion.app.journal import read_journal
from inversion.core import ConfigurationError
from sensors.modbus.pdu import read_request
from sensors.modbus.simulator import serve, serve_serial
from sensors.profilefile import load_profile


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "rig.toml").write_text(PROFILE)
    return load_profile(tmp_path / "rig.toml")


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


@pytest.mark.parametrize(("days", "code", "expected"), [(-1, 2, "tls.toml:9: source.certificate: "), (10, 0, "good")])
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
