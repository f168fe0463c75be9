"""Links over TCP and TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl

from sensors.errors import SourceUnavailable
from sensors.modbus.link import Link, Lost, Received
from sensors.modbus.settings import LineSettings
from sensors.modbus.tls import client_context


async def open_tcp(settings: LineSettings, received: Received, lost: Lost) -> Link:
    """A connection. Raises SourceUnavailable with the reason."""
    context = _tls_context(settings) if settings.scheme == "tls" else None
    name = (settings.server_name or settings.host) if context else None
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(
            lambda: _Arrivals(received, lost, context is not None),
            settings.host,
            settings.port,
            ssl=context,
            server_hostname=name,
        )
    except ssl.SSLCertVerificationError as problem:
        raise SourceUnavailable(f"the server's certificate is refused: {problem.verify_message}") from problem
    except ssl.SSLError as problem:
        raise SourceUnavailable(f"no TLS connection: {problem.reason or problem}") from problem
    except socket.gaierror as problem:
        raise SourceUnavailable(f"no such host: {settings.host}") from problem
    except OSError as problem:
        raise SourceUnavailable(_reason(problem)) from problem
    return _TcpLink(transport)


def _tls_context(settings: LineSettings) -> ssl.SSLContext:
    try:
        return client_context(settings.ca, settings.certificate, settings.key)
    except ValueError as problem:  # it was good at start; a file was replaced since
        raise SourceUnavailable(str(problem)) from problem


def _reason(problem: OSError) -> str:
    """`connection refused`, whatever the event loop makes of it."""
    return os.strerror(problem.errno).lower() if problem.errno else str(problem) or "the other side ended it"


class _TcpLink:
    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._transport.abort()


class _Arrivals(asyncio.Protocol):
    def __init__(self, received: Received, lost: Lost, secured: bool) -> None:
        self._received, self._lost = received, lost
        self._doubtful = secured  # TLS 1.3 refuses a certificate only after the connection was made

    def data_received(self, data: bytes) -> None:
        self._doubtful = False
        self._received(data)

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, ssl.SSLError):
            self._lost(f"the device ended TLS: {error.reason or error}")
        elif error is not None:
            self._lost(f"the connection broke: {_reason(error) if isinstance(error, OSError) else error}")
        else:
            doubt = " before its first answer: it may refuse our certificate" if self._doubtful else ""
            self._lost(f"the device closed the connection{doubt}")
