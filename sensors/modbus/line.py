"""A physical line: one request under way at a time, in order of arrival, and nothing but its reply is ever its reply.

Units on one line take turns request by request, because turns are given in order and each unit has one request under
way; a long waveform takes one turn like everybody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict

from sensors.errors import SourceUnavailable
from sensors.modbus.bustime import request_cost, wire_s
from sensors.modbus.framing import Reply, Request, Stray
from sensors.modbus.link import Link, Opener, open_link
from sensors.modbus.owed import Owed
from sensors.modbus.pdu import READ, READ_FILE, Defect, Mismatch, exception_code, longest_reply
from sensors.modbus.planner import Cost
from sensors.modbus.settings import LineSettings
from sensors.modbus.turns import Turns

#: Time-outs in a row, over all units, after which a connection counts as half-open and is made anew.
_HALF_OPEN = 3
#: A line is quiet after a failure when nothing came for this long, s, or for its silence where that is longer.
_QUIET_S = 0.05
#: Mismatches of a reply that came as a whole, so that none is owed any more.
_ANSWERED = frozenset({Mismatch.CHECKSUM, Mismatch.UNSOLICITED})
#: Times that a read is tried where noise spoils it.
_TRIES = 3
#: From one transaction id to the next: all 65,536 come, and none is near the last or a bit away from it.
_STEP = 0x9E37
#: Reading twice changes nothing.
_REPEATABLE = frozenset({*READ.values(), READ_FILE})
#: Bytes that may come while nobody waits before they are dropped.
_MOST_IDLE = 4096
#: Weight of the last exchange in what exchanges are measured to take.
_WEIGHT = 0.2
#: A late reply is expected for so long, s, and for so many time-outs: a unit may have been busy with what came before.
_LATE_S, _LATE = 30.0, 10


class Mismatched(Exception):
    """What came is not the reply to the request; below the line's `transact` only."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(f"damaged reply: {defect.what}")
        self.defect = defect


