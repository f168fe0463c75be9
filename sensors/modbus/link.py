"""A link: bytes both ways, until it is lost. What carries them is in `link_tcp` and `link_serial`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from sensors.modbus.settings import LineSettings


class Link(Protocol):
    """An open link. What arrives goes to the two functions that it was opened with."""

    def write(self, data: bytes) -> None:
        """Sends all of it, or the link is lost."""
        ...

    def close(self) -> None:
        """Ends it; nothing arrives any more."""
        ...


Received = Callable[[bytes], None]
Lost = Callable[[str], None]
Opener = Callable[[LineSettings, Received, Lost], Awaitable[Link]]


async def open_link(settings: LineSettings, received: Received, lost: Lost) -> Link:
    """Opens the line's link. received: called with bytes as they come; lost: called once, with the reason.

    Raises SourceUnavailable, with the reason only, where it cannot be opened.
    """
    if settings.is_serial:
        from sensors.modbus.link_serial import open_serial

        return open_serial(settings, received, lost)
    from sensors.modbus.link_tcp import open_tcp

    return await open_tcp(settings, received, lost)
