"""`[observe]`: where a gateway shows how it is."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from sensors.hostname import proper_host


@dataclass(frozen=True)
class ObserveOptions:
    """listen: ADDRESS:PORT of this machine alone, such as "127.0.0.1:9464"; empty: nowhere.

    What is shown is not encrypted and asks for no credential, hence no other machine can be let in: a proxy that does
    both can stand in front. hosts: names under which that is asked, where it passes them on; a request that is meant
    for another host than these and this machine is refused
    """

    listen: str = ""
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.listen:
            self.place  # noqa: B018 - refuses what is no place
        self.names  # noqa: B018 - refuses what is no name

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts as a request may name them."""
        try:
            return tuple(map(proper_host, self.hosts))
        except ValueError as problem:
            raise ValueError(f"hosts {problem}") from None

    @property
    def place(self) -> tuple[str, int]:
        """Address and port."""
        host, _, port = self.listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        try:
            address, number = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host), int(port)
        except ValueError:
            raise ValueError(f"listen must be ADDRESS:PORT, such as 127.0.0.1:9464, got {self.listen!r}") from None
        if not 0 <= number < 65536:
            raise ValueError(f"listen must have a port from 0 to 65535, got {self.listen!r}")
        if not address.is_loopback:
            raise ValueError(f"listen must be an address of this machine alone, such as 127.0.0.1, got {host!r}")
        return str(address), number
