"""What a service manager is told, and that the watchdog is fed only while frames flow."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass, field

import pytest

from inversion.app.systemd import Systemd, notify


@dataclass
class Queue:
    waiting: int = 0
    in_hand: bool = False
    heard: dict = field(default_factory=dict)


@dataclass
class Waits:
    waits: bool = False


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        yield line, {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000"}


def heard(line) -> list[str]:
    told = []
    while True:
        try:
            told.append(line.recv(100).decode())
        except BlockingIOError:
            return told


def test_the_words_of_the_protocol(manager):
    line, environment = manager
    one = Systemd(Queue(), [], environment)
    one.ready()
    one.reloading()
    one.ready()
    one.stopping()
    told = heard(line)
    assert [words.split("\n")[0] for words in told] == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert told[1].split("\n")[1].startswith("MONOTONIC_USEC=")


def test_where_there_is_no_manager_nothing_happens(tmp_path):
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "absent")})
    assert fed((None, {}), Systemd(Queue(), [], {}, often_s=0.001)) == 0


def test_without_a_manager_it_is_judged_all_the_same():
    one = Systemd(Queue(in_hand=True), [], {}, often_s=0.001)
    assert one.well
    fed((None, {}), one)
    assert not one.well
    one.answered()
    fed((None, {}), one, rounds=0)
    assert one.well


def fed(manager, one: Systemd, rounds: int = 4) -> int:
    async def some() -> None:
        feeding = asyncio.ensure_future(one.feed())
        await asyncio.sleep(0.01 * rounds)
        feeding.cancel()

    asyncio.run(some())
    return len(heard(manager[0])) if manager[0] is not None else 0


def test_a_gateway_that_waits_for_frames_is_well(manager):
    assert fed(manager, Systemd(Queue(), [], manager[1])) >= 2


def test_frames_that_nobody_answers_starve_the_watchdog(manager):
    assert fed(manager, Systemd(Queue(waiting=3), [], manager[1])) == 0
    assert fed(manager, Systemd(Queue(in_hand=True), [], manager[1])) == 0


def test_an_answer_feeds_it_once(manager):
    one = Systemd(Queue(in_hand=True), [], manager[1])
    one.answered()
    assert fed(manager, one) == 1


def test_a_source_that_says_nothing_for_long_starves_it_unless_its_device_is_gone(manager):
    silent = Queue(heard={"fan": -2_000_000_000_000_000})
    assert fed(manager, Systemd(silent, [Waits()], manager[1])) == 0
    assert fed(manager, Systemd(silent, [Waits(True)], manager[1])) >= 2


def test_a_source_that_is_slow_by_its_own_account_is_awaited_three_times_as_long(manager):
    def heard_before(seconds: float) -> Queue:
        return Queue(heard={"fan": time.monotonic_ns() - int(seconds * 1e9)})

    assert not Systemd(heard_before(3000.0), [Waits()], manager[1]).flowing
    assert Systemd(heard_before(3000.0), [Waits()], manager[1], pace_s=3600.0).flowing
    assert not Systemd(heard_before(10_900.0), [Waits()], manager[1], pace_s=3600.0).flowing
    assert Systemd(heard_before(800.0), [Waits()], manager[1], pace_s=1.0).flowing
