"""A running gateway shows its metrics and its health over HTTP, and says in one line where it cannot."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request

import pytest
from gateway_site import ScriptedSink, ScriptedSource, frame, site_with, write_site

from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.observe.options import ObserveOptions
from sensors import SourceUnavailable


def get(port: int, path: str, host: str = "localhost") -> tuple[int, str]:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def observed_site(tmp_path, port, *acts):
    changes = {"sources": (ScriptedSource(list(acts)),), "sinks": {"there": ScriptedSink()}}
    return site_with(write_site(tmp_path), **changes, observe=ObserveOptions(f"127.0.0.1:{port}"))


def test_a_gateway_that_has_lost_a_device_is_healthy_but_not_ready(acme, tmp_path, port):
    stop = asyncio.Event()
    lost = [[frame(i) for i in range(3)] + [SourceUnavailable("unplugged")]] + [
        [SourceUnavailable("unplugged")]
    ] * 10_000
    site = observed_site(tmp_path, port, *lost)

    async def watched() -> dict[str, tuple[int, str]]:
        running = asyncio.create_task(run_gateway(site, stop))
        async with asyncio.timeout(60):
            while True:
                try:
                    ready = await asyncio.to_thread(get, port, "/readyz")
                    rebound = await asyncio.to_thread(get, port, "/metrics", f"evil.example:{port}")
                    pages = {path: await asyncio.to_thread(get, port, path) for path in ("/metrics", "/healthz")}
                except OSError:
                    continue  # it does not listen yet
                told = pages["/metrics"][1]
                delivered = 'stage="deliver there"' in told  # which comes some time after the finding
                if ready[0] == 503 and delivered and 'findings_total{asset="fan",quality="good"} 3' in told:
                    break
        stop.set()
        assert await running == 0
        return pages | {"/readyz": ready, "rebound": rebound}

    pages = asyncio.run(watched())
    assert pages["/readyz"] == (503, "source: gone\n")
    assert pages["/healthz"] == (200, "ok\n")
    assert pages["rebound"] == (421, "meant for another host\n")
    assert 'inversion_observe_refused_total{why="host"} ' in pages["/metrics"][1]
    told = pages["/metrics"][1]
    assert 'inversion_frames_total{asset="fan"} 3' in told
    assert 'inversion_events_total{kind="source_gone"} 1' in told
    for stage in ("invert", "judge", "commit", "deliver there"):
        assert f'inversion_stage_seconds_count{{stage="{stage}"}}' in told
    assert "inversion_clock_trusted " in told
    assert "inversion_disk_free_bytes " in told
    assert 'inversion_memory_bytes{process="worker"}' in told


def test_a_place_that_is_taken_is_said_and_stops_nothing(acme, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        site = observed_site(tmp_path, taken.getsockname()[1], [frame(0)])
        assert asyncio.run(run_gateway(site, asyncio.Event())) == 0
    with open_journal(site.journal, 0) as journal:
        [event] = [each for each in journal.events() if each.kind == "not_observed"]
    assert "cannot listen at 127.0.0.1" in event.text
