"""Where a server may listen: on this machine alone, or elsewhere with TLS and a credential."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """An address of this machine, and a port; 0 is any free one."""

    host: str
    port: int

    @property
    def on_loopback(self) -> bool:
        """Whether nobody else can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def everywhere(self) -> bool:
        """Whether it is every address of its family."""
        return ipaddress.ip_address(self.host).is_unspecified

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place(listen: str) -> Place:
    """`ADDRESS:PORT` read. Raises ValueError that begins with `listen`, the option's name."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        address, number = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host), int(port)
    except ValueError:
        raise ValueError(f"listen must be ADDRESS:PORT, such as 127.0.0.1:1502, got {listen!r}") from None
    if not 0 <= number < 65536:
        raise ValueError(f"listen must have a port from 0 to 65535, got {listen!r}")
    return Place(str(getattr(address, "ipv4_mapped", None) or address), number)


def server_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """The server's side of TLS 1.2 or later; who asks must show a certificate of `ca`.

    Nothing is remembered from one connection to the next, so that a certificate that `ca` no longer covers is refused
    at once. Raises ConnectionError where a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as problem:
        said = getattr(problem, "reason", None) or problem.strerror or problem
        raise ConnectionError(f"certificate, key or ca cannot be used: {said}") from problem
    return context
