"""What is asked of the other side of a TLS line, by both sides. Source: Modbus/TCP Security v21, 5 and 7."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path


def client_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later, the server's name checked, and our own certificate where there is one.

    Raises ValueError that begins with the key whose file is no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (ssl.SSLError, OSError) as problem:
        raise ValueError(f"ca: {ca} holds no certificate: {_reason(problem)}") from problem
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        _load_chain(context, certificate, key)
    return context


def server_context(ca: Path | None, certificate: Path, key: Path) -> ssl.SSLContext:
    """The other side of it, for simulation: TLS 1.2 or later, and a client certificate of `ca` where there is one.

    Raises ValueError that begins with the key whose file is no certificate or key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, certificate, key)
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (ssl.SSLError, OSError) as problem:
            raise ValueError(f"ca: {ca} holds no certificate: {_reason(problem)}") from problem
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as problem:
        raise ValueError(
            f"certificate: {certificate} and {key} do not belong together: {_reason(problem)}"
        ) from problem


def valid_until(certificate: Path) -> datetime:
    """When the first certificate of a PEM file expires, UTC. Raises ValueError where there is none."""
    return all_valid_until(certificate)[0]


def all_valid_until(certificates: Path) -> list[datetime]:
    """When each certificate of a PEM file expires, UTC. Source: RFC 5280, 4.1; tags as in X.690.

    Raises ValueError where there is none, or one that cannot be read.
    """
    try:
        text = certificates.read_text(encoding="latin-1")
    except OSError as problem:
        raise ValueError(f"certificate: {certificates} cannot be read: {problem.strerror}") from problem
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    found = [part.partition(end) for part in text.split(begin)[1:]]
    if not found or not all(closing for _, closing, _ in found):
        raise ValueError(f"certificate: {certificates} holds no certificate")
    try:
        return [_ends(f"{begin}{inside}{end}") for inside, _, _ in found]
    except (IndexError, ValueError) as problem:
        raise ValueError(f"certificate: {certificates} holds no certificate that can be read") from problem


def _ends(pem: str) -> datetime:
    fields = _items(_items(_items(ssl.PEM_cert_to_DER_cert(pem))[0][1])[0][1])
    validity = fields[4 if fields[0][0] == 0xA0 else 3][1]  # the version may be left out
    tag, ends = _items(validity)[1]
    shown = ends.decode("ascii")
    if tag == 0x17:  # UTCTime: two digits of the year, 1950 to 2049
        shown = ("20" if shown[:2] < "50" else "19") + shown
    return datetime.strptime(shown, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _items(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of what follows each other in DER. Raises IndexError where it is cut."""
    found, at = [], 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(der[at : at + more], "big"), at + more
        found.append((tag, der[at : at + size]))
        at += size
    return found


def _reason(problem: OSError) -> str:
    return str(getattr(problem, "reason", "") or problem.strerror or problem)
