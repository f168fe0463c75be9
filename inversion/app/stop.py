"""Requests to stop and to reload, heard from the first lines of the process on, long before the event loop stands."""

from __future__ import annotations

import asyncio
import signal

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """SIGTERM and SIGINT; SIGHUP asks to reload. A second SIGINT does not wait any longer, a second SIGTERM does."""

    def __init__(self) -> None:
        self._asked = False
        self._reload_asked = False

    def listen(self) -> None:
        """From here on a signal asks, and no longer ends the process."""
        for number in _SIGNALS:
            signal.signal(number, self._note)
        signal.signal(signal.SIGHUP, self._note_reload)

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

    def over(self) -> None:
        """What is asked from here on comes too late: the process is about to end by itself, with its own exit code.

        Call it in the running loop, which would else give the signals back their power to kill when it closes.
        """
        late = (signal.SIGTERM, signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_BLOCK, late)
        for number in late:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # in every thread

    def reload_event(self) -> asyncio.Event:
        """Set when the configuration shall be read again. Call it in the running loop."""
        event = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, event.set)
        if self._reload_asked:
            event.set()
        return event

    def _note_reload(self, *_: object) -> None:
        self._reload_asked = True

    def _note(self, *_: object) -> None:
        self._asked = True
