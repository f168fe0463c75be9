"""A gateway shows how it is: in a form that Prometheus reads, to this machine alone, whoever asks and however badly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inversion.app.journal import Standing
from inversion.app.limits.group import Usage
from inversion.app.observe.host import is_ours
from inversion.app.observe.options import ObserveOptions
from inversion.app.observe.report import Snapshot, pages
from inversion.app.observe.server import Answer, observed
from inversion.app.observe.tally import Tally

HERE = ("127.0.0.1", 0)


def snapshot(**changes) -> Snapshot:
    usual = {
        "site": "plant", "step": "full", "flowing": True, "worker_pid": None, "waiting": 3, "sources": 2, "gone": [],
        "heard": {'fan "3"\n': 0}, "standings": [Standing("jsonl", 10, 6, 3, 1)], "journal": Path("plant.journal"),
        "journal_bytes": 4096, "usage": Usage(10, 4, 0.5, 2**20, 1),
    }  # fmt: skip
    return Snapshot(**usual | changes)


def page(path: str, tally: Tally | None = None, **changes) -> Answer:
    async def look() -> Snapshot:
        return snapshot(**changes)

    return asyncio.run(pages(look, tally or Tally())[path]())


def samples(tally: Tally | None = None, **changes) -> dict:
    """(name, labels) to value, as Prometheus' own parser reads it."""
    families = text_string_to_metric_families(page("/metrics", tally, **changes).text)
    return {(each.name, tuple(each.labels.items())): each.value for family in families for each in family.samples}


def test_what_is_produced_is_delivered_buffered_or_dropped():
    found = samples()
    sink = (("sink", "jsonl"),)
    parts = ("delivered_total", "buffered", "dropped_total")
    assert [found[f"inversion_sink_{part}", sink] for part in parts] == [6, 3, 1]
    assert found["inversion_sink_produced_total", sink] == sum(found[f"inversion_sink_{part}", sink] for part in parts)


def test_limits_that_are_not_in_force_are_told_in_every_status():
    assert page("/readyz", limited=False).text == "ok\nlimits: not in force\n"
    assert page("/healthz", limited=False).text == "ok\nlimits: not in force\n"
    assert page("/readyz", limited=False, gone=["source"]).text == "source: gone\nlimits: not in force\n"
    assert page("/readyz", limited=True).text == page("/readyz").text == "ok\n"
    assert samples(limited=False)["inversion_limits_in_force", ()] == 0
    assert ("inversion_limits_in_force", ()) not in samples()


def test_what_happened_to_requests_is_told_by_asset_and_kind():
    found = samples(requests={("fan", "time-outs"): 2, ("fan", "checksum"): 1})
    assert found["inversion_requests_total", (("asset", "fan"), ("kind", "time-outs"))] == 2
    assert found["inversion_requests_total", (("asset", "fan"), ("kind", "checksum"))] == 1


def test_counts_times_and_hostile_names_survive_the_parser():
    tally = Tally()
    for asset in ('fan "3"\n', "b\\", "b\\"):
        tally.frame(asset)
    tally.event("worker_lost")
    tally.finding("b\\", "good")
    with tally.timed("invert"):
        pass
    found = samples(tally)
    assert found["inversion_frames_total", (("asset", 'fan "3"\n'),)] == 1
    assert found["inversion_frames_total", (("asset", "b\\"),)] == 2
    assert found["inversion_events_total", (("kind", "worker_lost"),)] == 1
    assert found["inversion_findings_total", (("asset", "b\\"), ("quality", "good"))] == 1
    assert found["inversion_stage_seconds_bucket", (("stage", "invert"), ("le", "+Inf"))] == 1
    assert found["inversion_stage_seconds_count", (("stage", "invert"),)] == 1
    assert found["inversion_limit_oom_kills_total", ()] == 1


def test_what_is_not_known_is_left_out():
    found = samples(usage=None)
    assert not [name for name, _ in found if name.startswith("inversion_limit")]


def test_names_without_end_are_counted_together():
    tally = Tally()
    for i in range(1500):
        tally.frame(f"asset {i}")
    assert len(tally.frames) == 1001
    assert sum(tally.frames.values()) == 1500


