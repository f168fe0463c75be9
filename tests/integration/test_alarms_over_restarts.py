"""Alarms of a gateway that is stopped, started anew and told to reload: none ends, or stands, by that alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_site import SITE, ScriptedSink, ScriptedSource, frame, site_with, write_site
from test_alarm_verbs import tell
from test_way_back import Running, changes, newest, told

from inversion.app.journal import Retention, open_journal

pytestmark = pytest.mark.usefixtures("acme")
SILENCE = '[[alarm]]\nname = "silent"\ncondition = "silence"\nafter_s = 1.0\n'


class Devices(ScriptedSource):
    """`once` are heard of at first, `always` without end; it does not say before whom it measures."""

    def __init__(self, once: str, always: str) -> None:
        self._once, self._always = once.split(), always.split()

    async def frames(self):
        for asset in self._once:
            yield frame(1, asset)
        for i in range(1, 100_000):
            for asset in self._always:
                yield frame(i, asset)
            await asyncio.sleep(0.02)


def site_about_silence(folder: Path) -> Path:
    path = folder / "tone.toml"
    path.write_text(SITE.format(windows=8, pause_s=0.0, stop_s=10.0).replace("[[sink]]", SILENCE + "[[sink]]", 1))
    return path


def of(journal: Path, asset: str) -> list[str]:
    return [change["to"] for change in changes(journal, "silent") if change["asset"] == asset]


def test_only_an_asset_ends_the_alarm_on_its_silence_and_who_fell_silent_meanwhile_is_missed(tmp_path):
    path = site_about_silence(tmp_path)

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:

            def run(once: str, always: str) -> Running:
                return Running(site_with(path, sources=(Devices(once, always),)), journal)

            first = run("pump", "fan mill")
            await first.until(lambda: of(journal.path, "pump") == ["unacknowledged"])
            await first.end()
            second = run("", "fan")
            await second.until(lambda: of(journal.path, "mill") == ["unacknowledged"])
            assert of(journal.path, "pump") == ["unacknowledged"]
            await second.end()
            third = run("", "fan mill pump")
            await third.until(lambda: of(journal.path, "pump") == ["unacknowledged", "returned unacknowledged"])
            await third.until(lambda: of(journal.path, "mill") == ["unacknowledged", "returned unacknowledged"])
            assert of(journal.path, "fan") == []
            await third.end()

    asyncio.run(scenario())


def test_who_has_not_been_heard_of_for_a_month_is_not_missed_at_every_start(tmp_path, monkeypatch):
    """A machine that was taken away, of a source that does not say what it measures; here a month is no time at all."""
    path = site_about_silence(tmp_path)
    monkeypatch.setattr("inversion.app.alarms.keeper.LONGEST_S", 0.0)

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            first = Running(site_with(path, sources=(Devices("", "fan mill"),)), journal)
            await first.until(lambda: newest(journal.path))
            await first.end()
            second = Running(site_with(path, sources=(Devices("fan pump", "fan"),)), journal)
            await second.until(lambda: of(journal.path, "pump") == ["unacknowledged"])
            assert of(journal.path, "mill") == []
            await second.end()

    asyncio.run(scenario())


def test_nobody_is_missed_while_the_gateway_is_about_to_stop(tmp_path):
    """A sink that is dead keeps it waiting for longer than the alarm does; its sources have ended by then."""
    path = site_about_silence(tmp_path)
    path.write_text(path.read_text().replace("stop_s = 10.0", "stop_s = 4.0"))

    async def scenario() -> None:
        dead = ScriptedSink([ConnectionError("nobody there")] * 1000)
        site = site_with(path, sources=(Devices("", "fan"),))
        with open_journal(site.journal, 0) as journal:
            running = Running(site_with(path, sources=site.sources, sinks={"dead": dead}), journal)
            await running.until(lambda: newest(journal.path))
            began = time.monotonic()
            running.stop.set()
            await running.task
            assert time.monotonic() - began > 3.0  # it has had time to be missed
            assert of(journal.path, "fan") == []

    asyncio.run(scenario())


def test_an_alarm_on_silence_that_a_reload_brings_waits_for_whom_it_names(tmp_path, monkeypatch):
    path = write_site(tmp_path)

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Devices("", "fan"),)), journal)
            await running.until(lambda: newest(journal.path))
            path.write_text(path.read_text().replace("[[sink]]", SILENCE + "[[sink]]", 1))
            rules = tuple(replace(rule, assets=("pump",)) for rule in site_with(path).silences)
            site = site_with(path, silences=rules)
            monkeypatch.setattr("inversion.app.gateway.reloaded", lambda *_: _read(site))
            running.reload.set()
            await running.until(lambda: of(journal.path, "pump") == ["unacknowledged"])
            await running.end()

    asyncio.run(scenario())


async def _read(site):
    return site


def test_an_alarm_that_a_reload_takes_away_ends_for_everybody(tmp_path, monkeypatch):
    path = write_site(tmp_path)
    other = path.read_text().replace('name = "too loud"', 'name = "far too loud"').replace("limit = 0.5", "limit = 9.9")

    async def scenario() -> list[str]:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Devices("", "fan"),)), journal)
            before = path.read_text()
            path.write_text(before.replace("limit = 0.5", "limit = 0.05"))  # 1 m/s2 is beyond it
            monkeypatch.setattr("inversion.app.gateway.reloaded", lambda *_: _read(site_with(path)))
            running.reload.set()
            await running.changed("too loud", "unacknowledged")
            path.write_text(other)
            running.reload.set()
            await running.changed("too loud", "normal")
            await running.end()
            return told(journal.path, "too loud")

    last = asyncio.run(scenario())[-1]
    assert last == "fan: too loud: unacknowledged -> normal: by configuration (not of this site any more)"
    assert "too loud" not in tell("alarms", "list", path, "--all").replace("far too loud", "")


def test_what_was_asked_of_a_gateway_that_is_gone_is_not_done_by_the_next(tmp_path):
    """The alarm that stands by then is another than the one that somebody has seen."""
    path = write_site(tmp_path)
    tell("run", path)
    with open_journal(site_with(path).journal, 0) as journal:
        number = journal.ask(0, {"verb": "ack", "asset": "fan", "alarm": "too loud", "by": "kim", "comment": ""})

        async def scenario() -> None:
            running = Running(site_with(path, sources=(Devices("", "fan"),)), journal)
            await running.until(lambda: newest(journal.path))
            await running.end()

        asyncio.run(scenario())
        assert journal.answer(number) == "refused: the gateway was started anew before it could answer; ask again"
    assert tell("alarms", "list", path).startswith("unacknowledged ")


def test_a_reload_takes_what_the_journal_may_hold_and_metrics_forget_a_sink_that_is_gone(tmp_path, monkeypatch):
    path = write_site(tmp_path)

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            running = Running(site_with(path, sources=(Devices("", "fan"),)), journal)
            await running.until(lambda: newest(journal.path))
            text = path.read_text().replace('use = "jsonl"', 'use = "jsonl"\nname = "copy"')
            path.write_text(text + "[journal]\nkeep_days = 7\nmost_mb = 50\n")
            monkeypatch.setattr("inversion.app.gateway.reloaded", lambda *_: _read(site_with(path)))
            running.reload.set()
            await running.until(lambda: journal.kept == Retention(7.0, 50.0))
            await running.until(lambda: (tmp_path / "findings.jsonl").exists())
            async with asyncio.timeout(60):
                while [one.sink for one in (await running.gateway._look()).standings] != ["copy"]:
                    await asyncio.sleep(0.02)
            await running.end()

    asyncio.run(scenario())


def test_a_shelving_that_has_ended_is_not_listed_as_one_though_no_gateway_runs(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    tell("alarms", "shelve", path, "fan", "too loud", "--for", "3s")
    assert tell("alarms", "list", path).startswith("shelved ")
    began = time.monotonic()
    while not tell("alarms", "list", path).startswith("unacknowledged "):
        assert time.monotonic() - began < 30
