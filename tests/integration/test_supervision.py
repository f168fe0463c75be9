"""A gateway whose worker dies again and again still measures and says so; one that is told to reload leaves no gap."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_site import ScriptedSource, frame, site_with, worker_of, write_site
from test_gateway import install_model, journalled

from inversion.app.gateway import Gateway
from inversion.app.journal import open_journal

pytestmark = pytest.mark.usefixtures("acme")
COMMAND = str(Path(sys.executable).with_name("inversion"))

MORTAL = '''
import os
from dataclasses import dataclass
from acme.model import Level

@dataclass(frozen=True)
class MortalLevel(Level):
    """Every window ends the process."""

    def observe(self, frames):
        os._exit(9)
'''


def test_a_crash_loop_degrades_to_acquisition_only_and_alarms(tmp_path, plugin_folder, monkeypatch):
    install_model(tmp_path, "MortalLevel", "mortal", MORTAL)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_level", "mortal_level"))
    taken: list[int] = []

    class Endless(ScriptedSource):
        async def frames(self):
            for i in range(10_000):
                taken.append(i)
                yield frame(i)
                await asyncio.sleep(0.02)

    async def scenario() -> int:
        stop = asyncio.Event()
        site = site_with(path, sources=(Endless([]),))
        with open_journal(site.journal, 0) as journal:
            running = asyncio.create_task(Gateway(site, journal, stop).run())
            while not any(e.body["alarm"] == "inference stopped" for e in journal.alarms(100)):
                assert not running.done()
                await asyncio.sleep(0.05)
            before = len(taken)
            while len(taken) < before + 20:  # acquisition goes on
                await asyncio.sleep(0.05)
            stop.set()
            return await running

    assert asyncio.run(scenario()) == 0
    site = site_with(path)
    with open_journal(site.journal, 0) as journal:
        told = [entry.body["text"] for entry in journal.alarms(100)]
    why = "workers are lost again and again: the worker ended (exit code 9)"
    assert told == [
        f"gateway tone: inference degraded: normal -> unacknowledged: lite: {why}",
        f"gateway tone: inference stopped: normal -> unacknowledged: acquisition only: {why}",
    ]
    lost = [text for kind, text in journalled(site)[1] if kind == "frame_set_aside"]
    assert 4 <= len(lost) <= 10


@contextmanager
def running(path: Path):
    gateway = subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(gateway, "started")
        yield gateway
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.communicate(timeout=30)
    assert gateway.returncode == 0


def wait_for(gateway, *words: str) -> str:
    """What it said until all of these words were said, in any order."""
    told = ""
    while not all(word in told for word in words):
        line = gateway.stderr.readline()
        assert line, f"the gateway ended before it said {words!r}"
        told += line
    return told


def findings(folder: Path) -> int:
    """How many the sink has so far."""
    path = folder / "findings.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_reload_takes_new_limits_and_sinks_and_loses_no_window(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    edit(path, "limit = 0.5", "limit = 9.9")
    edit(path, "windows = 10000", "windows = 10000\nstep = 0.02")  # 0.2 g after two seconds
    with running(path) as gateway:
        edit(path, "limit = 9.9", "limit = 0.2")
        path.write_text(
            path.read_text().replace("[gateway]", '[[sink]]\nuse = "jsonl"\nname = "b"\npath = "b.jsonl"\n[gateway]')
        )
        gateway.send_signal(signal.SIGHUP)
        told = wait_for(gateway, "reloaded", "too loud: normal -> unacknowledged")
        assert "P(level above 0.2 g)" in told
    first, second = ((tmp_path / name).read_text() for name in ("findings.jsonl", "b.jsonl"))
    assert second == first
    positions = [json.loads(line)["position"] for line in first.splitlines()]
    assert positions == list(range(len(positions)))
    limits = [json.loads(line)["alarms"][0]["limit"] for line in first.splitlines()]
    assert set(limits) == {9.9, 0.2}
    assert limits == sorted(limits, reverse=True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("limit = 0.5", "limit = 50.0", "tone.toml:17: alarm.0.limit: must lie inside the range of level, 0 to 10 g"),
        ("limit = 0.5", "limt = 0.5", "alarm.0.limt: no such option"),
        ("windows = 10000", "windows = 9", "tone.toml: source: a change takes a restart"),
        ("retry_s = 0.02", "retry_s = 0.03", "tone.toml: gateway.retry_s: a change takes a restart"),
    ],
)
def test_a_reload_that_cannot_be_changes_nothing(tmp_path, old, new, says):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    with running(path) as gateway:
        edit(path, old, new)
        gateway.send_signal(signal.SIGHUP)
        line = wait_for(gateway, "reload refused, nothing has changed")
        assert says in line
        count = findings(tmp_path)
        while findings(tmp_path) <= count:
            assert gateway.poll() is None


def test_a_second_sigterm_is_no_other_ending(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    gateway = subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.PIPE, text=True)
    wait_for(gateway, "started")
    for _ in range(2000):  # one each 10 ms: faster, and it would do nothing but hear signals
        gateway.send_signal(signal.SIGTERM)
        try:
            gateway.communicate(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    assert gateway.returncode == 0


def test_a_worker_that_is_lost_while_the_file_is_wrong_is_replaced_by_one_of_what_was_read(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    with running(path) as gateway:
        edit(path, "limit = 0.5", "limt = 0.5")
        worker = worker_of(gateway.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for(gateway, "the worker ended (signal SIGKILL); started again")
        count = findings(tmp_path)
        while findings(tmp_path) <= count:
            assert gateway.poll() is None
        assert worker_of(gateway.pid) != worker
