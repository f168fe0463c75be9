"""Every inferred parameter with its interval, age and alarms as registers, for the plant's PLC to read."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from inversion.app.bounds import check_within
from inversion.app.journal import Entry
from inversion.app.serving.modbus_tcp import Bounds, ModbusServer
from inversion.app.serving.picture import Picture
from inversion.app.serving.place import place, server_context
from inversion.app.serving.registers import BLOCK, GATEWAY_ALARMS, RegisterMap
from sensors.modbus.answering import Refusal
from sensors.modbus.pdu import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION
from sensors.registers import BIT_TABLES, Words, check_order

log = logging.getLogger("inversion.gateway")


@dataclass(frozen=True)
class ModbusServerSink:
    """Modbus TCP for a PLC to read: values, intervals, age, alarm bits; NaN and a status where a value does not hold.

    assets, parameters, alarms: their order says where each lies (`inversion registers SITE` prints it): add at the end;
        an empty name keeps a place free
    listen: ADDRESS:PORT; beyond this machine only with certificate, key, and ca: PEM files, read at each connection;
        who asks must show a certificate of `ca` (Modbus/TCP Security)
    order: of the bytes of 32-bit numbers, ABCD or CDAB, BADC, DCBA
    stale_s: an asset of which nothing new came for so long has no values
    connections: at once; idle_s: after which a connection without a request ends
    """

    assets: tuple[str, ...]
    parameters: tuple[str, ...]
    alarms: tuple[str, ...] = ()
    listen: str = "127.0.0.1:1502"
    order: str = "ABCD"
    stale_s: float = 3600.0
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    connections: int = 16
    idle_s: float = 120.0

    def __post_init__(self) -> None:
        where = place(self.listen)
        try:
            check_order(self.order)
        except ValueError as problem:
            raise ValueError(str(problem).replace("order: found", "order must be one of the four; found")) from None
        self.map  # noqa: B018 - refuses what cannot be mapped
        given = [each is not None for each in (self.certificate, self.key, self.ca)]
        if any(given) and not all(given):
            raise ValueError("certificate, key and ca belong together: TLS, and who may ask")
        if not where.on_loopback and not all(given):
            raise ValueError(
                f"listen must be an address of this machine alone, such as 127.0.0.1, got {where.host!r}; "
                "for others to ask give certificate, key and ca: TLS, and a credential"
            )
        check_within("stale_s", self.stale_s, 1.0, 604_800.0, "s", "so long a value is served that nothing confirms")
        check_within("connections", self.connections, 1, 256, "", "each costs memory, and none would serve nobody")
        why = "who asks less often is cut off, and who has gone keeps a connection so long"
        check_within("idle_s", self.idle_s, 1.0, 3600.0, "s", why)

    @property
    def map(self) -> RegisterMap:
        """Where everything lies."""
        return RegisterMap(self.assets, self.parameters, self.alarms, self.order)

    def misfits(self, assets: Sequence[str], parameters: Sequence[str], alarms: Sequence[str]) -> list[str]:
        """What of the site has no place, and what has a place and is not of the site; one line each."""
        found = []
        for option, theirs, whole in (
            ("assets", assets, False),
            ("parameters", parameters, True),
            ("alarms", alarms, True),
        ):
            ours = getattr(self, option)
            found += [f"{option}: lacks {name!r}: add it at the end" for name in theirs if name not in ours]
            if whole:
                found += [f"{option}: {name!r} is not of this site" for name in ours if name and name not in theirs]
        return found

    async def open(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Listens. Raises OSError where the place is taken, ConnectionError where a certificate cannot be used."""
        await self._serving.open(last, cycles)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, made now."""
        now_ns = time.time_ns()
        await self.write_records([Entry(0, "finding", str(f["asset"]), 0, "", now_ns, f) for f in findings])

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Shows them at once."""
        self._serving.take(entries)

    async def close(self) -> None:
        """Ends all connections."""
        await self._serving.close()

    @property
    def port(self) -> int:
        """The bound port, while it is open."""
        return self._serving.port

    @cached_property
    def _serving(self) -> _Serving:
        return _Serving(self)


