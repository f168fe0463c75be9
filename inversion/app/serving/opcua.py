"""An OPC UA server whose nodes are assets, parameters and alarms; the library is asyncua, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import ua as _ua

from inversion.app.journal import Entry
from inversion.app.serving.opcua_bounds import Access, BoundedServer
from inversion.app.serving.picture import Picture, Status, Value
from inversion.app.serving.place import Place

NAMESPACE = "urn:inversion:findings"
_LOOK_S = 1.0

ua: Any = _ua  # its types are not those that it documents

CODES = {
    Status.NOTHING: ua.StatusCodes.BadWaitingForInitialData,
    Status.RESOLVED: ua.StatusCodes.Good,
    Status.NOT_RESOLVABLE: ua.StatusCodes.BadNoDataAvailable,
    Status.BAD: ua.StatusCodes.BadSensorFailure,
    Status.STALE: ua.StatusCodes.BadNoCommunication,
}
_GOOD = int(ua.StatusCodes.Good)
_QUALITIES = ("none yet", "good", "uncertain", "bad")

_Path = tuple[str, ...]


class OpcUaServer:
    """Serves a picture while it is open; its methods are called from another event loop."""

    def __init__(self, access: Access, stale_s: float, connections: int) -> None:
        self._access, self._connections = access, connections
        self._picture = Picture(stale_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="opcua", daemon=True)
        self._server: BoundedServer | None = None
        self._looking: asyncio.Task[None] | None = None
        self._nodes: dict[_Path, Any] = {}
        self._told: dict[_Path, tuple[str, int]] = {}
        self._space = 0
        self.port = 0

    async def open(
        self, place: Place, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]
    ) -> None:
        """Listens. Raises OSError where the place is taken, ConnectionError where a certificate cannot be used."""
        if not self._thread.is_alive():
            self._thread.start()
        await self._there(self._open(place, last, cycles))

    async def take(self, entries: Sequence[Entry]) -> None:
        """Shows these records."""
        await self._there(self._take(entries))

    async def close(self) -> None:
        """Ends all connections."""
        if not self._thread.is_alive():
            return
        await self._there(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _there(self, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _open(
        self, place: Place, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]
    ) -> None:
        await self._close()
        if place.port:
            _check_free(place)  # before seconds are spent on the nodes of the standard
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs what attackers do, line by line
        server = BoundedServer(self._access, self._connections)
        await server.init()
        host = f"[{place.host}]" if ":" in place.host else place.host
        server.set_endpoint(f"opc.tcp://{host}:{place.port}/inversion")
        self._space = await server.register_namespace(NAMESPACE)
        await server.start()
        self._server, self._nodes, self._told = server, {}, {}
        assert server.bserver is not None
        self.port = server.bserver.port
        self._picture.recall(last, cycles, time.time_ns(), time.monotonic())
        await self._show(None)
        self._looking = asyncio.create_task(self._look())

    async def _close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()
            await asyncio.sleep(0)
        self._looking = self._server = None

    async def _take(self, entries: Sequence[Entry]) -> None:
        self._picture.take(entries, time.time_ns(), time.monotonic())
        await self._show({entry.asset for entry in entries})

    async def _look(self) -> None:
        """What becomes stale is shown without being told."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._show(None)

    async def _show(self, these: set[str] | None) -> None:
        """These assets, or all."""
        now_s = time.monotonic()
        assets, _, _ = self._picture.names()
        for asset in sorted(assets if these is None else assets & these):
            newest = self._picture.finding(asset)
            assert newest is not None
            finding, sequence = newest
            stale = self._picture.stale(asset, now_s)
            began = datetime.fromtimestamp(finding["start_ns"] / 1e9, UTC).replace(tzinfo=None)
            await self._put((asset,), "quality", _QUALITIES[self._picture.quality(asset)])
            await self._put((asset,), "stale", stale)
            await self._put((asset,), "sequence", sequence)
            await self._put((asset,), "window_start", began)
            for parameter in finding["parameters"]:
                await self._put_value((asset, parameter), self._picture.value(asset, parameter, now_s))
        for (asset, alarm), told in list(self._picture.alarms().items()):
            if these is not None and asset not in these:
                continue
            path = (asset, "alarms", alarm)
            await self._put(path, "state", told.state)
            await self._put(path, "calls", told.calls)
            await self._put(path, "unacknowledged", told.unacknowledged)

    async def _put_value(self, path: _Path, value: Value) -> None:
        await self._put(path, "status", value.status.name.lower().replace("_", " "))
        await self._put(path, "unit", value.unit)
        for name, number in (("value", value.mean), ("low", value.low), ("high", value.high)):
            await self._put(path, name, number, CODES[value.status] if math.isnan(number) else _GOOD)

    async def _put(self, path: _Path, name: str, content: Any, code: int = _GOOD) -> None:
        """One variable; written where it has changed only, so that who subscribed is told of changes."""
        assert self._server is not None
        key, told = (*path, name), (repr(content), code)
        node = self._nodes.get(key)
        if node is None:
            parent = await self._folder(path)
            node = self._nodes[key] = await parent.add_variable(*self._named(key), content, _kind(content))
        elif self._told.get(key) == told:
            return
        now = datetime.now(UTC).replace(tzinfo=None)
        value = ua.DataValue(ua.Variant(content, _kind(content)), ua.StatusCode(ua.UInt32(code)), now)
        await self._server.write_attribute_value(node.nodeid, value)
        self._told[key] = told

    async def _folder(self, path: _Path) -> Any:
        """The object at a path, made where it is absent."""
        assert self._server is not None
        if not path:
            return self._server.get_objects_node()
        if path not in self._nodes:
            parent = await self._folder(path[:-1])
            self._nodes[path] = await parent.add_object(*self._named(path))
        return self._nodes[path]

    def _named(self, path: _Path) -> tuple[Any, Any]:
        """Node id, which is the path and never changes, and browse name."""
        told = "/".join(each.replace("%", "%25").replace("/", "%2F") for each in path)
        return ua.NodeId(told, self._space), ua.QualifiedName(path[-1], self._space)


def _check_free(place: Place) -> None:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    socket.create_server((place.host, place.port), family=family).close()


def _kind(content: object) -> Any:
    if isinstance(content, bool):
        return ua.VariantType.Boolean
    if isinstance(content, int):
        return ua.VariantType.Int64
    if isinstance(content, float):
        return ua.VariantType.Double
    return ua.VariantType.DateTime if isinstance(content, datetime) else ua.VariantType.String
