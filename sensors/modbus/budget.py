"""What a device asks of its line: the requests of a cycle, their bytes, and the bus time that they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sensors.capture import Capture, WaveformBlock
from sensors.modbus.bustime import request_cost, supposed_answer_s
from sensors.modbus.pdu import (
    MOST_FIFO,
    MOST_FILE,
    fifo_request,
    file_request,
    longest_reply,
    read_request,
    write_request,
)
from sensors.modbus.planner import Cost, plan
from sensors.modbus.poller import limits_of, place_of
from sensors.modbus.settings import LineSettings
from sensors.modbus.source import ModbusSource
from sensors.profile import Profile
from sensors.registers import notation


@dataclass(frozen=True)
class Asked:
    """One request, `times` over: what for, bytes each way on the line, and bus time of all of them, s."""

    what: str
    sent: int
    received: int
    bus_s: float
    times: int = 1


@dataclass(frozen=True)
class Budget:
    """A cycle of one source.

    answer_s: what the device needs to answer a request, s; supposed: whether that is not known
    lasts_s: the longest waveform that is captured in the cycle, s; 0 where there is none, or its rate is in a register
    """

    asset: str
    poll_s: float
    asked: tuple[Asked, ...]
    answer_s: float
    supposed: bool
    lasts_s: float = 0.0

    @property
    def bus_s(self) -> float:
        """Bus time of a cycle, s."""
        return sum(each.bus_s for each in self.asked)

    @property
    def requests(self) -> int:
        """Of a cycle."""
        return sum(each.times for each in self.asked)

    @property
    def share(self) -> float:
        """Of the line that it takes; above 1 it cannot keep its poll rate even alone."""
        return self.bus_s / self.poll_s


def budget(source: ModbusSource, answer_s: float | None = None) -> Budget:
    """What a cycle of the source asks, without asking. answer_s: what its device needs to answer, if that is known."""
    settings, profile = source.settings, source.loaded_profile
    cost = request_cost(settings, answer_s)
    asked = [*_captured(profile, settings, cost)]
    for read in plan([place_of(register) for register in profile.registers], limits_of(profile), cost):
        asked.append(_asked(read.place, read_request(read.table, read.address, read.count), settings, cost))
    answers_s = supposed_answer_s(settings) if answer_s is None else answer_s
    lasts = [block.count / block.sample_rate for block in profile.waveforms if not isinstance(block.sample_rate, str)]
    return Budget(source.asset, source.poll_s, tuple(asked), answers_s, answer_s is None, max(lasts, default=0.0))


def _captured(profile: Profile, settings: LineSettings, cost: Cost) -> Iterator[Asked]:
    capture = profile.capture
    if capture is None:
        return
    yield from (_asked(what, pdu, settings, cost) for what, pdu in _triggers(capture))
    for block in capture.waveforms:
        pages = sum(1 for _ in block.pages()) if block.page is not None else 0
        if block.page is not None:
            pdu = write_request(block.page.table, block.page.address, [0])
            yield _asked(f"{block.channel}: pages", pdu, settings, cost, pages)
        counts = [count for _, length in block.pages() for count in _counts(block, length, profile.device.block)]
        for count in sorted(set(counts), reverse=True):
            yield _asked(
                f"{block.channel}: {count} registers", _read(block, count), settings, cost, counts.count(count)
            )


def _triggers(capture: Capture) -> Iterator[tuple[str, bytes]]:
    many = capture.start.many
    for setup in capture.setup:
        yield (
            f"set up {notation(setup.table, setup.address)}",
            write_request(setup.table, setup.address, setup.values, many),
        )
    start, status = capture.start, capture.status
    yield (
        f"start {notation(start.table, start.address)}",
        write_request(start.table, start.address, [start.value], many),
    )
    yield f"status {notation(status.table, status.address)}", read_request(status.table, status.address, 1)


def _counts(block: WaveformBlock, length: int, most: int) -> list[int]:
    """Registers of each request that reads so many."""
    if block.table == "fifo":
        most = MOST_FIFO
    elif block.table == "file":
        most = min(most, MOST_FILE)
    return [min(most, length - first) for first in range(0, length, most)]


def _read(block: WaveformBlock, count: int) -> bytes:
    if block.table == "fifo":
        return fifo_request(block.address)
    if block.table == "file":
        return file_request(block.file, block.address, count)
    return read_request(block.table, block.address, count)


def _asked(what: str, pdu: bytes, settings: LineSettings, cost: Cost, times: int = 1) -> Asked:
    framing = settings.framing
    sent, received = len(framing.frame(1, pdu)), len(framing.frame(1, bytes(longest_reply(pdu))))
    bus_s = cost.request_s + max(0, received - _EMPTY.get(framing.name, 0)) * settings.byte_s
    return Asked(what, sent, received, times * bus_s, times)


#: Bytes of a reply's frame that the cost of a request holds already.
_EMPTY = {"rtu": 5, "ascii": 11}
