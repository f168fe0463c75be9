"""Our client and our simulator against peers that are not ours, both ways, over TCP and over a serial line."""

import asyncio
import subprocess

import numpy as np
import pytest
from modbus_peers import build_peer, free_port, needs, peer_server, serial_pair
from modbus_rig import Machine
from pymodbus.client import AsyncModbusTcpClient

from sensors import DecodeError
from sensors.modbus.answering import Refusal
from sensors.modbus.port import unit_port
from sensors.modbus.server import modbus_server, serial_server
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve, serve_serial
from sensors.profile import Device, Profile, Register

PROFILE = Profile(
    Device("rig"),
    (
        Register("shaft_hz", 9, "input", kind="float32", unit="Hz"),
        Register("running", 3, "discrete", kind="bool"),
    ),
)


class Remembering:
    """A store of plain numbers, as the peer's."""

    def __init__(self):
        self.words = (3 * np.arange(1000) + 7).astype(np.uint16)

    def read(self, table, address, count):
        if address + count > 400:
            raise Refusal(2)
        if table in ("coil", "discrete"):
            return (np.arange(address, address + count) % 3 == 0).astype(np.uint16)
        return self.words[address : address + count].copy()

    def write(self, table, address, values):
        self.words[address : address + len(values)] = values


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    return build_peer(tmp_path_factory.mktemp("peer"))


async def converse(line):
    """Our client with a peer's server."""
    async with unit_port(LineSettings(line, baud=115200), 7, 2.0) as port:
        assert (await port.read("holding", 0, 125)).tolist() == [3 * i + 7 for i in range(125)]
        assert (await port.read("input", 990, 4)).tolist() == [3 * i + 7 for i in range(990, 994)]
        assert (await port.read("discrete", 1, 9)).tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 1]
        await port.write("holding", 5, [513])
        await port.write("holding", 6, [1, 2, 65535])
        await port.write("holding", 9, [77], many=True)
        await port.write("coil", 2, [1])
        await port.write("coil", 4, [1, 1, 0])
        assert (await port.read("holding", 5, 5)).tolist() == [513, 1, 2, 65535, 77]
        assert (await port.read("coil", 2, 5)).tolist() == [1, 1, 1, 1, 0]
        with pytest.raises(DecodeError, match=r"holding 999 \(41000\): exception 0x02"):
            await port.read("holding", 999, 2)


def test_our_client_and_libmodbus_over_tcp(peer):
    port = free_port()
    with peer_server(peer, "tcp", port):
        asyncio.run(converse(f"tcp://127.0.0.1:{port}"))


def test_our_client_and_libmodbus_over_a_serial_line(peer, tmp_path):
    with serial_pair(tmp_path) as (ours, theirs), peer_server(peer, "rtu", theirs):
        asyncio.run(converse(f"rtu://{ours}"))


async def asked_by(program, *arguments):
    process = await asyncio.create_subprocess_exec(
        program, *map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    return said.decode()


EXPECTED = ["input 34 37", "holding 513 1 2 65535", "bit 1", "refused: Illegal data address"]


def test_libmodbus_as_client_of_our_simulator_over_tcp(peer):
    async def ask():
        async with modbus_server({7: Remembering()}) as port:
            return await asked_by(peer, "client", "tcp", port)

    assert asyncio.run(ask()).splitlines() == EXPECTED


def test_libmodbus_as_client_of_our_simulator_over_a_serial_line(peer):
    async def ask():
        async with serial_server({7: Remembering()}) as path:
            return await asked_by(peer, "client", "rtu", path)

    assert asyncio.run(ask()).splitlines() == EXPECTED


def test_mbpoll_reads_our_simulator_over_tcp():
    """mbpoll counts registers from 1 unless told otherwise; its float is word-swapped unless told otherwise."""
    program = needs("mbpoll")

    async def ask():
        async with serve(PROFILE, Machine()) as device:
            options = ("-m", "tcp", "-p", device.port, "-a", 1, "-0", "-B", "-r", 9, "-c", 1, "-t", "3:float", "-1")
            return await asked_by(program, *options, "127.0.0.1")

    assert "[9]: \t29.5" in asyncio.run(ask())


def test_mbpoll_reads_our_simulator_over_a_serial_line():
    program = needs("mbpoll")

    async def ask():
        async with serve_serial({7: (PROFILE, Machine())}) as line:
            options = ("-m", "rtu", "-b", 115200, "-P", "none", "-a", 7, "-0", "-B", "-r", 9, "-c", 1, "-t", "3:float")
            return await asked_by(program, *options, "-1", line.removeprefix("rtu://"))

    assert "[9]: \t29.5" in asyncio.run(ask())


def test_pymodbus_reads_our_simulator():
    async def ask():
        async with modbus_server({7: Remembering()}) as port:
            client = AsyncModbusTcpClient("127.0.0.1", port=port)
            await client.connect()
            found = [
                (await client.read_holding_registers(10, count=125, device_id=7)).registers,
                (await client.read_coils(0, count=4, device_id=7)).bits[:4],
                (await client.read_holding_registers(500, count=1, device_id=7)).exception_code,
            ]
            client.close()
            await asyncio.sleep(0)
            return found

    assert asyncio.run(ask()) == [[3 * i + 7 for i in range(10, 135)], [True, False, False, True], 2]
