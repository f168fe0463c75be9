"""Alarms and events to syslog (RFC 5424 over UDP or TCP) or to this machine's log (`/dev/log`: syslog, journald)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inversion.app.journal import Entry
from sensors.hostname import proper_host

_FACILITY = 16  # local0
_SEVERITY = {"alarm": 1, "warning": 4, "event": 5}  # alert, warning, notice (RFC 5424, table 2)
_TIMEOUT_S = 10.0
_LONGEST = 2048  # bytes that any receiver takes (RFC 5424, 6.1)


@dataclass(frozen=True)
class SyslogSink:
    """One line a change of an alarm or an event; findings are left to other sinks.

    address: the path of a socket, udp://HOST:PORT or tcp://HOST:PORT
    """

    address: str = "/dev/log"

    def __post_init__(self) -> None:
        if self.address.startswith("/"):
            return
        try:
            parts = urlsplit(self.address)
            complete = parts.scheme in ("udp", "tcp") and proper_host(parts.hostname or "") and parts.port
        except ValueError:
            complete = False
        if not complete:
            raise ValueError(f"address must be a path, udp://HOST:PORT or tcp://HOST:PORT, got {self.address!r}")

    @property
    def cautions(self) -> tuple[str, ...]:
        """What may be meant otherwise."""
        if self.address.startswith("/") and not Path(self.address).is_socket():
            return (f"address {self.address} is no socket here",)
        return ()

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings are not logged."""

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises OSError where nobody listens (over UDP nobody can tell)."""
        lines = [line(entry) for entry in entries if entry.kind != "finding"]
        if lines:
            await asyncio.to_thread(self._send, lines)

    def _send(self, lines: Sequence[bytes]) -> None:
        if self.address.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
                log.settimeout(_TIMEOUT_S)
                log.connect(str(Path(self.address)))
                for each in lines:
                    log.send(each)
            return
        parts = urlsplit(self.address)
        host, port = parts.hostname or "", parts.port or 0
        if parts.scheme == "udp":
            family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as log:
                for each in lines:
                    log.sendto(each, place)
            return
        with socket.create_connection((host, port), _TIMEOUT_S) as log:
            log.sendall(b"".join(b"%d %s" % (len(each), each) for each in lines))  # RFC 6587, 3.4.1


def line(entry: Entry) -> bytes:
    """A record as RFC 5424 has it, at most 2048 bytes; what could begin a second line is a space."""
    severity = _SEVERITY.get(str(entry.body.get("severity", "alarm")) if entry.kind == "alarm" else "event", 5)
    seconds, rest = divmod(entry.time_ns, 1_000_000_000)
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
    named = f'[inversion@32473 journal="{entry.journal}" asset="{_value(entry.asset)}" sequence="{entry.sequence}"]'
    text = "".join(each if each.isprintable() else " " for each in str(entry.body.get("text", "")))
    head = f"<{_FACILITY * 8 + severity}>1 {stamp} {_word(socket.gethostname())} inversion - {entry.kind} {named} "
    return (head + text).encode()[:_LONGEST].decode(errors="ignore").encode()


def _word(name: str) -> str:
    return "".join(each for each in name if "!" <= each <= "~")[:255] or "-"


def _value(name: str) -> str:
    plain = "".join(each if each.isprintable() else " " for each in name)[:200]
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
