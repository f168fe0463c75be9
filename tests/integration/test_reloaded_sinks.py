"""A reload leaves no gap: who reads a server notices nothing, and a dead sink holds no other one up."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from gateway_site import ScriptedSink, site_with, write_site
from test_alarms_over_restarts import Devices, _read
from test_way_back import Running, newest

from inversion.app.journal import open_journal, read_journal
from inversion.app.sinks.modbus_server import ModbusServerSink

SECOND = 1_000_000_000
pytestmark = pytest.mark.usefixtures("acme")


class Dead:
    """Takes a delivery and never comes back."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def write(self, _findings):
        self.asked.set()
        await asyncio.Event().wait()


def reloaded_to(monkeypatch, site) -> None:
    monkeypatch.setattr("inversion.app.gateway.reloaded", lambda *_: _read(site))


def test_a_dead_sink_holds_no_other_one_up_while_the_site_is_read_again(tmp_path, monkeypatch):
    path = write_site(tmp_path, more="sink_timeout_s = 30.0\n")

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            dead, before, after = Dead(), ScriptedSink(), ScriptedSink()
            devices = (Devices("", "fan"),)
            site = site_with(path, sources=devices, sinks={"alive": before, "dead": dead})
            running = Running(site, journal)
            await running.until(lambda: dead.asked.is_set() and before.taken)
            reloaded_to(monkeypatch, site_with(path, sources=devices, sinks={"alive": after, "dead": Dead()}))
            running.reload.set()
            async with asyncio.timeout(15):  # half of what the dead one is waited for
                await running.until(lambda: len(after.taken) > 20)
            running.stop.set()
            running.task.cancel()
            await asyncio.wait((running.task,))
            assert not set(before.taken) & set(after.taken)

    asyncio.run(scenario())


@pytest.mark.parametrize(("stale_s", "kept"), [(60.0, True), (61.0, False)])
def test_a_plc_keeps_its_connection_unless_the_servers_options_change(tmp_path, monkeypatch, free_port, stale_s, kept):
    path = write_site(tmp_path)

    def server(stale_s: float) -> ModbusServerSink:
        return ModbusServerSink(("fan",), ("level",), ("too loud",), f"127.0.0.1:{free_port}", stale_s=stale_s)

    def ask(plc: socket.socket) -> bytes:
        plc.sendall(struct.pack(">HHHBBHH", 7, 0, 6, 1, 4, 256, 4))
        return plc.recv(64)

    async def scenario() -> None:
        with open_journal(site_with(path).journal, 0) as journal:
            devices = (Devices("", "fan"),)
            running = Running(site_with(path, sources=devices, sinks={"plc": server(60.0)}), journal)
            plc = await connected(free_port)
            with plc:
                assert await asyncio.to_thread(ask, plc)
                reloaded_to(monkeypatch, site_with(path, sources=devices, sinks={"plc": server(stale_s)}))
                running.reload.set()
                await running.until(lambda: any(event.kind == "reloaded" for event in events(path)))
                answer = await asyncio.to_thread(heard, ask, plc)
                assert bool(answer) is kept
                if kept:  # what comes after the reload is served too
                    last = newest(journal.path)["start_ns"]
                    await running.until(lambda: newest(journal.path)["start_ns"] > last + 150 * SECOND)
                    age_s = struct.unpack(">f", (await asyncio.to_thread(ask, plc))[-4:])[0]
                    assert 0 <= age_s < 2.0  # 150 windows take three seconds
            await running.end()

    asyncio.run(scenario())


async def connected(port: int) -> socket.socket:
    async with asyncio.timeout(60):
        while True:
            try:
                return await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port), 10)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)


def heard(ask, plc: socket.socket) -> bytes:
    try:
        return ask(plc)
    except OSError:
        return b""


def events(path):
    with read_journal(site_with(path).journal) as beside:
        return beside.events()