class Line:
    """One line; opened at the first request, and again after it was lost.

    counts: of requests, replies, exceptions, time-outs, connections, losses, and of every kind of mismatch
    counts_of: those by unit that a request of it was under way at
    """

    def __init__(self, settings: LineSettings, opener: Opener = open_link) -> None:
        self.settings = settings
        self._opener = opener
        self.counts: Counter[str] = Counter()
        self._framing = settings.framing
        self._turns = Turns()
        self._silent: set[int] = set()  # units whose last request ran out of time
        self._link: Link | None = None
        self._lost_because = ""
        self._transaction = 0
        self._request: Request | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._received = bytearray()
        self._last_byte = 0.0
        self._timeouts = 0
        self._latency_s: dict[int, float] = {}
        self.counts_of: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._owed: defaultdict[int, Owed] = defaultdict(lambda: Owed(1.0))
        self._loop = asyncio.get_running_loop()

    async def transact(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """The PDU of the unit's reply, which may be an exception.

        Raises SourceUnavailable, with the reason only: not connected, no answer, or something else than the answer.
        """
        async with self._turns.turn(silent=unit in self._silent):
            if self._link is None:
                await self._open(timeout_s)
            tries = 1 if self._framing.numbered or pdu[0] not in _REPEATABLE else _TRIES
            while True:
                try:
                    return await self._in_step(unit, pdu, timeout_s)
                except Mismatched as problem:  # noise on the wires deserves another try, made from a quiet line
                    tries -= 1
                    if not tries:
                        raise SourceUnavailable(str(problem)) from problem

    def cost(self, unit: int) -> Cost:
        """What a request to the unit costs in bus time: measured, or supposed before the first answer."""
        return request_cost(self.settings, self.answer_s(unit))

    def answer_s(self, unit: int) -> float | None:
        """What the unit was measured to need to answer, s; None before the first answer."""
        return self._latency_s.get(unit)

    def _count(self, kind: str) -> None:
        self.counts[kind] += 1
        if self._request is not None:
            self.counts_of[self._request.unit][kind] += 1

    def close(self) -> None:
        """Ends the link; a request under way fails."""
        self._lose("the line was closed")

    async def _open(self, timeout_s: float) -> None:
        self._received.clear()
        self._timeouts = 0
        opened: list[Link] = []
        alive = True

        def received(data: bytes) -> None:
            if alive:
                self._arrived(data)

        def lost(why: str) -> None:
            nonlocal alive
            if alive and (not opened or self._link is opened[0]):
                self._lose(why)
            alive = False

        try:
            async with asyncio.timeout(timeout_s):
                link = await self._opener(self.settings, received, lost)
        except TimeoutError:
            self._count("not connected")
            raise SourceUnavailable(f"no connection within {timeout_s:g} s") from None
        except SourceUnavailable:
            self._count("not connected")
            raise
        opened.append(link)
        self._link = link
        self._count("connections")

    async def _in_step(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """One exchange; before it, one that tells a late reply apart where there may be one."""
        if self._framing.numbered:
            return await self._exchange(unit, pdu, timeout_s)
        owed = self._owed[unit]
        owed.late_s = max(_LATE_S, _LATE * timeout_s)
        if owed.ambiguous(pdu, self._loop.time()):
            self._count("questions")
            await self._settling(owed, unit, owed.question(pdu), timeout_s)
        return await self._settling(owed, unit, pdu, timeout_s)

    async def _settling(self, owed: Owed, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        """An exchange with a unit that may owe replies."""
        try:
            reply = await self._exchange(unit, pdu, timeout_s)
        except asyncio.CancelledError:
            owed.add(pdu, self._loop.time())
            raise
        except Mismatched as problem:
            if problem.defect.kind not in _ANSWERED:
                owed.add(pdu, self._loop.time())
            await self._drain(timeout_s)
            raise
        except SourceUnavailable:
            owed.add(pdu, self._loop.time())
            await self._drain(timeout_s)
            raise
        if not owed.any(self._loop.time()):
            return reply
        if exception_code(reply) is not None and reply[0] != 0x88:  # an owed reply may be an exception as well
            owed.add(pdu, self._loop.time())
            raise SourceUnavailable("an exception came while an earlier reply was owed")
        owed.settle()
        return reply

    async def _exchange(self, unit: int, pdu: bytes, timeout_s: float) -> bytes:
        if not self._framing.numbered:
            await self._silence()
        link = self._link
        if link is None:
            raise SourceUnavailable(self._lost_because)
        self._transaction = (self._transaction + _STEP) & 0xFFFF
        request = Request(unit, pdu, self._transaction if self._framing.numbered else 0)
        wait_s = timeout_s + wire_s(self.settings, len(pdu), longest_reply(pdu))
        self._request, self._answer = request, self._loop.create_future()
        timer = self._loop.call_later(wait_s, self._expire, self._answer, wait_s)
        try:
            self._count("requests")
            sent = self._loop.time()
            link.write(self._framing.frame(unit, pdu, request.transaction))
            reply = await self._answer
            if not self._framing.numbered:
                await self._undisturbed(len(self._received) - reply.size)
            self._count("exceptions" if reply.pdu[0] & 0x80 else "replies")
        finally:
            timer.cancel()
            self._request = self._answer = None
        self._timeouts = 0
        self._silent.discard(unit)
        self._measure(unit, self._last_byte - sent - wire_s(self.settings, len(pdu), len(reply.pdu)))
        del self._received[: reply.size]
        return reply.pdu

    def _measure(self, unit: int, latency_s: float) -> None:
        last_s = max(latency_s, 0.0)
        self._latency_s[unit] = (1 - _WEIGHT) * self._latency_s.get(unit, last_s) + _WEIGHT * last_s

    def _arrived(self, data: bytes) -> None:
        self._last_byte = self._loop.time()
        self._received += data
        if self._answer is None or self._answer.done() or self._request is None:
            if len(self._received) > _MOST_IDLE:
                self._count(Mismatch.UNSOLICITED)
                self._received.clear()
                if self._framing.numbered:
                    self._lose("the device sends without being asked")
            return
        while self._received:
            found = self._framing.scan(self._request, self._received)
            if found is None:
                return
            if isinstance(found, Stray):
                self._count(found.defect.kind)
                del self._received[: found.size]
                continue
            if isinstance(found, Reply) and self._framing.numbered:  # a cut reply may have been filled with the next
                behind = self._framing.scan(self._request, self._received[found.size :])
                found = behind if isinstance(behind, Defect) else found
            if isinstance(found, Defect):
                self._mismatch(found)
            else:
                self._answer.set_result(found)
            return

    def _mismatch(self, defect: Defect) -> None:
        self._count(defect.kind)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Mismatched(defect))
        if self._framing.numbered:  # where frames begin is not known any more
            self._lose(f"damaged reply: {defect.what}")

    def _expire(self, answer: asyncio.Future[Reply], wait_s: float) -> None:
        if answer.done():
            return
        self._count("time-outs")
        self._timeouts += 1
        if self._request is not None:
            self._silent.add(self._request.unit)
        answer.set_exception(SourceUnavailable(f"no answer within {wait_s:.3g} s"))
        if self._received and self._framing.numbered:  # the rest of a frame would be taken for the head of the next
            self._lose("the reply was cut")
        if self._timeouts >= _HALF_OPEN and not self.settings.is_serial:
            self._lose("the connection is half-open")

    def _lose(self, why: str) -> None:
        link, self._link = self._link, None
        self._lost_because = why
        self._received.clear()
        if link is not None:
            self._count("lost")
            link.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(SourceUnavailable(why))

    async def _silence(self) -> None:
        """Waits until the line was silent as long as it must be before a request; drops what should not be there."""
        if self._received:
            self._count(Mismatch.UNSOLICITED)
            await self._drain(_QUIET_S)
        await self._pause(self._last_byte + self.settings.gap_s)

    async def _undisturbed(self, extra: int) -> None:
        """After a reply: nothing may follow it for the silence between frames, or it was not the reply."""
        size = len(self._received)
        if not extra:
            await self._pause(self._last_byte + self.settings.gap_s)
        if extra or len(self._received) != size:
            self._count(Mismatch.UNSOLICITED)
            raise Mismatched(Defect(Mismatch.UNSOLICITED, "more bytes came after the reply"))

    async def _drain(self, most_s: float) -> None:
        """Drops what comes until the line is quiet, at most that much longer."""
        quiet_s = max(_QUIET_S, self.settings.gap_s)
        began = self._loop.time()
        until = began + quiet_s
        while self._loop.time() < until and self._link is not None:
            await self._pause(until)
            until = min(max(until, self._last_byte + quiet_s), began + quiet_s + most_s)
        self._received.clear()

    async def _pause(self, until: float) -> None:
        wait = until - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
