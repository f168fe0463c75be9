"""What a service would not find, may not reach, or must be let do: said before it is installed."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inversion.app.configuration import load_parts, load_site
from inversion.app.install.allowed import capabilities, devices
from inversion.app.install.plan import OURS, STATE, planned
from inversion.app.install.seen import Needed, cautions, check_seen, needed
from inversion.app.options import read_document
from inversion.core import ConfigurationError

pytestmark = pytest.mark.usefixtures("acme")

SITE = """
[site]
name = "plant"
[source]
use = "acme_tone"
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
[[sink]]
use = "webhook"
url = "https://a.example"
secret_file = "{secret}"
[[sink]]
use = "jsonl"
path = "out/findings.jsonl"
[journal]
path = "{journal}"
"""


@pytest.fixture
def box(tmp_path):
    """Folders of a box: `tmp` is private to a service, `etc` is not; `link` in `etc` leads into `tmp`."""
    for name in ("tmp", "etc", "tmp/deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "link").symlink_to(tmp_path / "tmp" / "deep")
    return tmp_path


def site_at(path: Path, secret: str = "hook.secret", journal: str = "plant.journal") -> list[Needed]:
    path.write_text(SITE.format(secret=secret, journal=journal))
    return needed(load_site(path), load_parts(path), Path("/usr/bin/inversion"))


def hidden(box: Path, path: Path, needs: list[Needed]) -> list[str]:
    mine = [need for need in needs if need.what != "the program"]
    try:
        check_seen(read_document(path), mine, (box / "tmp",))
    except ConfigurationError as problem:
        return [line.removeprefix(f"{path}") for line in str(problem).split("\n")]
    return []


def test_a_site_that_lies_where_a_service_sees_it_is_taken(box):
    path = box / "etc" / "plant.toml"
    assert hidden(box, path, site_at(path)) == []


@pytest.mark.parametrize("place", ["tmp", "tmp/deep", "etc/link", "etc/../tmp"])
def test_a_site_in_a_private_folder_is_refused_in_one_line(box, place):
    path = box / place / "plant.toml"
    (told,) = hidden(box, path, site_at(path))
    assert told.startswith(": the site must lie in a folder that lasts, such as /etc/inversion")
    assert f"the service has a {box / 'tmp'} of its own (PrivateTmp), where it is not" in told


def test_what_a_site_names_is_refused_at_its_line(box):
    path = box / "etc" / "plant.toml"
    told = hidden(box, path, site_at(path, secret=str(box / "tmp" / "s"), journal="link/j"))
    assert [line.split(" must")[0] for line in told] == [":18: journal.path:", ":13: sink.0.secret_file:"]


def test_the_program_is_needed_too(box):
    path = box / "etc" / "plant.toml"
    programs = [need.path for need in site_at(path) if need.what == "the program"]
    assert Path("/usr/bin/inversion") in programs
    assert any("acme" in program.parts for program in programs), "the module of a third party's plug-in"
    with pytest.raises(ConfigurationError, match="the program must lie in a folder that lasts"):
        check_seen(
            read_document(path), [Needed("the program", box / "tmp" / "venv" / "bin" / "python")], (box / "tmp",)
        )


def test_a_folder_that_is_not_there_is_told(box):
    missing = box / "etc" / "var"
    (told,) = cautions([], [missing], "nobody", Path("/"))
    assert told == f"{missing} is not there, and the service does not start without it: install -d -o nobody {missing}"
    assert list(cautions([], [STATE], OURS, Path("/"))) == []
    assert "is not there" in next(cautions([], [Path("/etc")], "nobody", box / "etc"))


def test_who_may_not_reach_a_file_is_told_why(box):
    closed = box / "etc" / "closed"
    closed.mkdir()
    (closed / "site.toml").touch()
    needs = [Needed("the site", closed / "site.toml"), Needed("the journal", closed / "site.toml")]
    for folder in (box, *box.parents):
        if folder.owner() == pwd.getpwuid(os.getuid()).pw_name and folder != Path("/"):
            folder.chmod(0o755)
    assert list(cautions(needs, [], OURS, Path("/"))) == []
    closed.chmod(0o700)
    (told,) = cautions(needs, [], OURS, Path("/"))
    assert told.startswith(f"the site: {closed / 'site.toml'} cannot be reached by {OURS}: {closed} has mode 700")
    assert list(cautions(needs, [], pwd.getpwuid(os.getuid()).pw_name, Path("/"))) == []
    assert list(cautions(needs, [], OURS, box)) == []
    closed.chmod(0o755)
    (told,) = cautions([], [closed], OURS, Path("/"))
    assert f"cannot be written by {OURS}: chown" in told
    assert list(cautions([], [], "nobody-has-this-name", Path("/"))) == [
        "there is no user nobody-has-this-name, as whom the service would run"
    ]


@pytest.mark.parametrize("user", ["", "a b", "x\nExecStartPre=/bin/sh", "-x", "../x", "%H"])
def test_what_is_no_user_is_refused(box, user):
    path = box / "etc" / "plant.toml"
    site_at(path)
    with pytest.raises(ConfigurationError, match="--user must be the name of a user"):
        planned(load_site(path), Path("/usr/bin/inversion"), user)


@dataclass(frozen=True)
class Served:
    listen: str


@pytest.mark.parametrize(
    ("listen", "wanted"),
    [("0.0.0.0:502", True), ("[::1]:1023", True), ("127.0.0.1:1024", False), ("127.0.0.1:0", False), ("serial", False)],
)
def test_a_low_port_takes_a_capability(box, listen, wanted):
    path = box / "etc" / "plant.toml"
    site_at(path)
    site = replace(load_site(path), sinks={"plc": Served(listen)})
    unit = next(iter(planned(site, Path("/usr/bin/inversion"), OURS).values()))
    assert capabilities(site) == ("CAP_NET_BIND_SERVICE" if wanted else "")
    assert (unit.count("=CAP_NET_BIND_SERVICE\n") == 2) is wanted


LINE = 'use = "modbus"\nprofile = "demo_vibration"\nasset = "fan"\nline = "{line}"'


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("rtu:///dev/ttyUSB7", ["char-ttyUSB rw"]),
        ("ascii:///dev/ttyS0", ["char-ttyS rw"]),
        ("rtu:///dev/serial/by-id/usb-FTDI", ["char-ttyACM rw", "char-ttyUSB rw"]),
        ("tcp://192.0.2.1:502", []),
    ],
)
def test_a_serial_line_is_the_only_device_that_is_let_in(box, line, allowed):
    path = box / "etc" / "plant.toml"
    path.write_text(SITE.format(secret="s", journal="j").replace('use = "acme_tone"', LINE.format(line=line)))
    lines = devices(load_site(path)).splitlines()
    assert [each.removeprefix("DeviceAllow=") for each in lines if each.startswith("DeviceAllow=")] == allowed
    assert ("PrivateDevices=yes" in lines) is (not allowed)
    assert ("DevicePolicy=closed" in lines) is bool(allowed)
