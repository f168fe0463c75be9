"""Waiting: back-off between attempts, and pauses that a stop cuts short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Later(Exception):
    """A sink takes nothing for so many seconds, by design: it has not failed, and what waits is not lost."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not for {seconds:g} s")
        self.seconds = seconds


class TooMuch(ConnectionError):
    """A sink's destination takes less at a time than it was given, however often that is tried."""


def delays(first_s: float, cap_s: float) -> Iterator[float]:
    """Waits between attempts, s: doubled each time up to the cap, for ever."""
    wait_s = first_s
    while True:
        yield min(wait_s, cap_s)
        wait_s = min(2 * wait_s, cap_s)


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Returns after this time, or as soon as `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What the work returns; raises TimeoutError after this time.

    `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes in the moment in which the work ends.
    """
    async with asyncio.timeout(seconds):
        return await work


async def first_of(*events: asyncio.Event) -> None:
    """Returns as soon as one of the events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
