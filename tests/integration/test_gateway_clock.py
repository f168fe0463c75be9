"""A gateway on a box whose clock is not known at first, and is set: every finding once, in order, in time."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from gateway_site import ScriptedSink, site_with, write_site

from inversion.app.clock import Clock
from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from sensors import Frame, Waveform
from sensors.moments import monotonic_ns

pytestmark = pytest.mark.usefixtures("acme")
SECOND = 1_000_000_000
TRUE_NS = 1_790_000_000 * SECOND  # wall less monotonic clock


@dataclass
class Box:
    """A box that thinks it is 1970."""

    offset_ns: int = 0
    kept: bool = False

    @property
    def clock(self) -> Clock:
        return Clock(None, lambda: monotonic_ns() + self.offset_ns, kept=lambda: self.kept)


@dataclass
class LiveSource:
    """Each act is awaited after so many frames; `gate` lets the next go on."""

    box: Box
    acts: list
    between_s: float = 0.0
    asset: str = "fan"
    seen: list[int] = field(default_factory=list)

    async def frames(self):
        for count, act in self.acts:
            for _ in range(count):
                since_ns = monotonic_ns()
                self.seen.append(since_ns)
                channels = {"vibration": Waveform(np.full(100, 1.0, np.float32), 100.0, "m/s2")}
                yield Frame(self.asset, since_ns + self.box.offset_ns, True, channels, "device", None, since_ns)
                await asyncio.sleep(self.between_s)
            await act()


def gateway(tmp_path, box: Box, acts, sink: ScriptedSink, more: str = "") -> tuple[LiveSource, object]:
    source = LiveSource(box, acts)
    site = site_with(write_site(tmp_path, more=more), sources=(source,), sinks={"there": sink})
    assert asyncio.run(asyncio.wait_for(run_gateway(site, asyncio.Event(), clock=box.clock), 60)) == 0
    return source, site


async def reached(sink: ScriptedSink, count: int) -> None:
    sink.wanted = count
    if len(sink.taken) < count:
        await sink.enough.wait()


async def nothing() -> None:
    return


def entries(site) -> list:
    with open_journal(site.journal, 0) as journal:
        found = journal.after(0, 10_000)
        [standing] = journal.standings()
    assert standing.produced == standing.delivered + standing.buffered + standing.dropped
    return found


def test_findings_are_told_at_once_and_anew_once_the_time_is_known(tmp_path):
    box, sink = Box(), ScriptedSink()

    async def synchronize():
        await reached(sink, 3)
        box.offset_ns, box.kept = TRUE_NS, True

    source, site = gateway(tmp_path, box, [(3, synchronize), (2, nothing)], sink)
    assert ['"clock_trusted":true' in line for line in sink.taken] == [False] * 3 + [True] * 2
    assert sink.taken[0].startswith('{"asset":"fan","start":"1970-')
    found = entries(site)
    findings = [entry.body for entry in found if entry.kind == "finding"]
    assert [body["monotonic_ns"] for body in findings] == source.seen
    assert max(abs(body["start_ns"] - body["monotonic_ns"] - TRUE_NS) for body in findings) < SECOND // 100
    assert all(body["clock_trusted"] for body in findings)
    assert [body.get("revision") for body in findings] == [1, 1, 1, None, None]
    assert [entry.time_ns for entry in found] == sorted(entry.time_ns for entry in found)
    assert all(entry.time_ns > TRUE_NS for entry in found)
    texts = [entry.body["text"] for entry in found if entry.body.get("kind") == "clock"]
    assert texts[0] == "clock: not synchronized"
    assert texts[1].endswith("synchronized, times told since it was not are corrected")
    assert len(texts) == 2


def test_a_sink_that_was_dead_gets_the_times_as_they_are_known_when_it_is_back(tmp_path):
    box, sink = Box(), ScriptedSink([OSError("dead")] * 3)

    async def synchronize():
        box.offset_ns, box.kept = TRUE_NS, True

    gateway(tmp_path, box, [(3, synchronize), (1, synchronize)], sink)
    later = [line for line in sink.taken if '"revision":1' in line]
    assert all('"clock_trusted":true' in line and '"start":"20' in line for line in later)
    assert len(sink.taken) == 4


@pytest.mark.parametrize("step_s", [-600, 600])
def test_ten_minutes_back_or_forward_lose_nothing_and_raise_nothing_early(tmp_path, step_s):
    """An alarm with an on-delay of five minutes is not raised by a clock that is set ten minutes on."""
    box, sink = Box(TRUE_NS, True), ScriptedSink()

    async def step():
        await reached(sink, 5)
        box.offset_ns, box.kept = TRUE_NS + step_s * SECOND, False

    more = '[[alarm]]\nname = "loud for long"\nparameter = "level"\nlimit = 0.05\non_delay_s = 300\n'
    source, site = gateway(tmp_path, box, [(5, step), (5, step)], sink, more)
    found = entries(site)
    findings = [entry.body for entry in found if entry.kind == "finding"]
    assert [body["monotonic_ns"] for body in findings] == source.seen
    assert [entry.number for entry in found] == list(range(1, len(found) + 1))
    late = {name["state"] for body in findings for name in body["alarms"] if name["name"] == "loud for long"}
    assert late == {"pending"}
    words = f"clock: set {'forward' if step_s > 0 else 'back'} by 10.0 min, not synchronized"
    told = [entry.body["text"] for entry in found if entry.body.get("kind") == "clock"]
    assert told == ["clock: synchronized", words]
    assert [json.loads(line)["clock_trusted"] for line in sink.taken] == [True] * 5 + [False] * 5


def test_a_clock_far_ahead_makes_the_journal_forget_nothing(tmp_path):
    box = Box(TRUE_NS + 80 * 365 * 86_400 * SECOND, False)

    _, site = gateway(tmp_path, box, [(2, nothing)], ScriptedSink())
    _, site = gateway(tmp_path, Box(TRUE_NS, False), [(2, nothing)], ScriptedSink())
    assert sum(entry.kind == "finding" for entry in entries(site)) == 4


def test_the_time_that_a_look_at_the_clock_takes():
    box = Box()
    clock = box.clock
    began = time.perf_counter()
    for _ in range(1000):
        clock.look()
    assert time.perf_counter() - began < 1.0