class _Serving:
    """The registers, and who reads them."""

    def __init__(self, sink: ModbusServerSink) -> None:
        self._sink, self._map = sink, sink.map
        self._picture = Picture(sink.stale_s)
        self._began_s = time.monotonic()
        self._unmapped: set[tuple[str, str]] = set()
        self._made: dict[tuple[int, bool], tuple[tuple[int, int], Words]] = {}
        self._server: ModbusServer | None = None
        self.port = 0

    async def open(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        self._picture.recall(last, cycles, time.time_ns(), time.monotonic())
        self._made.clear()
        self._look_for_unmapped()
        if self._sink.certificate is not None:
            self._context()  # what is wrong now shall be said now
        bounds = Bounds(connections=self._sink.connections, idle_s=self._sink.idle_s)
        server = ModbusServer(self, bounds, self._context if self._sink.certificate is not None else None)
        self.port = server.open(place(self._sink.listen))
        self._server = server

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()
        self._server = None

    def take(self, entries: Sequence[Entry]) -> None:
        self._picture.take(entries, time.time_ns(), time.monotonic())
        self._look_for_unmapped()

    def read(self, table: str, address: int, count: int) -> Words:
        """(count,) registers, or bits of discrete inputs. Raises Refusal where there are none."""
        if table == "coil" or not self._map.exists(address, count):
            raise Refusal(ILLEGAL_ADDRESS)
        first, last = address // BLOCK, (address + count - 1) // BLOCK
        words = [self._block(block, table in BIT_TABLES) for block in range(first, last + 1)]
        return np.concatenate(words)[address - first * BLOCK :][:count]

    def _block(self, block: int, bits: bool) -> Words:
        """As it is now; made again where a record came, and ten times a second at most."""
        now_s = time.monotonic()
        stamp = (self._picture.records, int(10 * now_s))
        held = self._made.get((block, bits))
        if held is not None and held[0] == stamp:
            return held[1]
        if bits:
            words = np.array(self._map.bits(block, self._picture, now_s), dtype=np.uint16)
        else:
            heartbeat = int(now_s - self._began_s)
            told = self._map.words(block, self._picture, heartbeat, len(self._unmapped), now_s)
            words = np.frombuffer(told, dtype=">u2").astype(np.uint16)
        self._made[block, bits] = (stamp, words)
        return words

    def write(self, table: str, address: int, values: Sequence[int]) -> None:
        """Nothing here is written."""
        raise Refusal(ILLEGAL_FUNCTION)

    def read_file(self, file: int, record: int, count: int) -> Words:
        """There are no files."""
        raise Refusal(ILLEGAL_FUNCTION)

    def read_fifo(self, address: int) -> Words:
        """There are no queues."""
        raise Refusal(ILLEGAL_FUNCTION)

    def _context(self) -> ssl.SSLContext:
        sink = self._sink
        assert sink.certificate is not None
        assert sink.key is not None
        assert sink.ca is not None
        return server_context(sink.certificate, sink.key, sink.ca)

    def _look_for_unmapped(self) -> None:
        """Says once what was told of and has no place; the register `unmapped` counts it."""
        told = zip(("asset", "parameter", "alarm"), self._picture.names(), strict=True)
        ours = (self._map.assets, self._map.parameters, (*self._map.alarms, *GATEWAY_ALARMS))
        for (what, names), known in zip(told, ours, strict=True):
            for name in sorted(names.difference(known)):
                if (what, name) not in self._unmapped and len(self._unmapped) < 1000:
                    self._unmapped.add((what, name))
                    log.warning("modbus_server: %s %r has no register: add it at the end of %ss", what, name, what)
