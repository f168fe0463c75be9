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
_SPARED = "Frames that came while workers were lost again and again, and were measured only."
_IN_FORCE = "Whether the worker is kept within the limits that were asked for."


@dataclass(frozen=True)
class Snapshot:
    """How a gateway is now.

    step: of degradation, "full" where there is none; gone: names of sources that are asked again from time to time
    requests: how often what happened to the requests of sources, by asset and kind
    template_pid: of what workers are forked from
    not_inverted: frames that came while workers were spared
    limited: whether the worker is kept within the limits that were asked for; None where none were
    certificates: who uses which, and for how many days it is valid yet
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
    clock_trusted: bool = False
    clock_steps: int = 0
    certificates: Sequence[tuple[Mapping[str, str], float]] = ()
    template_pid: int | None = None
    limited: bool | None = None
    not_inverted: int = 0
    requests: Mapping[tuple[str, str], int] = field(default_factory=dict)


Look = Callable[[], Awaitable[Snapshot]]


def pages(look: Look, tally: Tally) -> dict[str, Callable[[], Awaitable[Answer]]]:
    """/metrics, /healthz (this process does what it is for) and /readyz (and all of its parts are there)."""

    async def metrics() -> Answer:
        return Answer(200, text([*_of_snapshot(await look()), *_of_tally(tally)]), CONTENT_TYPE)

    async def healthy() -> Answer:
        now = await look()
        return Answer(200, "ok\n" + _remark(now)) if now.flowing else Answer(503, "frames are not answered\n")

    async def ready() -> Answer:
        now = await look()
        remark = _remark(now)
        problems = "".join(f"{each}\n" for each in _problems(now))
        return Answer(503, problems + remark) if problems else Answer(200, "ok\n" + remark)

    return {"/metrics": metrics, "/healthz": healthy, "/readyz": ready}


def _remark(now: Snapshot) -> str:
    return "limits: not in force\n" if now.limited is False else ""


def _problems(now: Snapshot) -> Iterable[str]:
    if not now.flowing:
        yield "frames are not answered"
    if now.step != _WHOLE:
        yield f"degraded: {now.step}"
    for name in now.gone:
        yield f"{name}: gone"


def _gauge(name: str, meaning: str, *values: tuple[Mapping[str, str], float | None]) -> Metric:
    return Metric(f"inversion_{name}", "gauge", meaning, values)


def _of_snapshot(now: Snapshot) -> list[Metric]:
    found = [*_of_gateway(now), *_of_box(now), *_of_sinks(now.standings)]
    if now.requests:
        values = tuple(({"asset": a, "kind": kind}, float(n)) for (a, kind), n in now.requests.items())
        found.append(Metric("inversion_requests_total", "counter", "What happened to requests of devices.", values))
    if now.certificates:
        meaning = "Until a certificate expires; below zero it has."
        found.append(_gauge("certificate_days_left", meaning, *now.certificates))
    return found if now.usage is None else [*found, *_of_limits(now.usage)]


def _of_gateway(now: Snapshot) -> list[Metric]:
    here, degraded = {"site": now.site}, float(now.step != _WHOLE)
    gone, there = float(len(now.gone)), float(now.sources - len(now.gone))
    quiet = [({"asset": asset}, (time.monotonic_ns() - heard) / 1e9) for asset, heard in now.heard.items()]
    return [
        _gauge("up", "This gateway runs.", (here, 1.0)),
        _gauge("start_time_seconds", "When it was started.", (here, now.started_s)),
        _gauge("degraded", "Whether less than everything is done, and what.", ({"step": now.step}, degraded)),
        *([] if now.limited is None else [_gauge("limits_in_force", _IN_FORCE, ({}, float(now.limited)))]),
        Metric("inversion_frames_not_inverted_total", "counter", _SPARED, (({}, float(now.not_inverted)),)),
        _gauge("queue_frames", "Frames that wait for the worker.", ({}, float(now.waiting))),
        _gauge("sources", "Sources by state.", ({"state": "gone"}, gone), ({"state": "there"}, there)),
        _gauge("quiet_seconds", "Since a frame of the asset came last.", *quiet),
    ]


def _of_box(now: Snapshot) -> list[Metric]:
    others = (("template", now.template_pid), ("worker", now.worker_pid))
    processes = [("gateway", os.getpid()), *((name, pid) for name, pid in others if pid is not None)]
    memory = [({"process": name}, vitals.memory_bytes(pid)) for name, pid in processes]
    written: tuple[tuple[Mapping[str, str], float | None], ...] = (({}, vitals.written_bytes(os.getpid())),)
    files = [({"process": name}, vitals.open_files(pid)) for name, pid in processes]
    return [
        _gauge("memory_bytes", "Resident memory.", *memory),
        _gauge("open_files", "File descriptors.", *files),
        Metric("inversion_written_bytes_total", "counter", "Written to devices by the gateway: flash wears.", written),
        _gauge("journal_bytes", "The journal on the disk.", ({}, float(now.journal_bytes))),
        _gauge("disk_free_bytes", "Room on the disk of the journal.", ({}, vitals.free_bytes(now.journal))),
        _gauge("clock_trusted", "Whether the clock is synchronized.", ({}, float(now.clock_trusted))),
        Metric("inversion_clock_steps_total", "counter", "How often it was set.", (({}, float(now.clock_steps)),)),
        _gauge("cpu_celsius", "The hottest thermal zone.", ({}, vitals.cpu_celsius())),
    ]


def _of_sinks(standings: Sequence[Standing]) -> list[Metric]:
    def each(name: str, kind: str, meaning: str, attribute: str) -> Metric:
        values = tuple(({"sink": one.sink}, float(getattr(one, attribute))) for one in standings)
        return Metric(f"inversion_sink_{name}", kind, meaning, values)

    return [
        each("produced_total", "counter", "Records for the sink: delivered + buffered + dropped.", "produced"),
        each("delivered_total", "counter", "Records that the sink has.", "delivered"),
        each("buffered", "gauge", "Records that wait in the journal.", "buffered"),
        each("dropped_total", "counter", "Records that went before the sink had them.", "dropped"),
    ]


def _of_limits(usage: Usage) -> list[Metric]:
    counted = (
        ("periods", "Periods of the CPU quota.", usage.periods),
        ("throttled", "Periods in which the worker stood still.", usage.throttled),
        ("throttled_seconds", "Time that it stood still.", usage.throttled_s),
        ("oom_kills", "Workers that needed more memory than their limit.", usage.oom_kills),
    )
    told = {"cpu": usage.cpu_pressure, "memory": usage.memory_pressure, "io": usage.io_pressure}
    pressure = tuple(({"resource": name}, share) for name, share in told.items())
    return [
        *(Metric(f"inversion_limit_{name}_total", "counter", told, (({}, n),)) for name, told, n in counted),
        _gauge("limit_memory_peak_bytes", "Most memory that the worker's group had.", ({}, usage.peak_bytes)),
        _gauge("limit_pressure", "Share of the last 10 s in which something waited (PSI).", *pressure),
    ]


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
        Metric(
            "inversion_observe_refused_total",
            "counter",
            "Requests for these pages that were refused or cut off.",
            tuple(({"why": why}, n) for why, n in tally.refusals.items()),
        ),
        Times(
            "inversion_stage_seconds",
            "How long each stage took.",
            tuple(({"stage": s}, h) for s, h in tally.stages.items()),
        ),
    ]
