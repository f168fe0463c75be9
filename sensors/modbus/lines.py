"""The lines that are in use: sources that name the same one share it, because the wires are shared too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from sensors.errors import SourceUnavailable
from sensors.modbus.line import Line
from sensors.modbus.link import Opener, open_link
from sensors.modbus.settings import LineSettings


class _Shared:
    """A line, and how many use it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.users = 0


#: By event loop: there is one set of wires, whoever asks. The last user closes a line.
_IN_USE: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_line(settings: LineSettings, opener: Opener = open_link) -> AsyncIterator[Line]:
    """The line of these settings while in the context.

    opener: what opens its link; simulations have their own
    Raises SourceUnavailable where its port is in use with other settings.
    """
    lines = _IN_USE.setdefault(asyncio.get_running_loop(), {})
    resource = settings.resource  # while the port is there: the link that names it goes when a cable is pulled
    shared = lines.get(resource)
    if shared is None:
        shared = lines[resource] = _Shared(Line(settings, opener))
    elif shared.line.settings.described != settings.described:
        raise SourceUnavailable(f"{resource} is in use with other settings: {shared.line.settings.described}")
    shared.users += 1
    try:
        yield shared.line
    finally:
        shared.users -= 1
        if not shared.users:
            del lines[resource]
            shared.line.close()
            await asyncio.sleep(0)  # the event loop closes the socket in its next turn
