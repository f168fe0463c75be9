"""A delivery ends when it is told to, at whatever moment that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from inversion.app.delivery import Delivery
from inversion.app.journal import Entry
from inversion.app.patience import TooMuch


class Told:
    """A journal with one entry, and a ledger that does what it is asked."""

    def cursor(self, _: str) -> int:
        return 0

    def chosen(self, *_: Any) -> tuple[list[Entry], int]:
        return [Entry(1, "finding", "fan", 1, "a1b2", 0, {})], 1

    async def ask(self, work: Callable[..., Any], *words: Any) -> Any:
        return work(*words)

    def note(self, *_: Any) -> None: ...
    def took(self, *_: Any) -> None: ...


@dataclass
class Failing:
    """Fails when it is told to."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, _: Any) -> None:
        self.asked.set()
        await self.answer.wait()
        self.answer.clear()
        raise ConnectionError("nobody there")


class Journalled(Told):
    """With so many entries; `cursors` are as far as the sink is, one after the other."""

    def __init__(self, count: int) -> None:
        self.entries = [Entry(n, "finding", "fan", n, "a1b2", 0, {"n": n}) for n in range(1, count + 1)]
        self.cursors: list[int] = []

    def chosen(self, *words: Any) -> tuple[list[Entry], int]:
        cursor, most, _ = words
        found = self.entries[cursor : cursor + most]
        return found, found[-1].number if found else cursor

    def delivered(self, _: str, number: int) -> None:
        self.cursors.append(number)


@dataclass
class Narrow:
    """Takes so many at a time; tries: how many it was given each time"""

    most: int
    error: Exception
    taken: list[int] = field(default_factory=list)
    tries: list[int] = field(default_factory=list)

    async def write(self, findings: Any) -> None:
        self.tries.append(len(findings))
        if len(findings) > self.most:
            raise self.error
        self.taken += [finding["n"] for finding in findings]


@pytest.mark.parametrize(
    "error",
    [TimeoutError("confirmed nothing"), TooMuch("413"), ConnectionResetError("reset"), ConnectionError("refused")],
)
def test_a_sink_that_never_takes_so_much_at_a_time_is_given_less(error):
    """A slow line, or a destination of small bodies, would have what waits after an outage never."""

    async def scenario() -> tuple[Narrow, Journalled]:
        sink, told, finished = Narrow(20, error), Journalled(600), asyncio.Event()
        delivery = Delivery("narrow", sink, told, told, (0.001, 0.001), 30.0)  # type: ignore[arg-type]
        finished.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0 if type(error) is ConnectionError else 20.0):
                await delivery.run(finished)
        return sink, told

    sink, told = asyncio.run(scenario())
    if type(error) is ConnectionError:  # that it is gone has nothing to do with how much it is given
        assert set(sink.tries) == {256}
        return
    assert sink.taken == list(range(1, 601))
    assert (told.cursors, told.cursors[-1]) == (sorted(set(told.cursors)), 600)
    if isinstance(error, TooMuch):
        assert sum(tried > 20 for tried in sink.tries) == 4  # 256, 128, 64, 32; then never again


@pytest.mark.parametrize("later", range(8))
def test_a_cancellation_in_the_moment_in_which_a_sink_fails_is_not_forgotten(later):
    """`later`: turns of the loop from the failure to the cancellation."""

    async def cancelled() -> bool:
        sink, told = Failing(), Told()
        delivery = Delivery("dead", sink, told, told, (60.0, 60.0), 30.0)  # type: ignore[arg-type]
        task = asyncio.create_task(delivery.run(asyncio.Event()))
        await sink.asked.wait()
        sink.answer.set()
        for _ in range(later):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.5)
        for each in {task} - done:
            each.cancel()
        return bool(done) and task.cancelled()

    assert asyncio.run(cancelled())
