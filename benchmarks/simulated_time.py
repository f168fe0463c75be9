"""Hours of polling in seconds: an event loop whose time jumps to the next timer, and lines that live in memory.

Nothing of the real machine's speed enters, so that what is measured here is the same on every machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from sensors.modbus.faults import Pieces
from sensors.modbus.framing import Framing, Request
from sensors.modbus.link import Link, Lost, Received
from sensors.modbus.pdu import Defect
from sensors.modbus.settings import LineSettings


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: time jumps by as much as would be waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits for ever")
        self.now += max(timeout, 0.0)
        return []


class SimulatedTime(asyncio.SelectorEventLoop):
    """An event loop without input and output, in which time passes only by waiting."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Runs to the end in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        return runner.run(main)


#: Bytes that a serial adapter passes on at once.
_CHUNK = 16
#: Between two deliveries, because timers of one moment come in no order.
_ORDER_S = 1e-7
#: What a device on the line does with a request: pieces of a reply, "reset" or "half-open", or nothing at all.
React = Callable[[Request], Pieces | str | None]


class MemoryLine:
    """Wires, or a connection, with devices on them. Each unit answers in order.

    On wires bytes take their time, are passed on 16 at a time, and units may collide; over a connection (`byte_s` 0) a
    reply is written as a whole.
    """

    def __init__(self, react: React, byte_s: float = 0.0, answer_s: float = 1e-4, refuse: bool = False) -> None:
        self._react, self._byte_s, self._answer_s = react, byte_s, answer_s
        self.refuse = refuse
        self._busy_until: dict[int, float] = {}

    async def open(self, settings: LineSettings, received: Received, lost: Lost) -> Link:
        """As `sensors.modbus.link.open_link`."""
        if self.refuse:
            await asyncio.sleep(3600.0)
        return _MemoryLink(self, settings.framing, received, lost)

    def asked(self, link: _MemoryLink, request: Request, size: int) -> None:
        """A request has left the client."""
        loop = asyncio.get_running_loop()
        pieces = self._react(request)
        if pieces == "reset":
            loop.call_soon(link.reset)
        elif pieces == "half-open":
            link.deaf = True
        elif pieces and not isinstance(pieces, str):
            arrived = loop.time() + size * self._byte_s + self._answer_s
            device = request.unit if self._byte_s else 0
            at = max(arrived, self._busy_until.get(device, 0.0))
            for wait_s, data in pieces:
                at += wait_s
                for first in range(0, len(data), _CHUNK if self._byte_s else len(data) or 1):
                    part = data[first : first + _CHUNK] if self._byte_s else data
                    at += len(part) * self._byte_s + _ORDER_S
                    loop.call_at(at, link.deliver, part)
            self._busy_until[device] = at


class _MemoryLink:
    def __init__(self, line: MemoryLine, framing: Framing, received: Received, lost: Lost) -> None:
        self._line, self._framing, self._received, self._lost = line, framing, received, lost
        self._open, self.deaf = True, False
        self._requests = bytearray()

    def write(self, data: bytes) -> None:
        self._requests += data
        while (found := self._framing.next_request(self._requests)) is not None:
            assert not isinstance(found, Defect), found
            request, size = found
            del self._requests[:size]
            if not self.deaf:
                self._line.asked(self, request, size)

    def close(self) -> None:
        self._open = False

    def deliver(self, data: bytes) -> None:
        if self._open:
            self._received(data)

    def reset(self) -> None:
        if self._open:
            self._open = False
            self._lost("reset")
