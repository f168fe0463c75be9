"""Sinks that are asked, served from a thread of their own, and what they are told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

from inversion.app.journal import Entry

UNIT = {"level": 0.9, "unit": "mm", "floor": 0.7}


def parameter(mean=3.2, low=3.0, high=3.4, resolvable=True):
    return {"mean": mean, "low": low, "high": high, "resolvable": resolvable, **UNIT}


def finding(number=1, asset="fan 3", quality="good", alarm="normal", ago_s=0.0, **parameters):
    """A record of a finding, made so many seconds ago."""
    body = {
        "asset": asset,
        "start": "2026-11-21T05:00:00.000000000Z",
        "start_ns": 1_795_237_200_000_000_000,
        "clock_trusted": True,
        "duration_s": 1.0,
        "source": "device",
        "position": None,
        "engine": "least_squares",
        "parameters": parameters or {"outer_spall": parameter()},
        "track": None,
        "fit": {"quality": quality, "reduced_chi2": 1.0, "reason": ""},
        "network": None,
        "alarms": [
            {
                "name": "too wide", "parameter": "outer_spall", "side": "above", "limit": 3.0, "unit": "mm",
                "probability": 0.9, "state": alarm, "since_ns": 0, "severity": "alarm",
            }
        ],
    }  # fmt: skip
    return Entry(number, "finding", asset, number, "a1b2", time.time_ns() - int(ago_s * 1e9), body)


def change(
    to, number=2, asset="fan 3", alarm="too wide", severity="alarm", announced=True, before="normal", by="process"
):
    """A record of a change of an alarm."""
    text = f"{asset}: {alarm}: {before} -> {to}"
    body = {
        "asset": asset, "alarm": alarm, "time": "2026-11-21T05:00:00Z", "time_ns": 0, "from": before, "to": to,
        "by": by, "comment": "", "announced": announced, "until_ns": None, "text": text, "severity": severity,
        "parameter": "outer_spall", "side": "above", "limit": 3.0, "unit": "mm", "probability": 0.97,
        "value": {key: parameter()[key] for key in ("mean", "low", "high", "level", "unit", "resolvable")},
    }  # fmt: skip
    return Entry(number, "alarm", asset, number, "a1b2", time.time_ns(), body)


class Served:
    """A sink that is open; `tell` gives it records."""

    def __init__(self, sink, loop):
        self.sink, self._loop = sink, loop

    def tell(self, *entries):
        self.do(self.sink.write_records(entries))

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


@contextmanager
def serving(sink, last=(), cycles=None):
    """The sink, open in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = Served(sink, loop)
    try:
        served.do(sink.open(last, cycles or {}))
        try:
            yield served
        finally:
            served.do(sink.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
