"""A stop is heard before the event loop stands, and while it runs."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from inversion.app.stop import Stop


@pytest.fixture
def handlers():
    """Puts the handlers of this process back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_loop_is_remembered(handlers, number):
    async def asked() -> bool:
        return stop.event().is_set()

    stop = Stop()
    stop.listen()
    os.kill(os.getpid(), number)
    assert asyncio.run(asked())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_loop_runs_sets_the_event(handlers, number):
    async def asked() -> bool:
        event = stop.event()
        assert not event.is_set()
        os.kill(os.getpid(), number)
        return await asyncio.wait_for(event.wait(), 5)

    stop = Stop()
    stop.listen()
    assert asyncio.run(asked())


def test_a_second_interrupt_does_not_wait(handlers):
    async def impatient() -> None:
        event = stop.event()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(event.wait(), 5)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(5)

    stop = Stop()
    stop.listen()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(impatient())
