"""Wrong profiles and sites: one line at `check`, with file and line; what shows at run time only is a clear state."""

import asyncio

import pytest
from fieldbus_calls import REST, call

from inversion.app.configuration import load_site
from inversion.app.gateway import run_gateway
from inversion.app.journal import read_journal
from sensors.modbus.settings import LineSettings

PROFILE = """\
[device]
name = "rig"
block = 10
[[register]]
name = "shaft_hz"
address = 52
kind = "uint32"
unit = "rpm"
[[register]]
name = "temperature"
address = 60
unit = "degC"
[capture]
[capture.start]
address = 0
[capture.status]
address = 1
ready = 2
busy = [1]
[[capture.waveform]]
channel = "acceleration"
address = 1000
count = 100
sample_rate = 1000
unit = "g"
"""
SOURCE = """\
[site]
name = "rig"
[[source]]
use = "modbus"
profile = "rig.toml"
asset = "a"
line = "rtu:///dev/nothing"
baud = 19200
unit_id = 1
"""
SECOND = """\
[[source]]
use = "modbus"
profile = "rig.toml"
asset = "b"
line = "rtu:///dev/nothing"
baud = 19200
unit_id = 2
"""


def check(folder, profile=PROFILE, sources=SOURCE):
    (folder / "rig.toml").write_text(profile)
    (folder / "site.toml").write_text(sources + REST)
    return call("check", folder / "site.toml")


def replaced(text, old, new):
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("address = 60", "address = 53", 11, "register.1.address: found holding 53 (40054), which register.0 takes"),
        ("block = 10", "block = 1", 7, "register.0.kind: found uint32 of 2 registers, expected no more than a request"),
        ("address = 60", "address = 65536", 11, "register.1.address: found holding 65536 (465537) and 1 registers"),
        ("address = 52", "address = 65535", 6, "register.0.address: found holding 65535 (465536) and 2 registers"),
        ('"degC"', '"degX"', 12, "register.1.unit: unknown unit 'degX', expected one of: "),
        ('unit = "degC"', "scale = 0", 12, "register.1.scale: found 0, expected a finite number other than zero"),
        ("[capture.status]\naddress = 1\nready = 2\nbusy = [1]\n", "", 13, "capture.status.address: missing"),
        ("count = 100", "count = 65000", 22, "capture.waveform.0.address: found holding 1000 (41001) and 65000"),
    ],
)
def test_a_wrong_profile_is_one_line_at_check(tmp_path, old, new, line, expected):
    assert check(tmp_path)[0] == 0
    code, said = check(tmp_path, replaced(PROFILE, old, new))
    assert code == 2
    assert said.startswith(f"{tmp_path}/rig.toml:{line}: {expected}"), said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        ("baud = 19200", "baud = 9600", "rtu /dev/nothing 9600 8N1"),
        ("baud = 19200", "baud = 19200\nparity = 'even'", "rtu /dev/nothing 19200 8E1"),
        ("baud = 19200", "baud = 19200\nstop_bits = 2", "rtu /dev/nothing 19200 8N2"),
        ("baud = 19200", "baud = 19200\nsilence_s = 0.01", "rtu /dev/nothing 19200 8N1, silence_s 0.01"),
        ("baud = 19200", "baud = 19200\nturnaround_s = 0.01", "rtu /dev/nothing 19200 8N1, turnaround_s 0.01"),
        ("rtu:///", "ascii:///", "ascii /dev/nothing 19200 8N1"),
    ],
)
def test_two_assets_that_set_one_serial_port_differently_are_one_line_at_check(tmp_path, old, new, how):
    assert check(tmp_path, sources=SOURCE + SECOND)[0] == 0
    code, said = check(tmp_path, sources=SOURCE + replaced(SECOND, old, new))
    assert code == 2
    expected = f"source.1: /dev/nothing is claimed as '{how}', but by source.0 as 'rtu /dev/nothing 19200 8N1'\n"
    assert said == f"{tmp_path}/site.toml:10: {expected}"


def test_one_port_under_two_names_is_one_port(tmp_path):
    (tmp_path / "link").symlink_to("/dev/nothing")
    code, said = check(tmp_path, sources=SOURCE + replaced(SECOND, "rtu:///dev/nothing", f"rtu://{tmp_path}/link"))
    assert code == 2
    assert f"/dev/nothing is claimed as 'rtu {tmp_path}/link 19200 8N1', but by source.0" in said


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        ('certificate = "absent.pem"\nkey = "absent.pem"', "certificate", "no such file: "),
        ('ca = "junk.pem"', "ca", "/junk.pem holds no certificate"),
        ('certificate = "junk.pem"\nkey = "junk.pem"', "certificate", "do not belong together"),
    ],
)
def test_certificates_that_are_none_are_one_line_with_their_key(tmp_path, options, key, expected):
    (tmp_path / "junk.pem").write_text("junk")
    source = replaced(replaced(SOURCE, "rtu:///dev/nothing", "tls://127.0.0.1:802"), "unit_id = 1\n", f"{options}\n")
    code, said = check(tmp_path, sources=source)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"{tmp_path}/site.toml:9: source.0.{key}: ")
    assert expected in said


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tcp://127.0.0.1:1", "connection refused"),
        ("rtu:///dev/nothing", "cannot be opened: no such file or directory"),
    ],
)
def test_an_unreachable_device_is_said_once_while_the_gateway_runs(tmp_path, line, why):
    (tmp_path / "rig.toml").write_text(PROFILE)
    (tmp_path / "site.toml").write_text(
        replaced(SOURCE, "rtu:///dev/nothing", line) + "[gateway]\nretry_s = 0.01\n" + REST
    )
    site = load_site(tmp_path / "site.toml")

    def gone():
        with read_journal(site.journal) as journal:
            return [event.text for event in journal.events() if event.kind == "source_gone"]

    async def run():
        stop = asyncio.Event()
        running = asyncio.create_task(run_gateway(site, stop))
        async with asyncio.timeout(30):
            while not running.done() and not (site.journal.exists() and gone()):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # several attempts more, of which nothing shall be said
        stop.set()
        await running

    asyncio.run(run())
    shown = LineSettings(line, 19200).shown
    assert gone() == [f"source: gone: a: {shown} unit 1: holding 0 (40001): {why}; trying again"]


def test_a_port_without_a_number_that_can_be_is_refused(tmp_path):
    code, said = check(tmp_path, sources=replaced(SOURCE, "rtu:///dev/nothing", "tcp://127.0.0.1:0"))
    assert code == 2
    assert "line must be one of tcp://HOST:502" in said
