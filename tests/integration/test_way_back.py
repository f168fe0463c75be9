"""What a gateway lost, and gets back: a degraded one says so while it is, and no longer; it never stays at less."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gateway_site import SITE, ScriptedSource, frame, site_with, write_site
from test_gateway import install_model
from test_supervision import MORTAL
from tiny_networks import grid_network, write_tiny

from inversion.app import supervisor
from inversion.app.configuration import Site
from inversion.app.degrade import DegradeRule
from inversion.app.gateway import Gateway
from inversion.app.journal import Journal, open_journal, read_journal
from inversion.app.limits import Usage

pytestmark = pytest.mark.usefixtures("acme")

HANGING = '''
import time
from dataclasses import dataclass
from acme.model import Level

@dataclass(frozen=True)
class HangingLevel(Level):
    """No window is ever answered."""

    def observe(self, frames):
        time.sleep(600)
'''


class Endless(ScriptedSource):
    """A live device; `taken` counts its windows."""

    taken = 0

    async def frames(self):
        while True:
            self.taken += 1
            yield frame(self.taken)
            await asyncio.sleep(0.01)


class Running:
    """A gateway in this process, with its worker in another."""

    def __init__(self, site: Site, journal: Journal) -> None:
        self.stop, self.reload = asyncio.Event(), asyncio.Event()
        self.journal, self.gateway = journal, Gateway(site, journal, self.stop, self.reload)
        self.task = asyncio.create_task(self.gateway.run())

    async def until(self, condition) -> None:
        async with asyncio.timeout(60):
            while not condition():
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.02)

    async def changed(self, alarm: str, to: str) -> None:
        await self.until(lambda: [change["to"] for change in changes(self.journal.path, alarm)][-1:] == [to])

    async def end(self) -> None:
        self.stop.set()
        assert await self.task == 0


def mortal_site(folder: Path, plugin_folder: Path, monkeypatch, text: str = MORTAL) -> Path:
    kind = "MortalLevel" if text is MORTAL else "HangingLevel"
    install_model(folder, kind, "mortal", text)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{folder}")
    path = write_site(folder)
    path.write_text(path.read_text().replace("acme_level", "mortal_level"))
    return path


def changes(journal: Path, alarm: str) -> list[Mapping[str, Any]]:
    with read_journal(journal) as beside:
        return [entry.body for entry in beside.alarms(99) if entry.body["alarm"] == alarm]


def newest(journal: Path) -> Mapping[str, Any]:
    """Finding, empty before the first."""
    with read_journal(journal) as beside:
        return next(iter(beside.last_findings()), {})


def told(journal: Path, alarm: str) -> list[str]:
    return [change["text"] for change in changes(journal, alarm)]


def test_a_gateway_that_is_started_anew_is_degraded_no_more(tmp_path, plugin_folder, monkeypatch):
    path = mortal_site(tmp_path, plugin_folder, monkeypatch)

    async def scenario() -> list[str]:
        with open_journal(site_with(path).journal, 0) as journal:
            first = Running(site_with(path, sources=(Endless([]),)), journal)
            await first.changed("inference stopped", "unacknowledged")
            await first.until(lambda: first.gateway._supervisor.not_inverted > 0)
            await first.end()
        path.write_text(path.read_text().replace("mortal_level", "acme_level"))
        with open_journal(site_with(path).journal, 0) as journal:
            second = Running(site_with(path, sources=(Endless([]),)), journal)
            await second.changed("inference stopped", "returned unacknowledged")
            await second.changed("inference degraded", "returned unacknowledged")
            await second.end()
            [counted] = [event.text for event in journal.events() if event.kind == "frames_not_inverted"]
            assert int(counted.split()[0]) > 0  # told at the end, since nothing else ends it
            return told(journal.path, "inference stopped")

    assert asyncio.run(scenario())[-1] == (
        "gateway tone: inference stopped: unacknowledged -> returned unacknowledged: full: the gateway was started"
    )


def test_a_reload_ends_a_degradation_and_its_alarms(tmp_path, plugin_folder, monkeypatch):
    path = mortal_site(tmp_path, plugin_folder, monkeypatch)

    async def scenario() -> list[str]:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Endless([]),)), journal)
            await running.changed("inference stopped", "unacknowledged")
            path.write_text(path.read_text().replace("mortal_level", "acme_level"))
            monkeypatch.setattr("inversion.app.gateway.reloaded", lambda *_: _answer(site_with(path)))
            running.reload.set()
            await running.changed("inference stopped", "returned unacknowledged")
            await running.changed("inference degraded", "returned unacknowledged")
            await running.until(lambda: newest(journal.path))
            await running.end()
            return told(journal.path, "inference degraded")

    assert asyncio.run(scenario())[-1].endswith("full: the configuration was read again")


async def _answer(site: Site) -> Site:
    return site


def test_workers_that_cannot_be_started_are_a_crash_loop_too(tmp_path, monkeypatch):
    """Acquisition goes on, an alarm says so, and when they can be started again all is well by itself."""
    rule = DegradeRule(losses=3, rest_s=0.3, rest_cap_s=0.3, recover_s=0.3)
    monkeypatch.setattr(supervisor, "DegradeRule", lambda: rule)
    path, source = write_site(tmp_path), Endless([])
    good = path.read_text()

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(source,)), journal)
            await running.until(lambda: newest(journal.path))
            path.write_text(good.replace("limit = 0.5", "limt = 0.5"))
            os.kill(running.gateway.worker.pid, signal.SIGKILL)
            await running.changed("inference stopped", "unacknowledged")
            assert "no worker can be started: " in told(journal.path, "inference stopped")[0]
            before = source.taken
            await running.until(lambda: source.taken > before + 50)  # more than the queue holds
            assert (await running.gateway._look()).not_inverted > 30
            path.write_text(good)
            await running.changed("inference stopped", "returned unacknowledged")
            await running.changed("inference degraded", "returned unacknowledged")
            last = newest(journal.path)["start_ns"]
            await running.until(lambda: newest(journal.path)["start_ns"] > last)
            await running.end()

    asyncio.run(scenario())


def test_workers_that_hang_are_a_crash_loop_too(tmp_path, plugin_folder, monkeypatch):
    """However long a frame may take: the time that each of them was waited for does not count."""
    monkeypatch.setattr(supervisor, "DegradeRule", lambda: DegradeRule(losses=3, within_s=6.0))
    path = mortal_site(tmp_path, plugin_folder, monkeypatch, HANGING)
    path.write_text(path.read_text().replace("stop_s = 10.0\n", "") + "frame_timeout_s = 4.0\nstop_s = 1.0\n")

    async def scenario() -> list[str]:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Endless([]),)), journal)
            await running.changed("inference degraded", "unacknowledged")
            running.stop.set()
            await running.task
            return told(journal.path, "inference degraded")

    assert asyncio.run(scenario())[0].endswith("again and again: the worker did not answer within 4 s")


def adaptive_site(folder: Path, more: str = "") -> Path:
    from acme.model import Level

    write_tiny(folder / "tiny_v1", Level(), grid_network(Level(), cells=500))
    engine = 'use = "network"\nnetwork = "tiny_v1"\nprecision = "adaptive"\nbudget_ms = 60000'
    path = folder / "tone.toml"
    text = SITE.format(windows=8, pause_s=0.02, stop_s=10.0).replace('use = "acme_direct"', engine)
    path.write_text(text + more)
    return path


class Everyone(set):
    def __contains__(self, _: object) -> bool:
        return True


class Told:
    """A group that limits nothing, and tells what a test has written into `now`."""

    version, joins, now = "2", (), Usage()

    def members(self) -> Everyone:
        return Everyone()

    def usage(self) -> Usage:
        return self.now

    def share(self, _: int) -> bool:
        return True

    def remove(self) -> None:
        """Nothing was made."""


@pytest.mark.parametrize("what", ["cpu_pressure", "memory_pressure", "oom_kills"])
def test_what_the_group_tells_feeds_the_precision(acme, tmp_path, monkeypatch, what):
    """A worker under pressure, or one that needed more memory than there is, answers cheaply, and the best later."""
    group = Told()
    monkeypatch.setattr(supervisor, "make_group", lambda *_, **__: group)
    monkeypatch.setattr(supervisor, "DegradeRule", lambda: DegradeRule(recover_s=2.0))
    path = adaptive_site(tmp_path, '[limits]\ncpu = "50%"\n')

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Endless([]),)), journal)

            def precision() -> str:
                return str(newest(journal.path).get("network", {}).get("precision"))

            await running.until(lambda: precision() == "full")
            if what == "oom_kills":
                group.now = Usage(oom_kills=1)
                os.kill(running.gateway.worker.pid, signal.SIGKILL)
                await running.until(lambda: running.gateway.worker.runs_lite)
            else:
                group.now = Usage(**{what: 0.9})
            await running.until(lambda: precision() == "lite")
            if what != "oom_kills":
                group.now = Usage()
            await running.until(lambda: precision() == "full")
            assert told(journal.path, "inference degraded") == []
            await running.end()

    asyncio.run(scenario())


def test_after_a_while_without_a_loss_answers_are_the_best_again(acme, tmp_path, monkeypatch):
    rule = DegradeRule(losses=2, recover_s=1.0)
    monkeypatch.setattr(supervisor, "DegradeRule", lambda: rule)
    path = adaptive_site(tmp_path)

    async def scenario() -> list[str]:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Endless([]),)), journal)

            def precision() -> str:
                return str(newest(journal.path).get("network", {}).get("precision"))

            await running.until(lambda: precision() == "full")
            for _ in range(2):
                last, worker = newest(journal.path)["start_ns"], running.gateway.worker.pid
                os.kill(worker, signal.SIGKILL)
                await running.until(lambda: newest(journal.path)["start_ns"] > last + 3_000_000_000)  # noqa: B023
                assert running.gateway.worker.pid != worker
            await running.until(lambda: precision() == "lite")
            await running.until(lambda: precision() == "full")
            await running.end()
            return told(journal.path, "inference degraded")

    assert [text.split(": ")[2] for text in asyncio.run(scenario())] == [
        "normal -> unacknowledged",
        "unacknowledged -> returned unacknowledged",
    ]
