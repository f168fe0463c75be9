"""The unit under systemd as process 1 of a machine of its own: it starts, delegates, reloads and is watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import REASON, ROOT, boot

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from gateway_site import write_site
from test_gateway import install_model

SYSTEMD = Path("/lib/systemd/systemd")
missing = REASON or ("" if SYSTEMD.exists() else "systemd is not installed")
pytestmark = pytest.mark.skipif(bool(missing), reason=missing or "installed")
COMMAND = str(Path(sys.executable).with_name("inversion"))

#: A model that takes more memory than it may, once, when it is told to.
HUNGRY = """
from dataclasses import dataclass
from pathlib import Path
from acme.model import Level

FLAG = Path("/run/out/hungry")

@dataclass(frozen=True)
class HungryLevel(Level):
    def observe(self, frames):
        if FLAG.exists():
            FLAG.unlink()
            blocks = [bytes(2**20) and bytearray(b"x" * 2**20) for _ in range(2000)]
        return super().observe(frames)
"""

WRITE = """
import sys
from pathlib import Path
from inversion.app.configuration import load_site
from inversion.app.install import planned, write_files
site, command, root = map(Path, sys.argv[1:])
write_files(planned(load_site(site), command, "root"), root)
"""

LIMITS = """
[limits]
cpu = "80%"
memory = "160MiB"
pids = 64
[journal]
path = "/run/out/tone.journal"
"""

#: Runs in the machine beside the service: does things to it and writes down what came of them.
DRIVER = """
import json, os, signal, subprocess, time
from pathlib import Path

OUT = Path("/run/out")
seen = {}

def show(key):
    words = ["systemctl", "show", "--value", "-p", key, "inversion-tone.service"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()

def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True

def lines():
    path = OUT / "findings.jsonl"
    return path.read_text().count("\\n") if path.exists() else 0

def log():
    return (OUT / "gateway.txt").read_text() if (OUT / "gateway.txt").exists() else ""

seen["started"] = until(lambda: show("ActiveState") == "active" and lines() > 2)
main = show("MainPID")
group = Path("/sys/fs/cgroup/system.slice/inversion-tone.service")
seen["groups"] = sorted(p.name.split("-")[0] for p in group.iterdir() if p.is_dir()) if group.exists() else []
(OUT / "hungry").touch()
seen["killed"] = until(lambda: "needs more memory than its limit" in log())
count = lines()
seen["back"] = until(lambda: lines() > count + 2)
seen["after_oom"] = [show("ActiveState"), show("MainPID") == main, show("NRestarts")]
site = OUT / "tone.toml"
site.write_text(site.read_text().replace("limit = 0.5", "limit = 0.3"))
seen["reload_code"] = subprocess.run(["systemctl", "reload", "inversion-tone.service"]).returncode
seen["reloaded"] = until(lambda: "tone.toml: reloaded" in log())
seen["after_reload"] = [show("ActiveState"), show("MainPID") == main]
os.kill(int(main), signal.SIGSTOP)
seen["watchdog"] = until(lambda: show("NRestarts") == "1", 60)
count = lines()
seen["after_watchdog"] = [until(lambda: lines() > count), show("MainPID") != main]
subprocess.run(["systemctl", "stop", "inversion-tone.service"])
seen["stopped"] = [show("ActiveState"), show("Result")]
seen["left"] = group.exists()
(OUT / "seen.json").write_text(json.dumps(seen))
"""

SCRIPT = """
mount -t tmpfs tmpfs /var/log; mount -t tmpfs tmpfs /var/lib/systemd; mount -t tmpfs tmpfs /var/tmp
mkdir -p /run/systemd/system/inversion-tone.service.d
cp {units}/*.service {units}/*.target /run/systemd/system/
cp {units}/dropin.conf /run/systemd/system/inversion-tone.service.d/test.conf
exec /lib/systemd/systemd --unit=test.target --show-status=0 --log-target=null
"""
TARGET = "[Unit]\nDefaultDependencies=no\nRequires=inversion-tone.service driver.service\n"
SERVICE = """[Unit]
DefaultDependencies=no
[Service]
Type=exec
ExecStart=/bin/sh -c "{python} {driver}; systemctl poweroff -ff"
StandardOutput=append:/run/out/driver.txt
StandardError=append:/run/out/driver.txt
"""
DROPIN = """[Unit]
DefaultDependencies=no
[Service]
Environment=PYTHONPATH={path} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
WatchdogSec=25
RestartSec=1
StandardError=append:/run/out/gateway.txt
ReadWritePaths=/run/out
# user-mode Linux has not all the devices that this makes; what is tested lies under /tmp
PrivateDevices=no
PrivateTmp=no
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory, plugin_folder) -> dict:
    folder = tmp_path_factory.mktemp("service")
    install_model(folder, "HungryLevel", "hungry", HUNGRY)
    units = folder / "units"
    units.mkdir()
    site = write_site(folder, windows=100_000, pause_s=0.1, more=LIMITS)
    site.write_text(
        site.read_text().replace("findings.jsonl", "/run/out/findings.jsonl").replace("acme_level", "hungry_level")
    )
    path = f"{ROOT}:{plugin_folder}:{folder}"
    words = [sys.executable, "-c", WRITE, site, COMMAND, folder / "root"]  # the verb refuses what lies in /tmp
    subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True)
    unit = folder / "root/etc/systemd/system/inversion-tone.service"
    (units / unit.name).write_text(
        unit.read_text().replace(str(site), "/run/out/tone.toml").replace(f"ReadWritePaths={folder}\n", "")
    )
    (folder / "driver.py").write_text(DRIVER)
    (units / "driver.service").write_text(SERVICE.format(python=sys.executable, driver=folder / "driver.py"))
    (units / "test.target").write_text(TARGET)
    (units / "dropin.conf").write_text(DROPIN.format(path=path))
    script = f"cp {site} /run/out/tone.toml" + SCRIPT.format(units=units)
    out = boot(folder, script, groups=False, timeout_s=200)
    told = "".join((out / name).read_text() for name in ("gateway.txt", "driver.txt") if (out / name).exists())
    assert (out / "seen.json").exists(), told or (out / "console.txt").read_text()
    return json.loads((out / "seen.json").read_text()) | {"told": told}


def test_it_starts_and_gives_its_worker_a_group_of_its_own(seen):
    assert seen["started"], seen["told"]
    assert seen["groups"] == ["gateway", "inversion"]
    assert "limits: cpu 80%, memory 160MiB, pids 64, by control groups version 2" in seen["told"]


def test_a_worker_that_is_killed_for_memory_comes_back_and_the_service_stays(seen):
    assert (seen["killed"], seen["back"]) == (True, True), seen["told"]
    assert seen["after_oom"] == ["active", True, "0"]


def test_a_reload_is_taken_by_the_same_process(seen):
    assert (seen["reload_code"], seen["reloaded"]) == (0, True), seen["told"]
    assert seen["after_reload"] == ["active", True]


def test_a_gateway_that_stands_still_is_started_again_by_the_watchdog(seen):
    assert seen["watchdog"], seen["told"]
    assert seen["after_watchdog"] == [True, True], seen["told"]


def test_a_stop_is_clean_and_leaves_no_group(seen):
    assert seen["stopped"] == ["inactive", "success"]
    assert not seen["left"]
