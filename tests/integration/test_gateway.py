"""The gateway in this process, its worker in another: nothing lost, nothing twice, every failure one line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_site import DecodeError, ScriptedSink, ScriptedSource, SourceUnavailable, frame, site_with, write_site

from inversion.app.configuration import load_site
from inversion.app.gateway import Gateway, run_gateway
from inversion.app.journal import Event, Journal, JournalError, open_journal
from inversion.core import ConfigurationError
from sensors import RecordingError

pytestmark = pytest.mark.usefixtures("acme")


def run(site, stop: asyncio.Event | None = None) -> int:
    return asyncio.run(run_gateway(site, stop or asyncio.Event()))


def journalled(site) -> tuple[list[dict], list[tuple[str, str]]]:
    """Findings, and events as (kind, text)."""
    with open_journal(site.journal, 0) as journal:
        findings = [dict(entry.body) for entry in journal.after(0, 10_000) if entry.kind == "finding"]
        return findings, [(event.kind, event.text) for event in journal.events()]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_window_becomes_one_finding_in_the_journal_and_in_the_sink(tmp_path):
    site = load_site(write_site(tmp_path))
    assert run(site) == 0
    findings, _ = journalled(site)
    assert [finding["position"] for finding in findings] == list(range(8))
    assert lines(tmp_path / "findings.jsonl") == findings
    first, last = findings[0]["parameters"]["level"], findings[-1]["parameters"]["level"]
    assert first["low"] < 1 / 9.80665 < first["high"]
    assert last["low"] < 8 / 9.80665 < last["high"]
    with open_journal(site.journal, 0) as journal:
        (alarm,) = [entry.body for entry in journal.alarms(100)]
    assert alarm["text"].startswith("fan: too loud: normal -> unacknowledged: P(level above 0.5 g) = ")
    assert alarm["start_ns"] in {finding["start_ns"] for finding in findings}


def test_a_second_run_on_the_same_recording_adds_nothing(tmp_path):
    site = load_site(write_site(tmp_path))
    assert run(site) == 0
    before = journalled(site)[0], (tmp_path / "findings.jsonl").read_bytes()
    assert run(site) == 0
    assert (journalled(site)[0], (tmp_path / "findings.jsonl").read_bytes()) == before


def test_stopped_and_resumed_equals_uninterrupted(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    assert run(load_site(write_site(tmp_path / "whole", windows=20))) == 0

    async def in_parts() -> list[int]:
        codes = []
        for wanted in (3, 6, 1000):
            stop = asyncio.Event()
            watcher = ScriptedSink(wanted=wanted, enough=stop)
            site = load_site(write_site(tmp_path / "parts", windows=20, pause_s=0.01))
            watched = site_with(site.path, sinks={**site.sinks, "watcher": watcher})
            codes.append(await run_gateway(watched, stop))
        return codes

    assert asyncio.run(in_parts()) == [0, 0, 0]
    whole, parts = ((tmp_path / name / "findings.jsonl").read_bytes() for name in ("whole", "parts"))
    assert parts == whole
    stops = [text for kind, text in journalled(load_site(tmp_path / "parts" / "tone.toml"))[1] if kind == "started"]
    assert len(stops) == 3


def test_a_lost_source_is_tried_again_and_logged_once_gone_and_once_back(tmp_path):
    gone = [[SourceUnavailable("fan: nobody answers")] for _ in range(4)]
    source = ScriptedSource([[frame(0)], *gone, [frame(1), frame(2)]])
    source.acts[0].append(SourceUnavailable("fan: connection reset"))
    site = site_with(write_site(tmp_path), sources=(source,))
    assert run(site) == 0
    findings, events = journalled(site)
    assert [finding["start_ns"] for finding in findings] == [0, 1_000_000_000, 2_000_000_000]
    about = [(kind, text) for kind, text in events if kind.startswith("source")]
    assert about == [
        ("source_gone", "source: gone: fan: connection reset; trying again"),
        ("source_back", "source: back"),
    ]


def test_a_device_that_contradicts_its_profile_is_tried_again_slowly(tmp_path):
    source = ScriptedSource([[frame(0), DecodeError("fan: register 7: found status 9")], [frame(1)]])
    site = site_with(write_site(tmp_path), sources=(source,))
    assert run(site) == 0
    findings, events = journalled(site)
    assert [finding["start_ns"] for finding in findings] == [0, 1_000_000_000]
    assert [text for kind, text in events if kind.startswith("source_")] == [
        "source: gone: fan: register 7: found status 9; trying again",
        "source: back",
    ]


def test_a_source_that_fails_for_good_stops_alone(tmp_path):
    broken = ScriptedSource([[frame(0, "pump"), RecordingError("pump.wav: expected RIFF, found XXXX")]])
    rude = ScriptedSource([[frame(0, "mill"), ZeroDivisionError("division by zero")]])
    fine = ScriptedSource([[frame(i) for i in range(5)]])
    site = site_with(write_site(tmp_path), sources=(broken, rude, fine))
    assert run(site) == 1
    findings, events = journalled(site)
    assert sorted(finding["asset"] for finding in findings) == ["fan"] * 5 + ["mill", "pump"]
    assert sorted(text for kind, text in events if kind == "source_failed") == [
        "source.0: stopped: pump.wav: expected RIFF, found XXXX",
        "source.1: stopped: ZeroDivisionError: division by zero",
    ]


def test_two_recordings_of_one_name_are_refused_rather_than_one_hidden_behind_the_other(tmp_path):
    source = ScriptedSource([[frame(0, position=0), frame(1, position=1), frame(2, position=0), frame(3, position=1)]])
    site = site_with(write_site(tmp_path), sources=(source,))
    assert run(site) == 1
    findings, events = journalled(site)
    assert [finding["start_ns"] for finding in findings] == [0, 1_000_000_000]
    assert [text for kind, text in events if kind == "source_failed"] == [
        "source: stopped: fan: two recordings are named 'device'; give them assets or names that differ"
    ]


def test_a_failing_sink_gets_everything_later_and_slows_no_other(tmp_path):
    failing = ScriptedSink([OSError("no broker"), ValueError(), TimeoutError()])
    fine = ScriptedSink()
    site = site_with(write_site(tmp_path), sinks={"failing": failing, "fine": fine})
    assert run(site) == 0
    assert failing.taken == fine.taken
    assert len(fine.taken) == 8
    texts = [text for kind, text in journalled(site)[1] if kind.startswith("sink")]
    assert texts == ["sink failing: failed: OSError: no broker; trying again", "sink failing: back"]


def test_a_dead_sink_does_not_hold_a_stop_and_its_findings_wait(tmp_path):
    async def scenario() -> int:
        stop = asyncio.Event()
        fine = ScriptedSink(wanted=8, enough=stop)
        dead = ScriptedSink([OSError("no broker")] * 10_000)
        return await run_gateway(site_with(path, sinks={"dead": dead, "fine": fine}), stop)

    path = write_site(tmp_path, stop_s=0.2)
    assert asyncio.run(scenario()) == 0
    (waits,) = [text for kind, text in journalled(load_site(path))[1] if kind == "sink_waits"]
    assert waits == "sink dead: 9 findings and alarms wait in the journal"
    alive = ScriptedSink()
    assert run(site_with(path, sinks={"dead": alive})) == 0
    assert [json.loads(line)["position"] for line in alive.taken] == list(range(8))


def test_a_killed_worker_is_replaced_and_its_frame_done_again(tmp_path):
    async def scenario() -> int:
        hold, stop = asyncio.Event(), asyncio.Event()
        source = ScriptedSource([[frame(0), frame(1), hold, frame(2), frame(3)]])
        watcher = ScriptedSink(wanted=2, enough=hold)
        site = site_with(path, sources=(source,), sinks={"watcher": watcher})
        with open_journal(site.journal, 0) as journal:
            gateway = Gateway(site, journal, stop)
            running = asyncio.create_task(gateway.run())
            killing = asyncio.create_task(kill_when(hold, gateway))
            code = await running
            await killing
            return code

    async def kill_when(event: asyncio.Event, gateway: Gateway) -> None:
        await event.wait()
        os.kill(gateway.worker.pid, signal.SIGKILL)

    path = write_site(tmp_path)
    assert asyncio.run(scenario()) == 0
    findings, events = journalled(load_site(path))
    assert [finding["start_ns"] // 10**9 for finding in findings] == [0, 1, 2, 3]
    assert ("worker_lost", "the worker ended (signal SIGKILL); started again") in events


HANGING = '''
import time
from dataclasses import dataclass
from acme.model import Level

@dataclass(frozen=True)
class HangingLevel(Level):
    """Does not come back from one window, as an endless loop in a library would not."""

    def observe(self, frames):
        if any(frame.start_ns == 3_000_000_000 for frame in frames):
            time.sleep(3600)
        return super().observe(frames)
'''


def install_model(folder: Path, name: str, module: str, code: str) -> None:
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[inversion.forward]\n{module}_level = {module}:{name}\n")


def test_a_frame_that_hangs_the_worker_twice_is_set_aside(tmp_path, plugin_folder, monkeypatch):
    install_model(tmp_path, "HangingLevel", "hanging", HANGING)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    path = write_site(tmp_path, more="frame_timeout_s = 2.0\n")
    path.write_text(path.read_text().replace("acme_level", "hanging_level"))
    site = load_site(path)
    assert run(site) == 0
    findings, events = journalled(site)
    assert [finding["position"] for finding in findings] == [0, 1, 2, 4, 5, 6, 7]
    assert [text for kind, text in events if kind == "frame_set_aside"] == [
        "fan: fan.tone window 3: set aside: the worker did not answer within 2 s, twice"
    ]


DEADLY = '''
import os
from dataclasses import dataclass
from acme.model import Level

@dataclass(frozen=True)
class DeadlyLevel(Level):
    """Ends its process at one window, as a crash in a library would."""

    def observe(self, frames):
        for frame in frames:
            if frame.start_ns == 3_000_000_000:
                os._exit(7)
        return super().observe(frames)
'''


def test_a_frame_that_kills_the_worker_twice_is_set_aside_with_its_reason(tmp_path, plugin_folder, monkeypatch):
    install_model(tmp_path, "DeadlyLevel", "deadly", DEADLY)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_level", "deadly_level"))
    site = load_site(path)
    assert run(site) == 0
    findings, events = journalled(site)
    assert [finding["position"] for finding in findings] == [0, 1, 2, 4, 5, 6, 7]
    assert [text for kind, text in events if kind == "frame_set_aside"] == [
        "fan: fan.tone window 3: set aside: the worker ended (exit code 7), twice"
    ]


def test_a_full_disk_holds_findings_in_memory_until_there_is_room(tmp_path):
    class Scarce(Journal):
        """Refuses findings a few times as a full disk does: by SQLite's own page limit."""

        refusals = 0

        def append(self, batch):
            pages = self.connection.execute("PRAGMA page_count").fetchone()[0]
            refused = bool(batch.states) and self.refusals < 3
            self.connection.execute(f"PRAGMA max_page_count = {pages if refused else 1_000_000}")
            padding = [Event(0, "padding", "x" * 50_000).record()] if refused else []
            self.refusals += refused
            super().append(replace(batch, records=batch.records + padding))

    async def scenario() -> int:
        with open_journal(site.journal, 0) as journal:
            return await Gateway(site, Scarce(journal.path, journal.connection, journal.kept), asyncio.Event()).run()

    site = load_site(write_site(tmp_path))
    assert asyncio.run(scenario()) == 0
    findings, events = journalled(site)
    assert [finding["position"] for finding in findings] == list(range(8))
    assert lines(tmp_path / "findings.jsonl") == findings
    assert [text for kind, text in events if kind == "journal_back"] == [f"{site.journal}: can be written again"]


