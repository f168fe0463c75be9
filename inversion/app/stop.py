"""A request to stop, heard from the first lines of the process on, long before the event loop stands."""

from __future__ import annotations

import asyncio
import signal

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """SIGTERM and SIGINT. A second SIGINT does not wait any longer."""

    def __init__(self) -> None:
        self._asked = False

    def listen(self) -> None:
        """From here on a signal asks, and no longer ends the process."""
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def event(self) -> asyncio.Event:
        """Set when a stop is asked for, or was already. Call it in the running loop."""
        event = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask() -> None:
            event.set()
            loop.remove_signal_handler(signal.SIGINT)  # what follows it is Python's own: KeyboardInterrupt

        for number in _SIGNALS:
            loop.add_signal_handler(number, ask)
        if self._asked:
            event.set()
        return event

    def _note(self, *_: object) -> None:
        self._asked = True
