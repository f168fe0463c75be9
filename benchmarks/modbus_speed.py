"""Reads a second and CPU a read of our whole stack, against bare clients, in one run on one core.

    python -m benchmarks.modbus_speed [--reads 2000]

The server is a C program made of libmodbus, on loopback; every read is 125 registers. "Ours" is the whole way: line,
checks, planner, decoding of 125 registers to SI in NumPy. Bars: at least 90 % of pymodbus's reads a second, at most 1.3
times its CPU a read; 200 devices of 20 registers once a second below 15 % of a core, frames included; a triggered
waveform of three axes of 8,192 samples in at most 1.2 times the bare block reads. All clients have the
heap of the gateway (`inversion.app.heap`): without it each loses 25 µs a read in some environments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from pymodbus.client import AsyncModbusTcpClient

from inversion.app.heap import keep_heap
from sensors.capture import Capture, Start, Status, WaveformBlock
from sensors.modbus.acquire import acquire
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.pdu import read_request
from sensors.modbus.poller import Poller
from sensors.modbus.port import unit_port
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve
from sensors.modbus.source import ModbusSource
from sensors.profile import Device, Profile, Register

PEER = Path(__file__).parents[1] / "tests" / "integration" / "modbus_peer.c"
COUNT = 125
ROUNDS = 6
Client = Callable[[int, int], Coroutine[Any, Any, None]]


async def raw_socket(port: int, reads: int) -> None:
    """A blocking socket and `numpy.frombuffer`: what a thin codec gives that trusts everything."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        frame = TcpFraming().frame(7, read_request("holding", 0, COUNT), 1)
        for _ in range(reads):
            link.sendall(frame)
            data = link.recv(512)
            assert np.frombuffer(data, ">u2", offset=9)[1] == 10


