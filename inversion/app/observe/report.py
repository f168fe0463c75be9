"""What a gateway is asked for its metrics and its health."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inversion.app.journal import Standing
from inversion.app.limits.group import Usage
from inversion.app.observe import vitals
from inversion.app.observe.exposition import CONTENT_TYPE, Metric, Times, text
from inversion.app.observe.server import Answer
from inversion.app.observe.tally import Tally

_WHOLE = "full"


@dataclass(frozen=True)
class Snapshot:
    """How a gateway is now.

    step: of degradation, "full" where there is none; gone: names of sources that are asked again from time to time
    requests: how often what happened to the requests of sources, by asset and kind
    heard: monotonic ns at which a frame of each asset came last; flowing: whether frames that come are answered
    """

    site: str
    step: str
    flowing: bool
    worker_pid: int | None
    waiting: int
    sources: int
    gone: Sequence[str]
    heard: Mapping[str, int]
    standings: Sequence[Standing]
    journal: Path
    journal_bytes: int
    usage: Usage | None
    started_s: float = 0.0
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)


Look = Callable[[], Awaitable[Snapshot]]


def pages(look: Look, tally: Tally) -> dict[str, Callable[[], Awaitable[Answer]]]:
    """/metrics, /healthz (this process does what it is for) and /readyz (and all of its parts are there)."""

    async def metrics() -> Answer:
        return Answer(200, text([*_of_snapshot(await look()), *_of_tally(tally)]), CONTENT_TYPE)

    async def healthy() -> Answer:
        now = await look()
        return Answer(200, "ok\n") if now.flowing else Answer(503, "frames are not answered\n")

    async def ready() -> Answer:
        problems = list(_problems(await look()))
        return Answer(503, "".join(f"{each}\n" for each in problems)) if problems else Answer(200, "ok\n")

    return {"/metrics": metrics, "/healthz": healthy, "/readyz": ready}


def _problems(now: Snapshot) -> Iterable[str]:
    if not now.flowing:
        yield "frames are not answered"
    if now.step != _WHOLE:
        yield f"degraded: {now.step}"
    for name in now.gone:
        yield f"{name}: gone"


def _of_snapshot(now: Snapshot) -> list[Metric]:
    here, alone = {"site": now.site}, os.getpid()
    processes = [("gateway", alone)] + ([("worker", now.worker_pid)] if now.worker_pid is not None else [])
    usage = now.usage or Usage()
    quiet = [({"asset": asset}, (time.monotonic_ns() - heard) / 1e9) for asset, heard in now.heard.items()]

    def gauge(name: str, meaning: str, *values: tuple[Mapping[str, str], float | None]) -> Metric:
        return Metric(f"inversion_{name}", "gauge", meaning, values)

    def sinks(name: str, kind: str, meaning: str, attribute: str) -> Metric:
        values = tuple(({"sink": each.sink}, float(getattr(each, attribute))) for each in now.standings)
        return Metric(f"inversion_sink_{name}", kind, meaning, values)

    found = [
        gauge("up", "This gateway runs.", (here, 1.0)),
        gauge("start_time_seconds", "When it was started.", (here, now.started_s)),
        gauge(
            "degraded",
            "Whether less than everything is done, and what.",
            ({"step": now.step}, float(now.step != _WHOLE)),
        ),
        gauge("queue_frames", "Frames that wait for the worker.", ({}, float(now.waiting))),
        gauge(
            "sources",
            "Sources by state.",
            ({"state": "gone"}, float(len(now.gone))),
            ({"state": "there"}, float(now.sources - len(now.gone))),
        ),
        gauge("quiet_seconds", "Since a frame of the asset came last.", *quiet),
        gauge(
            "memory_bytes",
            "Resident memory.",
            *(({"process": name}, vitals.memory_bytes(pid)) for name, pid in processes),
        ),
        gauge(
            "open_files", "File descriptors.", *(({"process": name}, vitals.open_files(pid)) for name, pid in processes)
        ),
        gauge("journal_bytes", "The journal on the disk.", ({}, float(now.journal_bytes))),
        gauge("disk_free_bytes", "Room on the disk of the journal.", ({}, vitals.free_bytes(now.journal))),
        gauge("cpu_celsius", "The hottest thermal zone.", ({}, vitals.cpu_celsius())),
        sinks("produced_total", "counter", "Records for the sink: delivered + buffered + dropped.", "produced"),
        sinks("delivered_total", "counter", "Records that the sink has.", "delivered"),
        sinks("buffered", "gauge", "Records that wait in the journal.", "buffered"),
        sinks("dropped_total", "counter", "Records that went before the sink had them.", "dropped"),
    ]
    if now.requests:
        values = tuple(({"asset": a, "kind": kind}, float(n)) for (a, kind), n in now.requests.items())
        found.append(Metric("inversion_requests_total", "counter", "What happened to requests of devices.", values))
    if now.usage is not None:
        found += [
            Metric("inversion_limit_periods_total", "counter", "Periods of the CPU quota.", (({}, usage.periods),)),
            Metric(
                "inversion_limit_throttled_total",
                "counter",
                "Periods in which the worker stood still.",
                (({}, usage.throttled),),
            ),
            Metric(
                "inversion_limit_throttled_seconds_total",
                "counter",
                "Time that it stood still.",
                (({}, usage.throttled_s),),
            ),
            Metric(
                "inversion_limit_oom_kills_total",
                "counter",
                "Workers that needed more memory than their limit.",
                (({}, usage.oom_kills),),
            ),
            gauge("limit_memory_peak_bytes", "Most memory that the worker's group had.", ({}, usage.peak_bytes)),
            gauge(
                "limit_pressure",
                "Share of the last 10 s in which something waited (PSI).",
                ({"resource": "cpu"}, usage.cpu_pressure),
                ({"resource": "memory"}, usage.memory_pressure),
            ),
        ]
    return found


def _of_tally(tally: Tally) -> list[Metric | Times]:
    return [
        Metric(
            "inversion_frames_total",
            "counter",
            "Frames that came.",
            tuple(({"asset": a}, n) for a, n in tally.frames.items()),
        ),
        Metric(
            "inversion_findings_total",
            "counter",
            "Findings by quality.",
            tuple(({"asset": a, "quality": q}, n) for (a, q), n in tally.findings.items()),
        ),
        Metric(
            "inversion_events_total",
            "counter",
            "Events by kind.",
            tuple(({"kind": k}, n) for k, n in tally.events.items()),
        ),
        Times(
            "inversion_stage_seconds",
            "How long each stage took.",
            tuple(({"stage": s}, h) for s, h in tally.stages.items()),
        ),
    ]
