"""Turns on a line, in simulated time: in order of arrival; silent units get the rest; who gives up waits no more."""

import asyncio

import pytest

from benchmarks.simulated_time import run
from sensors.modbus.turns import Turns


def test_turns_come_in_order_of_arrival():
    async def measure():
        turns, order = Turns(), []

        async def use(number):
            async with turns.turn(silent=False):
                await asyncio.sleep(0.1)
                order.append(number)

        await asyncio.gather(*(use(number) for number in range(8)))
        return order

    assert run(measure()) == list(range(8))


@pytest.mark.parametrize(("healthy", "most"), [(0, 1.0), (8, 0.21)])
def test_silent_units_take_a_fifth_where_others_wait_and_all_where_nobody_does(healthy, most):
    async def measure():
        turns, took = Turns(), {True: 0.0, False: 0.0}

        async def use(silent, seconds):
            while True:
                async with turns.turn(silent):
                    await asyncio.sleep(seconds)
                    took[silent] += seconds

        users = [asyncio.create_task(use(True, 0.3)) for _ in range(8)]
        users += [asyncio.create_task(use(False, 0.02)) for _ in range(healthy)]
        await asyncio.sleep(100)
        for user in users:
            user.cancel()
        await asyncio.gather(*users, return_exceptions=True)
        return took

    took = run(measure())
    assert 0.15 < took[True] / sum(took.values()) <= most
    assert sum(took.values()) > 99


@pytest.mark.parametrize("waiting", [True, False], ids=["while waiting", "as the turn comes"])
def test_who_gives_up_leaves_the_line_to_the_next(waiting):
    async def measure():
        turns, served = Turns(), []

        async def use(name):
            async with turns.turn(silent=False):
                await asyncio.sleep(1)
                served.append(name)

        first, second, third = (asyncio.create_task(use(name)) for name in ("first", "second", "third"))
        await asyncio.sleep(0.5)
        if waiting:
            second.cancel()
        else:
            first.add_done_callback(lambda _: second.cancel())
        await asyncio.wait((first, second, third))
        async with asyncio.timeout(2), turns.turn(silent=True):
            return served

    assert run(measure()) == ["first", "third"]
