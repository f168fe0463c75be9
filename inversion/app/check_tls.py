"""Whether the certificates and keys of a site can be used, now: told at check, not at the first connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from inversion.app.configuration import Site
from inversion.app.options import Key, read_document
from inversion.core import ConfigurationError


def check_tls(path: Path, site: Site, now: datetime) -> None:
    """Raises ConfigurationError where a file is absent, is none, does not fit, or has expired.

    A gateway starts all the same, for the others: a device that refuses us for it is a lost device then, a sink one
    that failed. now: UTC
    """
    document = read_document(path)
    several = isinstance(document.content.get("source"), list)
    users: list[tuple[Key, object]] = [
        (("source", number) if several else ("source",), source) for number, source in enumerate(site.sources)
    ]
    users += [(("sink", number), sink) for number, sink in enumerate(site.sinks.values())]
    complaints = [
        str(document.error((*place, option), problem))
        for place, user in users
        for option, problem in _problems(user, now)
    ]
    if complaints:
        raise ConfigurationError("\n".join(complaints))


def _problems(user: object, now: datetime) -> Iterator[tuple[str, str]]:
    """Option and what is wrong with its file."""
    files = {option: getattr(user, option, None) for option in ("certificate", "ca", "key")}
    good = True
    for option in ("certificate", "ca"):
        file = files[option]
        problem = _expired(file, option, now) if isinstance(file, Path) else ""
        if problem:
            good = False
            yield option, problem
    certificate, key = files["certificate"], files["key"]
    if good and isinstance(certificate, Path) and isinstance(key, Path):
        problem = _apart(certificate, key)
        if problem:
            yield "key", problem


def _expired(file: Path, option: str, now: datetime) -> str:
    """Of our own certificate the first counts, of those that we trust any."""
    from sensors.modbus.tls import all_valid_until

    try:
        ends = all_valid_until(file)
    except ValueError as problem:
        return str(problem).removeprefix("certificate: ")
    last = max(ends) if option == "ca" else ends[0]
    return f"{file} expired on {last:%Y-%m-%d %H:%M} UTC" if last <= now else ""


def _apart(certificate: Path, key: Path) -> str:
    """Why a key is none for the certificate; empty where it is, and where only its user may read it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: "")
    except PermissionError:
        return ""
    except ssl.SSLError as problem:
        reason = (problem.reason or str(problem)).replace("_", " ").lower()
        return f"{key} is no key, without a password, of {certificate}: {reason}"
    except OSError as problem:
        return f"{key} cannot be read: {problem.strerror}"
    return ""
