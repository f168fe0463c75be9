"""Whether a wrong value is ever published: transactions under every fault at random, each value carries its proof.

    python -m benchmarks.wrong_values [--transactions 1000000] [--seed 0]

Two units on a line (or behind one connection) answer reads of several lengths with: who they are, which address was
asked, the running number of the request, and a checksum over these. A reply that is published is right only if all four
are, and its number is that of this very request: a late, foreign, repeated or torn reply is a wrong value. A third of
the requests meets a fault. Bytes are damaged anywhere on RTU and ASCII; over TCP in the header only, because Modbus TCP
leaves the payload to the checksums of TCP and TLS. A second copy of a reply on wires begins to come within the silence
between frames; one that comes later, while the next request of the same length to the same unit waits, nothing in RTU
can tell (a longer `silence_s` moves that border). A device that restarts resets its connection and is away for up to a
second; a step of the clock moves this computer's wall clock by up to a day.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from benchmarks.simulated_time import MemoryLine, run
from sensors.errors import SensorError
from sensors.modbus.faults import (
    Pieces,
    Wire,
    delayed,
    dripping,
    duplicated,
    flipped,
    foreign,
    garbage,
    other_transaction,
    truncated,
)
from sensors.modbus.framing import Request
from sensors.modbus.line import Line
from sensors.modbus.port import UnitPort
from sensors.modbus.settings import LineSettings
from sensors.registers import Words

SCHEMES = ("tcp", "rtu", "ascii+tcp", "rtu+tcp")
TIMEOUT_S = 0.1
FAULTY = 1 / 3
#: More than the number of words that carry the proof.
COUNTS = (6, 7, 10, 125)


@dataclass
class Result:
    """What came of it; `faults` by kind as injected, `counts` as the line counted.

    uncounted: faults that must show in the counts of the very poll that they came in, and do not
    """

    scheme: str
    published: int
    failed: int
    wrong: int
    faults: Counter[str]
    counts: Counter[str]
    uncounted: int = 0


#: Faults that may leave the reply in time and whole.
HARMLESS = frozenset({"slow", "drip", "noise before", "twice", "clock step"})
GOOD = frozenset({"requests", "replies", "connections", "questions"})


def words(unit: int, address: int, count: int, number: int) -> Words:
    """(count,) registers that prove where they are from."""
    head = np.array([unit, address, number >> 16 & 0xFFFF, number & 0xFFFF, number >> 32], dtype=np.uint16)
    filled = np.resize(head, count - 1)
    return np.append(filled, np.uint16(zlib.crc32(filled.tobytes()) & 0xFFFF))


class _Devices:
    """Two units that answer with proofs, and a third of the time not as they should."""

    def __init__(self, line: Line, memory: MemoryLine, rng: np.random.Generator) -> None:
        self.number = 0
        self.stepped_s = 0.0
        self.faults: Counter[str] = Counter()
        self.harmful: Counter[int] = Counter()  # by unit
        self._line, self._memory, self._rng = line, memory, rng
        self._away = False
        self._framing = line.settings.framing

    def react(self, request: Request) -> Pieces | str | None:
        self.number += 1
        if self._away:
            return None
        function = request.pdu[0]
        if function == 8:
            reply = request.pdu
        else:
            address, count = int.from_bytes(request.pdu[1:3], "big"), int.from_bytes(request.pdu[3:5], "big")
            data = words(request.unit, address, max(count, 2), self.number)[:count].astype(">u2").tobytes()
            reply = bytes((function, len(data))) + data
        if self._rng.random() >= FAULTY:
            return [(0.0, self._framing.frame(request.unit, reply, request.transaction))]
        kind, fault = self._fault(request)
        self.faults[kind] += 1
        self.harmful[request.unit] += kind not in HARMLESS
        if kind == "restart":
            self._restart(float(self._rng.random()))
        elif kind == "clock step":
            self.stepped_s += 86400 * float(self._rng.uniform(-1, 1))
            return [(0.0, self._framing.frame(request.unit, reply, request.transaction))]
        if isinstance(fault, Wire):
            return fault.pieces(request, reply, self._framing)
        if isinstance(fault, bytes):
            return [(0.0, self._framing.frame(request.unit, fault, request.transaction))]
        return fault

    def _fault(self, request: Request) -> tuple[str, Wire | bytes | str | None]:
        rng, share = self._rng, float(self._rng.random())
        gap_s = self._line.settings.gap_s
        noise = rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8).tobytes()
        kinds: Sequence[tuple[str, Wire | bytes | str | None]] = [
            ("silence", None),
            ("late", delayed(TIMEOUT_S * (1 + 4 * share))),
            ("slow", delayed(TIMEOUT_S * 0.9 * share)),
            ("twice", duplicated(0.0 if share < 0.5 else max(0.0, (gap_s - 17 * self._line.settings.byte_s) * share))),
            ("cut", truncated(share)),
            ("damaged", self._damaged(share, 1 << int(rng.integers(8)))),
            ("foreign", foreign(3 - request.unit)),
            ("other", other_transaction(int(rng.integers(1, 0xFFFF))) if self._framing.numbered else foreign(9)),
            ("exception", bytes((request.pdu[0] | 0x80, int(rng.integers(1, 12))))),
            ("reset", "reset" if not self._line.settings.is_serial else None),
            ("half-open", "half-open" if not self._line.settings.is_serial else None),
            ("noise", garbage(noise, reply_too=False)),
            ("noise before", garbage(noise, reply_too=True)),
            ("drip", dripping(2 * TIMEOUT_S * share / 20)),
            ("restart", "reset" if not self._line.settings.is_serial else None),
            ("clock step", None),
        ]
        return kinds[int(rng.integers(len(kinds)))]

    def _restart(self, seconds: float) -> None:
        self._away = True
        self._memory.refuse = not self._line.settings.is_serial
        asyncio.get_running_loop().call_later(seconds, self._back)

    def _back(self) -> None:
        self._away = self._memory.refuse = False

    def _damaged(self, at: float, bits: int) -> Wire:
        if self._framing.name == "ascii" and bits == 0x20:
            bits = 0x21  # a small letter for a capital one is the same digit, and no damage
        if not self._framing.numbered:
            return flipped(at, bits)

        def pieces(request: Request, pdu: bytes, framing: object) -> Pieces:
            frame = bytearray(self._framing.frame(request.unit, pdu, request.transaction))
            frame[int(at * 9)] ^= bits  # header, function and byte count
            return [(0.0, bytes(frame))]

        return Wire(pieces)


async def _transactions(scheme: str, number: int, rng: np.random.Generator) -> Result:
    settings = LineSettings("rtu:///dev/memory" if scheme == "rtu" else f"{scheme}://memory:502", baud=115200)
    memory = MemoryLine(lambda request: devices.react(request), byte_s=settings.byte_s)
    line = Line(settings, memory.open)
    devices = _Devices(line, memory, rng)
    ports = {unit: UnitPort(line, unit, TIMEOUT_S) for unit in (1, 2)}
    result = Result(scheme, 0, 0, 0, devices.faults, line.counts)

    async def poll(unit: int) -> None:
        for _ in range(number // 2):
            address, count = int(rng.integers(4)) * 200, COUNTS[int(rng.integers(len(COUNTS)))]
            before, harm = devices.number, devices.harmful[unit] - _shown(line, unit)
            try:
                found = await ports[unit].read("holding", address, count)
            except SensorError:
                result.failed += 1
                continue
            finally:
                result.uncounted += max(0, devices.harmful[unit] - _shown(line, unit) - harm)
            result.published += 1
            asked = int(found[2]) << 16 | int(found[3]) | int(found[4]) << 32
            good = words(unit, address, count, asked)
            if asked <= before or not np.array_equal(found, good):
                result.wrong += 1

    true_s = time.time
    with (
        patch("time.time", lambda: true_s() + devices.stepped_s),
        patch("time.time_ns", lambda: int(1e9 * (true_s() + devices.stepped_s))),
    ):
        await asyncio.gather(*(poll(unit) for unit in ports))
    line.close()
    return result


def _shown(line: Line, unit: int) -> int:
    """What was counted of a unit that is not as it should be."""
    return sum(number for kind, number in line.counts_of[unit].items() if kind not in GOOD)


def wrong_values(scheme: str, number: int, seed: int = 0) -> Result:
    """So many transactions over one line, in simulated time."""
    found = run(_transactions(scheme, number, np.random.default_rng([seed, SCHEMES.index(scheme)])))
    assert isinstance(found, Result)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000, help="over all lines together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    total = Counter[str]()
    for scheme in SCHEMES:
        found = wrong_values(scheme, options.transactions // len(SCHEMES), options.seed)
        total.update(transactions=found.published + found.failed, wrong=found.wrong, uncounted=found.uncounted)
        print(
            f"{scheme}: {found.published} published, {found.failed} failed, {found.wrong} wrong, "
            f"{found.uncounted} faults not counted"
        )
        print(f"  faults: {dict(sorted(found.faults.items()))}")
        print(f"  counts: {dict(sorted(found.counts.items()))}")
    print(
        f"{total['transactions']} transactions, {total['wrong']} wrong values, {total['uncounted']} faults not counted"
    )


if __name__ == "__main__":
    main()
