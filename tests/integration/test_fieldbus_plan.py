"""What plan says of lines before anything is connected, and doctor after it measured."""

import json
import re

import pytest
from fieldbus_calls import REST, Bearing, call, served, site
from modbus_rig import PROFILE

from sensors.modbus.simulator import serve
from sensors.profilefile import load_profile


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "rig.toml").write_text(PROFILE)


DEMO = """
[site]
name = "demo"
[source]
use = "modbus"
profile = "demo_vibration"
asset = "fan"
line = "{}"
poll_s = {}
"""


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


def test_plan_warns_where_only_what_it_supposes_of_a_network_makes_it_fail(tmp_path):
    path = tmp_path / "demo.toml"
    path.write_text(DEMO.format("tcp://127.0.0.1:1", 1.1) + REST)
    code, said = call("plan", path)
    assert code == 0
    assert "every 1.1 s, if it answers within 2 ms (supposed)" in said
    assert "warning: keeps its poll rate only if answers take at most 1.9 ms" in said
    assert "warning: fan: a waveform lasts 1.41 s, longer than the 1.1 s between polls" in said
    code, said = call("plan", path, "--answer-ms", 1.0)
    assert code == 0
    assert "only if" not in said
    code, said = call("plan", path, "--answer-ms", 3.0)
    assert code == 2
    assert "cannot keep its poll rate: asked for 1.59 s" in said
    assert json.loads(call("plan", path, "--json")[1])[0]["refused"] is False


def test_doctor_judges_a_line_by_what_answers_take_and_not_by_what_is_supposed(tmp_path):
    path = tmp_path / "demo.toml"
    with served(lambda: serve(load_profile("demo_vibration"), Bearing())) as device:
        path.write_text(DEMO.format(device.line, 1.1) + REST)
        code, said = call("doctor", path)
        assert code == 0, said
        assert re.search(r"answered in [\d.]+ ms each, by measurement", said)
        path.write_text(DEMO.format(device.line, 0.01) + REST)
        code, said = call("doctor", path)
    assert code == 1
    assert "(line): 1 problem\n" in said
    assert re.search(r"asked for \d+ % of its time", said)
