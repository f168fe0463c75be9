"""Names and addresses of hosts, as people write them: what cannot be one is refused before anything is looked up."""

from __future__ import annotations

import ipaddress
import re

_NAME = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def proper_host(text: str) -> str:
    """A name in small letters or an address in its usual form. Raises ValueError for a URL, a port, 192.0.2.999.

    Source: RFC 952 and 1123 for names, and the underscores that many have; a last part that is a number makes an
    address (WHATWG URL, 3.5).
    """
    shown = repr(text) if "@" not in text else "one with user or password"
    small = text.lower().removesuffix(".")
    bare = small[1:-1] if small.startswith("[") and small.endswith("]") else small
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    if "://" in text:
        raise ValueError(f"must be the name or address of a host alone, without scheme, got {shown}")
    if re.fullmatch(r"[^:]+:\d+", text):
        raise ValueError(f"must be the name or address of a host alone, without port, got {shown}")
    if len(small) > 253 or not _NAME.fullmatch(small) or _NUMBER.fullmatch(small.rpartition(".")[2]):
        raise ValueError(f"must be the name or address of a host, such as 'gateway.plant.example', got {shown}")
    return small