@pytest.mark.parametrize(
    ("changes", "healthy", "told"),
    [
        ({}, 200, ""),
        ({"gone": ["source.1"]}, 200, "source.1: gone"),
        ({"step": "lite"}, 200, "degraded: lite"),
        ({"flowing": False}, 503, "frames are not answered"),
    ],
)
def test_ready_says_what_is_missing_and_healthy_whether_a_restart_would_help(changes, healthy, told):
    ready = page("/readyz", **changes)
    assert (ready.status, ready.text.strip()) == ((503, told) if told else (200, "ok"))
    assert page("/healthz", **changes).status == healthy


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def page_of(text: str) -> Answer:
    return Answer(200, text)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
        (b"GET /metrics?x=1 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", b"200"),
        (b"GET /metrics HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /secret HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"\xff\xfe \x00 HTTP/1.0\r\n\r\n", b"405"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost : localhost\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n", b"421"),
        (b"GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"POST /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET /metrics HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n", b"421"),
        (b"GET /metrics HTTP/1.1\r\nHost:\r\n\r\n", b"421"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
def test_every_request_has_an_answer(request_bytes, status):
    async def asked() -> bytes:
        async with observed(HERE, {"/metrics": lambda: page_of("x 1\n")}) as port:
            return await ask(port, request_bytes)

    assert asyncio.run(asked()).split(b" ")[1] == status


METRICS = b"GET /metrics HTTP/1.0\r\n\r\n"


async def served_again(port: int) -> None:
    """Asks until there is room for one more."""
    async with asyncio.timeout(20):
        while b" 200 " not in await ask(port, METRICS):
            pass


def test_who_drips_or_comes_in_crowds_is_cut_off_and_others_are_served(caplog):
    async def attacked() -> None:
        async with observed(HERE, {"/metrics": lambda: page_of("x 1\n")}, patience_s=0.3) as port:
            async with asyncio.TaskGroup() as crowd:
                asked = [crowd.create_task(ask(port, b"GET /met")) for _ in range(40)]
            assert {each.result() for each in asked} == {b""}
            await served_again(port)

    asyncio.run(attacked())
    said = [record.getMessage() for record in caplog.records]
    assert sorted(said) == [
        "observe: a client took longer than 0.3 s: it was cut off (said once)",
        "observe: more than 16 clients at a time: one was refused (said once)",
    ]


def test_a_request_without_end_is_refused(caplog):
    async def attacked() -> None:
        async with observed(HERE, {"/metrics": lambda: page_of("x 1\n")}) as port:
            for _ in range(3):
                assert b" 200 " not in await ask(port, b"GET /" + b"x" * 100_000)
            assert b" 200 " in await ask(port, METRICS)

    asyncio.run(attacked())
    said = [record.getMessage() for record in caplog.records]
    assert said == ["observe: a request was longer than 8192 bytes: it was refused (said once)"]


def test_those_who_never_read_are_cut_off():
    async def attacked() -> None:
        huge = {"/huge": lambda: page_of("x" * 20_000_000), "/metrics": lambda: page_of("x 1\n")}
        async with observed(HERE, huge, patience_s=0.3) as port:
            idle = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(16)]
            for _, writer in idle:
                writer.write(b"GET /huge HTTP/1.0\r\n\r\n")
            await served_again(port)
            for _, writer in idle:
                writer.close()

    asyncio.run(attacked())


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True),
        ("LocalHost.:9464", True),
        ("127.0.0.1", True),
        ("127.0.0.1:80", True),
        ("127.1.2.3:9464", True),
        ("[::1]:9464", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("gateway.plant.example:443", True),
        ("GATEWAY.plant.example", True),
        ("192.0.2.5", True),
        ("evil.example:9464", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example@localhost", False),
        ("localhost:9464, evil.example", False),
        ("localhost:http", False),
        ("localhost:", False),
        ("0.0.0.0:9464", False),
        ("192.0.2.6", False),
        ("[::]", False),
        ("[fe80::1]:9464", False),
        ("plant.example", False),
        ("", False),
    ],
)
def test_only_what_names_this_machine_is_meant_for_it(host, ours):
    assert is_ours(host, ObserveOptions(hosts=("Gateway.plant.example", "192.0.2.5")).names) is ours


@pytest.mark.parametrize("name", ["https://gateway.example", "gateway.example:443", "*", "*.plant.example", "", "a b"])
def test_a_host_that_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="hosts must be the name or address of a host"):
        ObserveOptions("127.0.0.1:9464", (name,))


def test_who_asks_for_another_host_is_refused_counted_and_logged_once(caplog):
    tally = Tally()

    async def rebound() -> list[bytes]:
        pages = {"/metrics": lambda: page_of("secret\n")}
        async with observed(HERE, pages, ("proxy.example",), tally.refusal) as port:
            hosts = [b"evil\x1b[2J.example", b"other.example", b"proxy.example"]
            return [await ask(port, b"GET /metrics HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") for host in hosts]

    *refused, passed = asyncio.run(rebound())
    assert [(told.split(b" ")[1], b"secret" in told) for told in refused] == [(b"421", False)] * 2
    assert passed.endswith(b"secret\n")
    (said,) = [record.getMessage() for record in caplog.records]
    assert "meant for 'evil\\x1b[2J.example'" in said
    assert samples(tally)["inversion_observe_refused_total", (("why", "host"),)] == 2


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("9464", "must be ADDRESS:PORT"),
        ("127.0.0.1:http", "must be ADDRESS:PORT"),
        ("0.0.0.0:9464", "must be an address of this machine alone"),
        ("[::]:9464", "must be an address of this machine alone"),
        ("192.0.2.1:9464", "must be an address of this machine alone"),
        ("127.0.0.1:99999", "must have a port from 0 to 65535"),
    ],
)
def test_no_other_machine_can_be_let_in(listen, message):
    with pytest.raises(ValueError, match=message):
        ObserveOptions(listen)


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "localhost:9464", "[::1]:9464"])
def test_this_machine_can(listen):
    assert ObserveOptions(listen).place[1] == 9464
