"""The unit that `inversion install` writes: known to systemd to the last key, and hard."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machine import REASON, ROOT, boot

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from gateway_site import write_site

from inversion.app.configuration import load_site
from inversion.app.install import planned, write_files
from inversion.app.install.seen import PRIVATE

COMMAND = str(Path(sys.executable).with_name("inversion"))
pytestmark = pytest.mark.usefixtures("acme")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


SERIAL = '[source]\nuse = "modbus"\nprofile = "demo_vibration"\nasset = "fan"\nline = "rtu:///dev/ttyUSB7"\n'
LOW = """
[[sink]]
use = "modbus_server"
listen = "127.0.0.1:502"
assets = ["fan"]
parameters = ["level"]
"""
needs_place = pytest.mark.skipif(
    any(folder in Path(place).parents for folder in PRIVATE for place in (ROOT, sys.prefix)),
    reason="this checkout lies in /tmp, where a service does not find it",
)


def install(path: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, "install", path, "--unit", *words], capture_output=True, text=True, timeout=60)


def unit_of(path: Path, root: Path) -> Path:
    """The unit of a site that lies wherever tests lie, written."""
    return write_files(planned(load_site(path), Path(COMMAND), "inversion"), root)[0]


@needs_place
def test_by_default_nothing_is_written(tmp_path):
    told = install(ROOT / "configs" / "simulated.toml", "--root", tmp_path / "root")
    assert told.returncode == 0, told.stderr
    assert "would write" in told.stdout
    assert "u inversion - " in told.stdout
    assert f"caution: {ROOT / 'configs'} is not there, and the service does not start without it" in told.stdout
    assert told.stdout.endswith("nothing was written; --write does it\n")
    assert not (tmp_path / "root").exists()


@needs_place
def test_all_of_it_is_written_where_that_is_said(tmp_path):
    told = install(ROOT / "configs" / "simulated.toml", "--write", "--root", tmp_path)
    assert told.returncode == 0, told.stderr
    unit = (tmp_path / "etc/systemd/system/inversion-simulated.service").read_text()
    assert f"ExecStart={COMMAND} run {ROOT / 'configs' / 'simulated.toml'}" in unit
    assert (tmp_path / "etc/sysusers.d/inversion.conf").exists()


@pytest.mark.parametrize("word", ["--no-write", "--write"])
def test_a_site_that_the_service_would_not_find_is_refused(tmp_path, word):
    told = install(write_site(tmp_path), "--root", tmp_path / "root", *([word] if word == "--write" else []))
    assert told.returncode == 2
    assert told.stderr.startswith(f"{tmp_path / 'tone.toml'}: the site must lie in a folder that lasts")
    assert "a /tmp of its own (PrivateTmp)" in told.stderr
    assert not (tmp_path / "root").exists()


def test_what_the_gateway_writes_is_writable_and_nothing_else(tmp_path):
    unit = unit_of(write_site(tmp_path), tmp_path / "root").read_text()
    assert re.findall(r"^ReadWritePaths=(.*)$", unit, re.MULTILINE) == [str(tmp_path)]
    assert "ProtectSystem=strict" in unit
    assert f"ExecStart={COMMAND} run {tmp_path / 'tone.toml'}" in unit
    assert (tmp_path / "root/etc/sysusers.d/inversion.conf").exists()


def test_a_wrong_site_is_not_installed(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_tone", "acme_ton"))
    told = install(path)
    assert told.returncode == 2
    assert "source.use: no source 'acme_ton'" in told.stderr


def test_an_alarm_that_could_never_be_raised_is_not_installed(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 500.0"))
    told = install(path)
    assert told.returncode == 2
    assert "alarm.0.limit: must lie inside the range" in told.stderr


@needs_systemd
def test_systemd_understands_a_site_of_any_name_in_a_folder_of_any_name(tmp_path):
    folder = tmp_path / 'hall 3, 100% $HOME; it\'s \\ "new"'
    folder.mkdir()
    path = write_site(folder)
    path.write_text(path.read_text().replace('name = "tone"', 'name = "100% $HOME: tone"'))
    for user in ("inversion", "root"):
        unit = write_files(planned(load_site(path), Path(COMMAND), user), tmp_path / user)[0]
        verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
        assert (verified.returncode, verified.stderr) == (0, "")


@needs_place
def test_the_unit_of_another_site_is_not_replaced(tmp_path):
    site = ROOT / "configs" / "simulated.toml"
    assert install(site, "--write", "--root", tmp_path).returncode == 0
    assert install(site, "--write", "--root", tmp_path).returncode == 0
    unit = tmp_path / "etc/systemd/system/inversion-simulated.service"
    before = unit.read_text().replace(str(site), "/etc/inversion/simulated.toml")
    unit.write_text(before)
    told = install(site, "--write", "--root", tmp_path)
    assert told.returncode == 2
    assert (
        "'simulated' names the unit inversion-simulated.service, which runs /etc/inversion/simulated.toml"
        in told.stderr
    )
    assert unit.read_text() == before


@needs_systemd
@pytest.mark.parametrize("more", ["", SERIAL, LOW], ids=["usual", "serial line", "low port"])
def test_systemd_knows_every_key_and_finds_the_unit_hard(tmp_path, more):
    path = write_site(tmp_path, more="" if more is SERIAL else more)
    if more is SERIAL:
        text = path.read_text()
        path.write_text(text.replace(text[text.index("[source]") : text.index("[forward]")], SERIAL))
    unit = unit_of(path, tmp_path / "root")
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")  # it exits 0 on unknown keys, but says so
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)]
    judged = subprocess.run(words, capture_output=True, text=True, timeout=60)
    exposure = re.search(r"Overall exposure level.*?: ([0-9.]+)", judged.stdout)
    assert judged.returncode == 0, judged.stdout
    assert float(exposure[1]) <= 3.0
    assert "SystemCallFilter=adjtimex clock_adjtime" in unit.read_text()  # or the clock could never be trusted


PROBE = "import socket; socket.create_server(('127.0.0.1', 502)).close(); print('listened')"
OTHERS = ("Type", "Notify", "Exec", "User", "State", "Working", "ReadWrite", "Watchdog", "Private", "Restart")
OURS = f"""Type=oneshot
User=nobody
ExecStart=-/usr/bin/python3 -c "{PROBE}"
StandardOutput=append:/run/out/{{name}}.txt
StandardError=append:/run/out/{{name}}.txt
ReadWritePaths=/run/out
"""
RUN = """
mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /var/lib/systemd; mount -t tmpfs tmpfs /var/tmp
mkdir -p /run/systemd/system; cp {units}/* /run/systemd/system/
exec /lib/systemd/systemd --unit=test.target --show-status=0 --log-target=null
"""
DRIVER = """[Unit]
DefaultDependencies=no
[Service]
Type=exec
ExecStart=-/bin/sh -c "systemctl start low.service usual.service; systemctl poweroff -ff"
"""


@pytest.mark.skipif(bool(REASON), reason=REASON or "installed")
@pytest.mark.skipif(not Path("/lib/systemd/systemd").exists(), reason="systemd is not installed")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="no Python that another user may run")
def test_a_plcs_port_can_be_listened_at_by_a_user_without_rights(tmp_path):
    """With the lines of the unit, as process of a real systemd; without the capability it cannot."""
    units = tmp_path / "units"
    units.mkdir()
    for name, more in (("low", LOW), ("usual", "")):
        text = unit_of(write_site(tmp_path, more=more), tmp_path / name).read_text()
        hardening = re.sub(
            f"(?m)^({'|'.join(OTHERS)}).*\n", "", text[text.index("[Service]") : text.index("[Install]")]
        )
        (units / f"{name}.service").write_text(f"[Unit]\nDefaultDependencies=no\n{hardening}{OURS.format(name=name)}")
    (units / "driver.service").write_text(DRIVER)
    (units / "test.target").write_text("[Unit]\nDefaultDependencies=no\nRequires=driver.service\n")
    out = boot(tmp_path, RUN.format(units=units), groups=False)
    assert (out / "low.txt").read_text() == "listened\n"
    assert "PermissionError" in (out / "usual.txt").read_text()