def test_a_disk_that_stays_full_does_not_hold_a_stop_and_says_what_was_not_written(tmp_path, caplog):
    async def scenario() -> int:
        stop = asyncio.Event()
        with open_journal(site.journal, 0) as journal:
            pages = journal.connection.execute("PRAGMA page_count").fetchone()[0]
            journal.connection.execute(f"PRAGMA max_page_count = {pages}")
            running = asyncio.create_task(Gateway(site, journal, stop).run())
            while "nothing is lost, trying again" not in caplog.text and not running.done():
                await asyncio.sleep(0.01)
            stop.set()
            return await running

    caplog.set_level("INFO", "inversion.gateway")
    site = load_site(write_site(tmp_path, stop_s=0.1))
    assert asyncio.run(scenario()) == 1
    assert "database or disk is full; nothing is lost, trying again" in caplog.text
    assert "stopped before the last frames were journalled" in caplog.text


def test_two_gateways_on_one_journal_the_second_is_refused(tmp_path):
    site = load_site(write_site(tmp_path))
    with open_journal(site.journal, 0), pytest.raises(JournalError, match="another gateway writes this journal"):
        run(site)


def test_a_pipeline_that_cannot_be_built_is_the_configurations_line(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 50"))
    with pytest.raises(ConfigurationError, match=r"tone.toml:17: alarm.0.limit: must lie inside the range of level"):
        run(load_site(path))


def test_a_bad_frame_is_a_finding_that_says_so(tmp_path):
    bad = frame(0)
    bad = type(bad)(bad.asset, 0, False, {"other": bad.channels["vibration"]}, "device", None)
    site = site_with(write_site(tmp_path), sources=(ScriptedSource([[bad, frame(1)]]),))
    assert run(site) == 0
    findings, _ = journalled(site)
    assert [finding["fit"]["quality"] for finding in findings] == ["bad", "good"]
    assert "channel vibration is missing" in findings[0]["fit"]["reason"]
