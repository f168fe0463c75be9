"""The unit that `inversion install` writes: known to systemd to the last key, and hard."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from machine import ROOT

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from gateway_site import write_site

COMMAND = str(Path(sys.executable).with_name("inversion"))
pytestmark = pytest.mark.usefixtures("acme")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def install(path: Path, *words: str) -> str:
    told = subprocess.run([COMMAND, "install", str(path), *words], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_by_default_nothing_is_written(tmp_path):
    told = install(write_site(tmp_path), "--unit", "--root", str(tmp_path / "root"))
    assert "would write" in told
    assert "u inversion - " in told
    assert told.endswith("nothing was written; --write does it\n")
    assert not (tmp_path / "root").exists()


def test_what_the_gateway_writes_is_writable_and_nothing_else(tmp_path):
    install(write_site(tmp_path), "--unit", "--write", "--root", str(tmp_path / "root"))
    unit = (tmp_path / "root/etc/systemd/system/inversion-tone.service").read_text()
    assert re.findall(r"^ReadWritePaths=(.*)$", unit, re.MULTILINE) == [str(tmp_path)]
    assert "ProtectSystem=strict" in unit
    assert f"ExecStart={COMMAND} run {tmp_path / 'tone.toml'}" in unit
    assert (tmp_path / "root/etc/sysusers.d/inversion.conf").exists()


def test_a_wrong_site_is_not_installed(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_tone", "acme_ton"))
    told = subprocess.run([COMMAND, "install", str(path), "--unit"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert "source.use: no source 'acme_ton'" in told.stderr


@needs_systemd
def test_systemd_knows_every_key_and_finds_the_unit_hard(tmp_path):
    install(write_site(tmp_path), "--unit", "--write", "--root", str(tmp_path / "root"))
    unit = tmp_path / "root/etc/systemd/system/inversion-tone.service"
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")  # it exits 0 on unknown keys, but says so
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(unit)]
    judged = subprocess.run(words, capture_output=True, text=True, timeout=60)
    exposure = re.search(r"Overall exposure level.*?: ([0-9.]+)", judged.stdout)
    assert judged.returncode == 0, judged.stdout
    assert float(exposure[1]) <= 3.0
    assert "SystemCallFilter=adjtimex clock_adjtime" in unit.read_text()  # or the clock could never be trusted
