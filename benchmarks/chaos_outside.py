"""Blows from outside of a gateway: its clock is set, its broker goes and comes back. Part of `benchmarks.chaos`.

The clock of this computer is left alone: the gateway's processes read one that a test sets (`sitecustomize` adds what a
file says to the wall clock). A real clock is set in `tests/hosts/test_set_clock.py`.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from benchmarks.chaos_box import RECORDED, Box, in_order, live, unbalanced
from inversion.app.clock.correct import KIND
from inversion.app.journal import Entry, open_journal

BROKER = """
[[sink]]
use = "mqtt"
host = "127.0.0.1"
port = {port}
prefix = "chaos"
timeout_s = 2.0
"""
#: What a Python process runs before anything else: the wall clock, and what the file says in ns.
_SET = """
import struct, time
from pathlib import Path
_file, _ns = Path({path!r}), time.time_ns
def time_ns():
    return _ns() + struct.unpack("<q", _file.read_bytes())[0]
time.time_ns = time_ns
time.time = lambda: time_ns() / 1e9
"""
_STEP_NS = 600_000_000_000
_ON_THE_WAY = 20  # findings that may have been stamped before a step


def strike_clock(plugins: Path, seed: int) -> tuple[float, list[str]]:
    """Ten minutes back or forward, some times, under load: seconds until the next finding, and what is wrong."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="inversion-chaos-") as folder:
        clock = SetClock(Path(folder) / "clock")
        box = Box(Path(folder), plugins, live("chaos", 0.004), str(clock.folder))
        box.start()
        box.more_lines(rng.randrange(5, 80))
        steps, seconds = rng.randrange(2, 5), 0.0
        for _ in range(steps):
            began = time.monotonic()
            clock.set(rng.choice((-_STEP_NS, _STEP_NS)))
            box.more_lines(_ON_THE_WAY)
            seconds = max(seconds, time.monotonic() - began)
        wrong = [] if box.stop() == 0 else ["the gateway did not end well"]
        return seconds, wrong + clock_wrong(box.journal, [json.loads(line) for line in box.lines()], steps)


def strike_broker(plugins: Path, seed: int) -> tuple[float, list[str]]:
    """Away, back, away: seconds until the subscriber has something new, and what is wrong."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="inversion-chaos-") as name:
        folder, port = Path(name), free_port()
        with broker(folder, port) as switch:
            switch(True)
            subscriber = Subscriber(port)
            try:
                box = Box(folder, plugins, RECORDED + BROKER.format(port=port))
                box.until(subscriber.subscribed.is_set, "a subscription")
                box.start()
                box.until(lambda: len(subscriber.names) > rng.randrange(1, 60), "records at the broker")
                outages = flap(switch, rng)
                began, had = time.monotonic(), len(subscriber.names)
                box.until(lambda: len(subscriber.names) > had, "new records at the broker")
                seconds = time.monotonic() - began
                wrong = [] if box.stop() == 0 else ["the gateway did not end well"]
                return seconds, wrong + broker_wrong(box.journal, subscriber, outages)
            finally:
                subscriber.close()


#: By name, what strikes and judges; the rest stands in `benchmarks.chaos`.
OUTSIDE: dict[str, Callable[[Path, int], tuple[float, list[str]]]] = {
    "clock set ten minutes back and forward": strike_clock,
    "broker down, up, flapping": strike_broker,
}


class SetClock:
    """A wall clock for processes that have `folder` on their path."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self._file = folder, folder / "offset"
        self._ns = 0
        self.set(0)
        (folder / "sitecustomize.py").write_text(_SET.format(path=str(self._file)))

    def set(self, by_ns: int) -> None:
        """Forward or back."""
        self._ns += by_ns
        beside = self._file.with_suffix(".new")
        beside.write_bytes(struct.pack("<q", self._ns))
        beside.rename(self._file)


