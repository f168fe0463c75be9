"""For whom a request was meant: a page elsewhere whose name is made to lead here (DNS rebinding) asks in that name.

A browser sends the name that it was given, and no address that an attacker's page could choose is one of these: so who
asks for another name has been led here, or comes through a proxy that the site does not name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from sensors.hostname import proper_host

_FIELD = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


def is_ours(field: str, names: Collection[str] = ()) -> bool:
    """Whether the field `Host` of a request means this machine: localhost, an address of loopback, or one of `names`.

    With any port or none, since a tunnel has another one. names: as `proper_host` has them
    """
    found = _FIELD.fullmatch(field)
    try:
        host = proper_host(found[1]) if found else ""
        return host == "localhost" or host in names or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def asked_for(head: bytes) -> list[str]:
    """Every field `Host` of a request's head."""
    fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return [value.strip().decode("latin-1") for name, _, value in fields if name.strip().lower() == b"host"]
