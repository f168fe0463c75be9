"""What an integrator gets wrong in a site is refused in one line that says where, what was found, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.app.check import plan
from inversion.core import ConfigurationError
from sensors.hostname import proper_host

SITE = """\
[site]
name = "plant"

[[source]]
use = "modbus"
profile = "demo_vibration"
asset = "fan 3"
line = "tcp://192.0.2.10:502"
unit_id = 1

[forward]
use = "rolling_bearing"
channel = "acceleration"
[forward.bearing]
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04

[engine]
use = "least_squares"

[[alarm]]
name = "outer race strikes"
parameter = "outer_impact"
limit = 0.05

[[sink]]
use = "mqtt"
host = "broker.plant.example"

[[sink]]
use = "jsonl"
path = "findings.jsonl"

[[sink]]
use = "webhook"
url = "https://maintenance.example/hook"
"""
TWIN = '[[source]]\nuse = "modbus"\nprofile = "demo_vibration"\nasset = "fan 4"\nline = "tcp://192.0.2.10:502"\n\n'
LAYOUT = (Path(__file__).parents[3] / "configs" / "layouts" / "simulated.toml").read_text(encoding="utf-8")
HOST = "the name or address of a host"


def told(folder: Path, text: str) -> list[str]:
    path = folder / "plant.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        plan(path)
    except ConfigurationError as problem:
        return [line.removeprefix(f"{path}:").replace(f"{folder}/", "") for line in str(problem).split("\n")]
    return []


def test_the_site_itself_is_right(tmp_path):
    assert told(tmp_path, SITE) == []


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('host = "broker', 'host = "mqtt://broker', f"29: sink.0.host: host must be {HOST} alone, without scheme"),
        ('plant.example"', 'plant.example:1883"', f"29: sink.0.host: host must be {HOST} alone, without port"),
        ('"broker.plant.example"', '"broker plant"', f"29: sink.0.host: host must be {HOST}, such as"),
        ('"broker.plant.example"', '""', f"29: sink.0.host: host must be {HOST}, such as"),
        ("host = ", 'prefix = "plant/"\nhost = ', "29: sink.0.prefix: prefix must not end with a slash"),
        ("tcp://192.0.2.10:502", "tcp://192.0.2.999:502", "8: source.0.line: line must lead to a host, got"),
        ("tcp://192.0.2.10:502", "tcp://192.0.2.10.1:502", "8: source.0.line: line must lead to a host, got"),
        ("tcp://192.0.2.10:502", "192.0.2.10:502", "8: source.0.line: line must be one of tcp://HOST:502"),
        ('asset = "fan 3"', 'asset = "fan 3 "', "7: source.0.asset: asset must be a name on one line without blanks"),
        ('asset = "fan 3"', 'asset = "fan\\n3"', "7: source.0.asset: asset must be a name on one line"),
        ('"demo_vibration"', '"profiles/fan.toml"', "6: source.0.profile: profiles/fan.toml: cannot be read: No such"),
        ("[forward]\n", TWIN + "[forward]\n", "11: source.1: must differ from source.0 (line 4) in line, unit_id or"),
        ("0.05", "0,05", "25: no valid TOML: Expected newline or end of document after a statement (column 10); decim"),
        ('"outer race', '"outer\\nrace', "23: alarm.0.name: name must be one line of text without blanks at its ends"),
        ('"outer race strikes"', '" "', "23: alarm.0.name: name must be one line of text without blanks at its ends"),
        ('[[sink]]\nuse = "j', '[[sink]]\nname = "a\\nb"\nuse = "j', "32: sink.1.name: must be a name, found 'a\\nb'"),
        ("0.05", "500", "25: alarm.0.limit: must lie inside the range of outer_impact, 0 to 50 g, found 500"),
        ("0.05", "0.05\nseverity = 'high'", "26: alarm.0.severity: alarm 'outer race strikes': severity must be"),
        ("0.05", "0.05\nconfidence = 90", "26: alarm.0.confidence: alarm 'outer race strikes': confidence must lie"),
        ('"findings.jsonl"', '"~/findings.jsonl"', "33: sink.1.path: must be a path as it is, without ~ and variables"),
        ('"findings.jsonl"', '"$HOME/findings"', "33: sink.1.path: must be a path as it is, without ~ and variables"),
        ('"findings.jsonl"', '"plant.toml/x"', "33: sink.1.path: must lie in a folder, found plant.toml/x below the"),
        ("example/hook", "exa mple/hook", "37: sink.2.url: url must be an address such as https://a.example/hook"),
        ("example/hook", "example:99999/hook", "37: sink.2.url: url must be an address such as https://a.example"),
        ("example/hook", 'example/hook"\nca = "none.pem', "38: sink.2.ca: none.pem cannot be read: No such file"),
        ('host = "b', 'timeout_s = 60.0\nhost = "b', "29: sink.0.timeout_s: must be at most gateway.sink_timeout"),
        ('name = "plant"', f'name = "{"x" * 101}"', "2: site.name: name must be at most 100 bytes, got 101"),
        ("= 39.04", "= 0.03904", "16: forward.bearing.element_diameter_mm: element_diameter_mm must be positive and"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path, right, wrong, says):
    assert right in SITE
    (line,) = told(tmp_path, SITE.replace(right, wrong, 1))
    assert line.startswith(says), line


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('host = "broker', 'host = "mqtt://gateway:canary@broker'),
        ('host = "broker', 'host = "gateway:canary@broker'),
        ("https://m", "https://gateway:canary@m"),
        ("https://m", "https://gateway:canary/@m"),
        ("https://maintenance.example", "https://gateway:canary@maintenance.exa mple"),
        ("https://maintenance.example", "https://gateway:canary@maintenance.example:99999"),
        ("host =", 'username = "a"\npassword = "canary"\nhost ='),
    ],
)
def test_a_password_in_the_wrong_place_is_refused_and_not_repeated(tmp_path, right, wrong):
    (line,) = told(tmp_path, SITE.replace(right, wrong, 1))
    assert ": sink." in line
    assert "canary" not in line


def test_a_file_of_another_encoding_is_told_with_its_line(tmp_path):
    (line,) = told(tmp_path, SITE.replace("fan 3", "Lüfter").encode("latin-1"))
    assert line == "7: must be UTF-8 text, found byte 0xfc"


@pytest.mark.parametrize(("line", "unit", "right"), [("rtu:///dev/x", 0, False), ("rtu:///dev/x", 1, True)])
def test_a_broadcast_is_no_unit_of_a_serial_line(tmp_path, line, unit, right):
    pytest.importorskip("serial")
    found = told(tmp_path, SITE.replace("tcp://192.0.2.10:502", line).replace("unit_id = 1", f"unit_id = {unit}"))
    assert found == ([] if right else [found[0]])
    assert right or found[0].startswith("9: source.0.unit_id: unit_id must be 1 to 255 on a serial line, got 0")


def test_two_units_of_one_line_and_two_profiles_of_one_unit_are_two_machines(tmp_path):
    other = TWIN.replace("[[source]]\n", "[[source]]\nunit_id = 2\n")
    assert told(tmp_path, SITE.replace("[forward]\n", f"{other}[forward]\n", 1)) == []


def test_what_is_doubtful_is_told_and_taken(tmp_path):
    path = tmp_path / "plant.toml"
    path.write_text(SITE[: SITE.index("[[alarm]]")])
    assert plan(path)["cautions"] == [
        "no alarm: whatever is found, nobody is called",
        "no sink: what a gateway finds stays in its journal",
    ]
    path.write_text(f'{SITE}[[sink]]\nuse = "syslog"\naddress = "{tmp_path}/log"\n')
    assert plan(path)["cautions"] == [f"sink syslog: address {tmp_path}/log is no socket here"]


STATE = '[[machine_state]]\nname = "stopped"\nchannel = "shaft_hz"\n'


@pytest.mark.parametrize(
    ("bounds", "refused"),
    [
        ("below = 60000.0", "below: 'stopped' would always hold: shaft_hz is 0 to 655.35 (SI), found 60000"),
        ("below = 0.0", "below: 'stopped' would never hold: shaft_hz is 0 to 655.35 (SI), found 0"),
        ("at_least = 700.0", "at_least: 'stopped' would never hold: shaft_hz is 0 to 655.35 (SI), found 700"),
        ("at_least = 0.0", "at_least: 'stopped' would always hold: shaft_hz is 0 to 655.35 (SI), found 0"),
        ("at_least = 0.0\nbelow = 60000.0", "below: 'stopped' would always hold: shaft_hz is 0 to 655.35 (SI)"),
        ("at_least = 0.0\nbelow = 1.0", ""),
        ("below = 60000.0\nchanging = 1.0", ""),
    ],
)
def test_a_machine_that_would_stand_for_ever_or_never_is_refused(tmp_path, bounds, refused):
    found = told(tmp_path, f"{SITE}{STATE}{bounds}\n")
    assert [line.partition("machine_state.0.")[2][: len(refused)] for line in found] == ([refused] if refused else [])


def test_what_alarms_are_watched_in_is_told(tmp_path):
    path = tmp_path / "plant.toml"
    text = SITE.replace("0.05", '0.05\nsuppressed_in = ["stopped"]')
    path.write_text(f"{text}{STATE}below = 1.0\nhold_s = 30\n")
    planned = plan(path)
    assert planned["machine_states"] == ["stopped: while shaft_hz is below 1 (SI), and 30 s after"]
    assert planned["alarms"][0].endswith("for 0 s, not while the machine is stopped")


def test_recordings_that_are_not_there_yet_are_told(tmp_path):
    (tmp_path / "layout.toml").write_text(LAYOUT)
    begin, end = SITE.index("[[source]]"), SITE.index("[forward]")
    for files, says in (("*.npz", "source: files: no file matches"), ("a.npz", "source: files: ")):
        source = f'[source]\nuse = "recording"\nlayout = "layout.toml"\nfiles = ["{files}"]\nwindow_s = 1.0\n'
        path = tmp_path / "plant.toml"
        path.write_text(SITE[:begin] + source + SITE[end:].replace('"acceleration"', '"vibration"'))
        (told,) = plan(path)["cautions"]
        assert told.startswith(says)
    (tmp_path / "a.npz").touch()
    assert plan(path)["cautions"] == []


@pytest.mark.parametrize(
    ("written", "proper"),
    [
        ("Broker.Plant.example.", "broker.plant.example"),
        ("gateway_1", "gateway_1"),
        ("lüfter.local", "lüfter.local"),
        ("1.plant", "1.plant"),
        ("192.0.2.1", "192.0.2.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_hosts_have_many_forms(written, proper):
    assert proper_host(written) == proper


@pytest.mark.parametrize(
    "written", ["", ".", "a..b", "a b", "192.0.2", "192.0.2.256", "0x7f.1", "a/b", "user@host", "*"]
)
def test_what_is_no_host_is_none(written):
    with pytest.raises(ValueError, match="must be the name or address of a host"):
        proper_host(written)
