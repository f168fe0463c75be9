"""A delivery ends when it is told to, at whatever moment that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from inversion.app.delivery import Delivery
from inversion.app.journal import Entry


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
