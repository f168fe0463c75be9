"""What clients that ask without end cost a gateway that serves registers: `python -m benchmarks.served_registers`.

Sixteen connections send requests for 125 registers as fast as they are answered, for some seconds; the server runs in
an event loop as in the gateway. Told are answers a second, CPU of the server an answer and as a share of one core, and
how late the loop's own tasks come, beside the same without clients.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np

from inversion.app.sinks.modbus_server import ModbusServerSink

_CLIENTS, _SECONDS, _TICK_S, _SETTLE_S = 16, 4.0, 0.005, 1.0
_REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 256, 125)


def main() -> None:
    """Prints both cases."""
    for clients in (0, 1, _CLIENTS):
        answers, cpu_s, late = asyncio.run(_measured(clients))
        each = f"{1e6 * cpu_s / answers:.0f} µs of CPU an answer, " if answers else ""
        print(
            f"{clients:2} clients: {answers / _SECONDS:.0f} answers/s, {each}"
            f"{100 * cpu_s / _SECONDS:.1f} % of a core; tasks late by "
            f"{1e3 * np.quantile(late, 0.5):.2f} ms (median), {1e3 * np.quantile(late, 0.99):.2f} ms (99 %)"
        )


async def _measured(clients: int) -> tuple[float, float, list[float]]:
    sink = ModbusServerSink(
        tuple(f"fan {i}" for i in range(8)), tuple(f"parameter {i}" for i in range(6)), listen="127.0.0.1:0"
    )
    await sink.open((), {})
    command = [sys.executable, "-m", "benchmarks.served_registers", str(sink.port), str(clients)]
    asking = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    await asyncio.sleep(_SETTLE_S)
    late, began, cpu = [], time.perf_counter(), time.thread_time()
    while time.perf_counter() - began < _SECONDS:
        before = time.perf_counter()
        await asyncio.sleep(_TICK_S)
        late.append(time.perf_counter() - before - _TICK_S)
    spent = time.thread_time() - cpu
    told, _ = await asyncio.to_thread(asking.communicate, "\n")
    await sink.close()
    return int(told) * _SECONDS / (_SECONDS + _SETTLE_S), spent, late


def ask(port: int, clients: int) -> None:
    """Asks until a line comes, in this process; prints how often it was answered."""
    stop, counts = threading.Event(), [0] * clients
    threads = [threading.Thread(target=_ask, args=(port, stop, counts, i)) for i in range(clients)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    stop.set()
    for thread in threads:
        thread.join()
    print(sum(counts))


def _ask(port: int, stop: threading.Event, counts: list[int], me: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as plug:
        plug.settimeout(10)
        while not stop.is_set():
            plug.sendall(_REQUEST * 10)
            missing = 10 * (9 + 250)
            while missing:
                missing -= len(plug.recv(missing))
            counts[me] += 10


if __name__ == "__main__":
    ask(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