def clock_wrong(journal: Path, lines: list[dict], steps: int) -> list[str]:
    """What is wrong after a clock was set so often under load: lost, out of order, twice, or an alarm too early."""
    with open_journal(journal, 0) as opened:
        entries, wrong = opened.after(0, 1_000_000), unbalanced(opened)
    findings = [entry.body for entry in entries if entry.kind == "finding"]
    for what, told in (("journal", findings), ("sink", lines)):
        if not in_order(told):
            wrong.append(f"the {what} has lost, doubled or reordered windows")
    if any(b["monotonic_ns"] <= a["monotonic_ns"] for a, b in pairwise(findings)):
        wrong.append("monotonic times run backward")
    if any(alarm["state"] != "pending" for body in findings[1:] for alarm in body["alarms"]):
        wrong.append("an alarm did not wait for its delay")
    told_steps = sum(entry.body.get("kind") == KIND and "set " in entry.body["text"] for entry in entries)
    return wrong if told_steps == steps else [*wrong, f"{told_steps} of {steps} steps were told"]


@contextmanager
def broker(folder: Path, port: int) -> Iterator[Callable[[bool], None]]:
    """Debian's mosquitto, which is started and stopped by calling what this gives; it keeps what it has."""
    command = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        "max_queued_messages 0\nautosave_interval 1\nlog_type none\nuser root\n"
    )
    running: list[subprocess.Popen[bytes]] = []
    told = folder / "mosquitto.log"

    def switch(on: bool) -> None:
        if on and not running:
            with told.open("ab") as log:
                running.append(subprocess.Popen([command, "-c", str(settings)], stderr=log))
            _listening(port, told)
        elif not on and running:
            running[0].send_signal(signal.SIGTERM)
            running.pop().wait(30)

    try:
        yield switch
    finally:
        switch(False)


class Subscriber:
    """Counts the names of records that a broker gives it, over all its absences."""

    def __init__(self, port: int) -> None:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        self.names: Counter[tuple[str, str]] = Counter()
        self.subscribed = threading.Event()
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 3600
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="judge", protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("chaos/#", qos=1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self._client.loop_start()

    def _take(self, client: object, data: object, message: object) -> None:
        properties = dict(getattr(getattr(message, "properties", None), "UserProperty", []))
        if "sequence" in properties and not getattr(message, "retain", False):
            self.names[properties["asset"], properties["sequence"]] += 1

    def close(self) -> None:
        """Ends the session."""
        self._client.disconnect()
        self._client.loop_stop()


def broker_wrong(journal: Path, subscriber: Subscriber, outages: int) -> list[str]:
    """What is wrong after a broker was away so often: what counts as delivered and nobody has, or too often."""
    with open_journal(journal, 0) as opened:
        entries: list[Entry] = opened.after(0, 1_000_000)
        cursor, wrong = opened.cursor("mqtt"), unbalanced(opened)
    wanted = {(entry.asset, str(entry.sequence)) for entry in entries if entry.number <= cursor}
    end = time.monotonic() + 20
    while wanted - subscriber.names.keys() and time.monotonic() < end:
        time.sleep(0.05)
    missing = wanted - subscriber.names.keys()
    if missing:
        wrong.append(f"{len(missing)} of {len(wanted)} delivered records never came, one is {min(missing)}")
    twice = sum(count - 1 for count in subscriber.names.values())
    if twice > outages * 256:
        wrong.append(f"{twice} records came twice")
    return wrong


def flap(switch: Callable[[bool], None], rng: random.Random) -> int:
    """Down for a while, up, and then off and on in quick succession; how often it was down."""
    times = rng.randrange(2, 5)
    for _ in range(times):
        switch(False)
        time.sleep(rng.uniform(0.05, 0.6))
        switch(True)
        time.sleep(rng.uniform(0.05, 0.4))
    return times


def free_port() -> int:
    """Of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listening(port: int, told: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"mosquitto does not listen: {told.read_text(errors='replace')}")
