"""asyncua's server with what it leaves open bounded, who may read, and certificates as they are on the disk now.

The library counts connections, messages in hand and seconds before a session. Bounded here are bytes of a message,
answers that are not taken, and messages a second. Its insides are used, so its minor version is pinned.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua import ua as _ua
from asyncua.common.connection import TransportLimits
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.server import Server
from asyncua.ua.uaerrors import UaError
from cryptography import x509

from inversion.app.secret import Secret

_LARGEST = 1 << 20  # bytes of a message, and of answers that wait to be taken
_BUFFER = 65535
_A_SECOND = 500
_ACTIVATION_S = 10.0

ua: Any = _ua  # its types are not those that it documents


@dataclass(frozen=True)
class Access:
    """certificate, key: of the server, None for no security; username, password: none is given for anybody."""

    certificate: Path | None = None
    key: Path | None = None
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret("password"))

    def get_user(self, _: Any, username: Any = None, password: Any = None, certificate: Any = None) -> User | None:
        """Who may read; nobody may change anything."""
        if not self.password.given:
            return User(role=UserRole.User, name="anybody")
        try:
            ours = f"{self.username}\n{self.password.text()}"
        except ConnectionError:
            return None
        right = hmac.compare_digest(ours.encode(), f"{username}\n{password}".encode())
        return User(role=UserRole.User, name=self.username) if right else None


class BoundedServer(Server):
    """Reads its certificate anew when the file is another, and bounds who asks."""

    def __init__(self, access: Access, connections: int) -> None:
        super().__init__(user_manager=access)  # type: ignore[arg-type]
        self._access, self._stamp = access, (0, 0)
        self.name, self.manufacturer_name, self.product_uri = "inversion", "inversion", "urn:inversion"
        self.application_type = ua.ApplicationType.Server
        self.limits = TransportLimits(_BUFFER, _BUFFER, _LARGEST // _BUFFER + 1, _LARGEST)
        self.iserver.max_connections = connections
        self.iserver.max_pending_activation_seconds = _ACTIVATION_S
        secured = access.certificate is not None
        types = ua.SecurityPolicyType
        strong = [types.Basic256Sha256_SignAndEncrypt, types.Aes256Sha256RsaPss_SignAndEncrypt]
        self.set_security_policy(strong if secured else [types.NoSecurity])
        self.set_identity_tokens([ua.UserNameIdentityToken if access.password.given else ua.AnonymousIdentityToken])

    async def start(self) -> None:
        await self.refresh()
        if self._access.certificate is None:
            await self._setup_server_nodes()
        await self.iserver.start()
        try:
            host, port = self._get_bind_socket_info()
            assert host is not None
            assert port is not None
            self.bserver = _Bounded(self, host, port, self.limits)
            self.bserver.set_policies(self._policies)
            await self.bserver.start()
        except OSError:
            await self.iserver.stop()
            raise

    async def refresh(self) -> None:
        """Uses the certificate and the key as they are on the disk now. Raises ConnectionError where they cannot be."""
        certificate, key = self._access.certificate, self._access.key
        if certificate is None or key is None:
            return
        try:
            stamp = (certificate.stat().st_mtime_ns, key.stat().st_mtime_ns)
            if stamp == self._stamp:
                return
            await self.load_certificate(certificate, "pem")
            await self.load_private_key(key, format="pem")
        except (OSError, ValueError, TypeError, UaError) as problem:
            raise ConnectionError(f"certificate or key cannot be used: {problem}") from problem
        self._stamp = stamp
        await self.set_application_uri(_uri(self.iserver.certificate))
        self.iserver.endpoints.clear()
        self._policies.clear()
        await self._setup_server_nodes()


def _uri(certificate: x509.Certificate) -> str:
    """The application's URI as its certificate has it: clients compare them (OPC UA Part 4, 6.1.3)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "urn:inversion"
    return str(next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "urn:inversion"))


class _Bounded(BinaryServer):
    def __init__(self, server: BoundedServer, host: str, port: int, limits: TransportLimits) -> None:
        super().__init__(server.iserver, host, port, limits)
        self._made_by = server

    def _make_protocol(self) -> OPCUAProtocol:
        return _BoundedProtocol(
            self._made_by,
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )


class _BoundedProtocol(OPCUAProtocol):
    def __init__(self, server: BoundedServer, **options: Any) -> None:
        super().__init__(**options)
        self._server, self._second_s, self._count = server, 0.0, 0

    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            return
        unread = self.transport.get_write_buffer_size()
        if len(self._buffer) + len(data) > 2 * _BUFFER or unread > _LARGEST:
            self.transport.abort()
            return
        super().data_received(data)

    async def _process_one_msg(self, header: Any, buf: Any) -> bool:
        if not self._count:
            with suppress(ConnectionError):  # half replaced: the one before serves until the files belong together
                await self._server.refresh()
        now_s = time.monotonic()
        if now_s - self._second_s >= 1.0:
            self._second_s, self._count = now_s, 0
        self._count += 1
        if self._count > _A_SECOND:
            await asyncio.sleep(self._second_s + 1.0 - now_s)
        return await super()._process_one_msg(header, buf)
