"""Assets, parameters with their intervals, and alarms as nodes of an OPC UA server."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inversion.app.bounds import check_within
from inversion.app.journal import Entry
from inversion.app.secret import Secret
from inversion.app.serving.place import place

if TYPE_CHECKING:
    from inversion.app.serving.opcua import OpcUaServer


@dataclass(frozen=True)
class OpcUaSink:
    """OPC UA for clients to read and subscribe to; a value that does not hold is none, with a status code.

    listen: ADDRESS:PORT; beyond this machine only with certificate, key, username and password: then channels are
        signed and encrypted (Basic256Sha256 or Aes256-Sha256-RsaPss), and who reads shows the password
    certificate, key: PEM files, used as they are at each new connection
    password_file, password_environment: the first line of the file, or the variable of the environment, is the password
    stale_s: an asset of which nothing new came for so long has no values; connections: at once
    """

    listen: str = "127.0.0.1:4840"
    certificate: Path | None = None
    key: Path | None = None
    username: str = ""
    password_file: Path | None = None
    password_environment: str = ""
    stale_s: float = 3600.0
    connections: int = 16

    def __post_init__(self) -> None:
        where = place(self.listen)
        if find_spec("asyncua") is None:
            raise ValueError("needs asyncua, which is not installed: pip install 'edge-inversion[opcua]'")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together, found only one of them")
        given = self._password.given
        if bool(self.username) != given:
            raise ValueError(
                "username and password_file belong together, or password_environment, found only one of them"
            )
        if given and self.certificate is None:
            raise ValueError("password_file needs certificate and key: a password is sent encrypted only")
        if not where.on_loopback and not given:
            raise ValueError(
                f"listen must be an address of this machine alone, such as 127.0.0.1, got {where.host!r}; "
                "for others to ask give certificate, key, username and password_file"
            )
        check_within("stale_s", self.stale_s, 1.0, 604_800.0, "s", "so long a value is served that nothing confirms")
        check_within("connections", self.connections, 1, 256, "", "each costs memory, and none would serve nobody")

    async def open(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Listens. Raises OSError where the place is taken, ConnectionError where a certificate cannot be used."""
        await self._server.open(place(self.listen), last, cycles)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, made now."""
        now_ns = time.time_ns()
        await self.write_records([Entry(0, "finding", str(f["asset"]), 0, "", now_ns, f) for f in findings])

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Shows them."""
        await self._server.take(entries)

    async def close(self) -> None:
        """Ends all connections."""
        await self._server.close()

    @property
    def port(self) -> int:
        """The bound port, while it is open."""
        return self._server.port

    @property
    def _password(self) -> Secret:
        return Secret("password", self.password_file, self.password_environment)

    @cached_property
    def _server(self) -> OpcUaServer:
        from inversion.app.serving.opcua import OpcUaServer
        from inversion.app.serving.opcua_bounds import Access

        access = Access(self.certificate, self.key, self.username, self._password)
        return OpcUaServer(access, self.stale_s, self.connections)