async def pymodbus_client(port: int, reads: int) -> None:
    """pymodbus's asynchronous client, and nothing around it."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    for _ in range(reads):
        assert (await client.read_holding_registers(0, count=COUNT, device_id=7)).registers[1] == 10
    client.close()


async def our_port(port: int, reads: int) -> None:
    """Our line and its checks, without a profile."""
    async with unit_port(LineSettings(f"tcp://127.0.0.1:{port}"), 7, 2.0) as ours:
        for _ in range(reads):
            assert (await ours.read("holding", 0, COUNT))[1] == 10


async def our_stack(port: int, reads: int) -> None:
    """The whole way of a block: line, checks, and decoding to SI; and the planner that asked for it."""
    block = WaveformBlock("x", 0, COUNT, 1000.0, kind="uint16", unit="mm/s", scale=0.01)
    async with unit_port(LineSettings(f"tcp://127.0.0.1:{port}"), 7, 2.0) as ours:
        poller = Poller(ours, Profile(Device("peer"), (Register("first", 0), Register("last", COUNT - 1))))
        for _ in range(reads):
            (read,) = poller.reads
            values = block.decode(await ours.read(read.table, read.address, read.count))
            assert values.shape == (COUNT,)


def measured(clients: Sequence[Client], port: int, reads: int) -> dict[str, tuple[float, float]]:
    """Of each, reads a second, and CPU a read of this process, µs; the best of rounds that take turns."""
    best = {client.__name__: (0.0, float("inf")) for client in clients}
    for _ in range(ROUNDS):
        for client in clients:
            wall, cpu = time.perf_counter(), time.process_time()
            asyncio.run(_awaited(client, port, reads))
            rate, spent = reads / (time.perf_counter() - wall), 1e6 * (time.process_time() - cpu) / reads
            before = best[client.__name__]
            best[client.__name__] = max(before[0], rate), min(before[1], spent)
    return best


async def _awaited(client: Client, port: int, reads: int) -> None:
    await client(port, reads)


def peer(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The C server, built and started."""
    program = folder / "peer"
    subprocess.run(["gcc", "-O2", "-I/usr/include/modbus", PEER, "-lmodbus", "-o", program], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([program, "server", "tcp", str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process, port


class Still:
    """A machine whose numbers cost nothing."""

    def capture(self, wanted: object) -> object:
        return {name: np.zeros(count) for name, count in wanted.items()}  # type: ignore[attr-defined]

    def measure(self, name: str) -> float:
        return 1.0


async def _many(ports: list[int], seconds: float) -> float:
    """Share of a core that polling these devices once a second takes in this process, frames included."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "twenty.toml"
        registers = "".join(f'[[register]]\nname = "r{i}"\naddress = {i}\nunit = "mm/s"\n' for i in range(20))
        profile.write_text(f'[device]\nname = "twenty"\n{registers}')
        sources = [ModbusSource(profile, f"d{port}", f"tcp://127.0.0.1:{port}") for port in ports]

        async def poll(source: ModbusSource, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            async for _ in source.frames():
                pass

        tasks = [asyncio.create_task(poll(source, i / len(ports))) for i, source in enumerate(sources)]
        await asyncio.sleep(2.0)
        cpu = time.process_time()
        await asyncio.sleep(seconds)
        share = (time.process_time() - cpu) / seconds
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return share


def server_of_twenty() -> None:
    """Run in a process of its own: 200 devices of 20 registers; prints their ports."""

    async def run() -> None:
        profile = Profile(Device("twenty"), tuple(Register(f"r{i}", i) for i in range(20)))
        async with AsyncExitStack() as stack:
            devices = [await stack.enter_async_context(serve(profile, Still())) for _ in range(200)]
            print(json.dumps([device.port for device in devices]), flush=True)
            await asyncio.sleep(3600)

    asyncio.run(run())


WAVEFORM = Profile(
    Device("waveform"),
    capture=Capture(
        Start(33),
        Status(2, ready=2, busy=(1,), error=(0,)),
        tuple(WaveformBlock(f"a{i}", 1000 + 10000 * i, 8192, 25600.0, unit="g") for i in range(3)),
        poll_s=0.001,
    ),
)


async def _waveform(line: str, cycles: int) -> float:
    """Time of a triggered capture of three axes over that of the bare block reads."""
    async with unit_port(LineSettings(line), 1, 5.0) as port:
        poller = Poller(port, WAVEFORM)
        bare, whole = [], []
        for _ in range(cycles):
            began = time.perf_counter()
            for block in WAVEFORM.waveforms:
                for first in range(0, block.count, COUNT):
                    await port.read(block.table, block.address + first, min(COUNT, block.count - first))
            bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            await acquire(port, WAVEFORM, poller, 1.0, time.time_ns)
            whole.append(time.perf_counter() - began)
        return float(np.median(whole) / np.median(bare))


def server_of_waveforms() -> None:
    """Run in a process of its own: a triggered capture; prints its port."""

    async def run() -> None:
        async with serve(WAVEFORM, Still()) as device:
            print(json.dumps([device.port]), flush=True)
            await asyncio.sleep(3600)

    asyncio.run(run())


def served(name: str) -> tuple[subprocess.Popen[str], list[int]]:
    """One of the servers above in a process of its own."""
    code = f"from benchmarks.modbus_speed import {name}; {name}()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=2000)
    reads = parser.parse_args().reads
    keep_heap()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})  # client and server on one core
    with tempfile.TemporaryDirectory() as folder:
        process, port = peer(Path(folder))
        try:
            found = measured((raw_socket, pymodbus_client, our_port, our_stack), port, reads)
        finally:
            process.kill()
            process.communicate()
    for name, (rate, cpu) in found.items():
        print(f"{name:16} {rate:8.0f} reads/s  {cpu:6.1f} µs CPU a read")
    (their_rate, their_cpu), (our_rate, our_cpu) = found["pymodbus_client"], found["our_stack"]
    print(f"ours / pymodbus: {our_rate / their_rate:.2f} of the reads a second (bar 0.90)")
    print(f"ours / pymodbus: {our_cpu / their_cpu:.2f} of the CPU a read (bar 1.30)")
    os.sched_setaffinity(0, set(cores))
    for name, tell in (("server_of_waveforms", _tell_waveform), ("server_of_twenty", _tell_many)):
        process, ports = served(name)
        try:
            tell(ports)
        finally:
            process.kill()
            process.communicate()


def _tell_waveform(ports: list[int]) -> None:
    ratio = asyncio.run(_waveform(f"tcp://127.0.0.1:{ports[0]}", 5))
    print(f"triggered 3 x 8,192 samples / bare block reads: {ratio:.2f} (bar 1.20)")


def _tell_many(ports: list[int]) -> None:
    share = asyncio.run(_many(ports, 10.0))
    print(f"200 devices x 20 registers once a second: {100 * share:.1f} % of a core (bar 15)")


if __name__ == "__main__":
    main()
