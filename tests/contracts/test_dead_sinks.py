"""What every sink must do: one that is dead slows no other, loses nothing, and says so once."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from gateway_site import ScriptedSource, frame, site_with, write_site

from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.sinks.apprise import AppriseSink
from inversion.app.sinks.console import ConsoleSink
from inversion.app.sinks.files import FilesSink
from inversion.app.sinks.jsonl import JsonLinesSink
from inversion.app.sinks.modbus_server import ModbusServerSink
from inversion.app.sinks.mqtt import MqttSink
from inversion.app.sinks.opcua import OpcUaSink
from inversion.app.sinks.syslog import SyslogSink
from inversion.app.sinks.webhook import WebhookSink

FRAMES = 12


def blocked(folder):
    """A path below what is a file: nothing can be written there."""
    (folder / "file").touch()
    return folder / "file" / "below"


def secret(folder, url):
    (folder / "destination").write_text(url)
    return folder / "destination"


DEAD = {
    "jsonl": lambda folder, port: JsonLinesSink(blocked(folder)),
    "files": lambda folder, port: FilesSink(blocked(folder)),
    "mqtt": lambda folder, port: MqttSink("127.0.0.1", port, timeout_s=0.3),
    "sparkplug": lambda folder, port: MqttSink(
        "127.0.0.1", port, timeout_s=0.3, sparkplug_group="a", sparkplug_node="b"
    ),
    "webhook": lambda folder, port: WebhookSink(f"http://127.0.0.1:{port}/", timeout_s=0.3),
    "syslog": lambda folder, port: SyslogSink(str(folder / "nobody")),
    "apprise": lambda folder, port: AppriseSink(url_file=secret(folder, f"json://127.0.0.1:{port}/?cto=0.3&rto=0.3")),
    "modbus_server": lambda folder, port: ModbusServerSink(("fan",), ("level",), listen=f"127.0.0.1:{port}"),
    "opcua": lambda folder, port: OpcUaSink(f"127.0.0.1:{port}"),
}


@pytest.mark.parametrize("name", DEAD)
def test_a_dead_sink_slows_no_other_and_loses_nothing(acme, tmp_path, name):
    """The port is taken by somebody who never answers; paths cannot be written."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = DEAD[name](tmp_path, silent.getsockname()[1])
        path = write_site(tmp_path, stop_s=1.0)
        acts = [*(frame(i, level=9.8) for i in range(FRAMES)), stop]
        site = site_with(path, sources=(ScriptedSource([acts]),))
        site = site_with(path, sources=site.sources, sinks={"dead": dead, **site.sinks})
        lines = tmp_path / "findings.jsonl"

        async def watched():
            running = asyncio.create_task(run_gateway(site, stop))
            async with asyncio.timeout(60):
                while not lines.exists() or lines.read_bytes().count(b"\n") < FRAMES:
                    await asyncio.sleep(0.01)
                while not noted(site.path.with_name("tone.journal")):
                    await asyncio.sleep(0.05)
            stop.set()
            await running

        asyncio.run(watched())
    assert len([json.loads(line) for line in lines.read_text().splitlines()]) == FRAMES
    with open_journal(site.journal, 0) as journal:
        standings = {each.sink: each for each in journal.standings()}
        failures = [event.text for event in journal.events() if event.kind == "sink_failed"]
    for each in standings.values():
        assert each.produced == each.delivered + each.buffered + each.dropped
        assert each.dropped == 0
    assert standings["dead"].buffered > 0
    assert len(failures) == 1
    assert failures[0].startswith("sink dead: failed: ")


@dataclass
class Stubborn:
    """Takes nothing, and takes a cancellation for one more reason to fail."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, findings):
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("not now") from None


def test_a_sink_that_swallows_a_cancellation_does_not_keep_a_stop_waiting(acme, tmp_path):
    stop, dead = asyncio.Event(), Stubborn()
    site = site_with(write_site(tmp_path, stop_s=0.3), sources=(ScriptedSource([[frame(0), stop]]),))
    site = site_with(site.path, sources=site.sources, sinks={"dead": dead})

    async def stopped():
        running = asyncio.create_task(run_gateway(site, stop))
        await dead.asked.wait()
        stop.set()
        done, _ = await asyncio.wait([running], timeout=15)
        return [task.result() for task in done]

    assert asyncio.run(stopped()) == [0]


def noted(path):
    """Whether the failure stands in the journal of the gateway that runs."""
    import sqlite3

    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT count(*) FROM record WHERE kind = 'event' AND body LIKE '%sink_failed%'")
        number = found.fetchone()[0]
    connection.close()
    return bool(number)


def test_every_sink_of_ours_is_tried():
    ours = {each.name for each in entry_points(group="inversion.sink") if each.value.startswith("inversion.")}
    assert ours == {*DEAD, "console"} - {"sparkplug"}
    assert ConsoleSink().__class__.__name__ == "ConsoleSink"  # a terminal that has gone is no failure: test_sinks.py
