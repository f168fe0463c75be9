"""Joining registers to requests: nothing is left out or split, no plan is cheaper, and limits are learned."""

import asyncio
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.modbus.learning import Unreadable, learn
from sensors.modbus.planner import Cost, Limits, Read, joined, plan

places = st.lists(
    st.builds(Read, st.sampled_from(["holding", "input", "coil"]), st.integers(0, 60), st.sampled_from([1, 2, 4])),
    min_size=1,
    max_size=8,
)
costs = st.builds(Cost, st.floats(1e-4, 1e-1), st.floats(1e-6, 1e-2))


@given(places, costs, st.integers(32, 125))
def test_every_number_is_read_whole_once_and_within_the_limits(wanted, cost, most):
    limits = Limits(registers=most, bits=most)
    reads = plan(wanted, limits, cost)
    for place in wanted:
        assert sum(read.covers(place) for read in reads) == 1
    assert all(limits.allow(read) for read in reads)


@given(places, costs, st.integers(32, 40))
@settings(max_examples=60, deadline=None)
def test_no_other_cut_costs_less_bus_time(wanted, cost, most):
    limits = Limits(registers=most, bits=most)
    found = sum(cost.of(read) for read in plan(wanted, limits, cost))
    for table in {place.table for place in wanted}:
        found -= _least(joined(place for place in wanted if place.table == table), limits, cost)
    assert abs(found) < 1e-9


def _least(inside, limits, cost):
    """By trying every cut."""
    least = float("inf")
    for number in range(len(inside)):
        for cuts in combinations(range(1, len(inside)), number):
            parts = [inside[a:b] for a, b in zip((0, *cuts), (*cuts, len(inside)), strict=True)]
            reads = [Read(part[0].table, part[0].address, part[-1].end - part[0].address) for part in parts]
            if all(limits.allow(read) for read in reads):
                least = min(least, sum(cost.of(read) for read in reads))
    return least


def test_a_gap_is_crossed_when_a_request_costs_more():
    wanted = [Read("holding", 0, 2), Read("holding", 10, 2)]
    assert plan(wanted, Limits(), Cost(request_s=0.02, register_s=0.002)) == (Read("holding", 0, 12),)
    assert plan(wanted, Limits(), Cost(request_s=0.01, register_s=0.002)) == tuple(wanted)


def test_a_place_that_cannot_be_read_is_named_in_both_notations():
    with pytest.raises(ValueError, match=r"^holding 0 \(40001\) to holding 3 \(40004\): cannot be read"):
        plan([Read("holding", 0, 4)], Limits(registers=2), Cost())


class Device:
    """Refuses what is too long or touches what does not exist."""

    def __init__(self, most, missing):
        self.most, self.missing, self.asked = most, missing, 0

    async def works(self, read):
        self.asked += 1
        return read.count <= self.most and not self.missing & set(range(read.address, read.end))


def learned(wanted, device):
    """Plans until nothing is refused, as a source does."""

    async def run():
        limits = Limits()
        while True:
            reads = plan(wanted, limits, Cost(request_s=1.0))
            for read in reads:
                if not await device.works(read):
                    limits = await learn(read, wanted, limits, device.works)
                    break
            else:
                return limits, reads

    return asyncio.run(run())


@given(
    st.lists(st.builds(Read, st.just("holding"), st.integers(0, 120), st.sampled_from([1, 2])), min_size=1, max_size=8),
    st.integers(4, 125),
    st.sets(st.integers(0, 122), max_size=6),
)
@settings(deadline=None)
def test_whatever_a_device_forbids_all_its_numbers_are_read_in_the_end(wanted, most, missing):
    wanted = joined(wanted)
    wanted = [place for place in wanted if place.count <= most]
    missing -= {address for place in wanted for address in range(place.address, place.end)}
    device = Device(most, missing)
    if wanted:
        limits, reads = learned(wanted, device)
        assert limits.registers >= min(most, 1)
        assert all(any(read.covers(place) for read in reads) for place in wanted)


def test_a_largest_block_is_found_by_bisection_not_one_by_one():
    device = Device(most=32, missing=set())
    limits, reads = learned([Read("holding", address, 1) for address in range(0, 120, 40)], device)
    assert limits.forbidden == frozenset()
    assert device.asked < 30
    assert max(read.count for read in reads) <= 32


def test_a_gap_that_does_not_exist_is_not_crossed_again():
    device = Device(most=125, missing={7})
    limits, reads = learned([Read("holding", 0, 2), Read("holding", 10, 2), Read("holding", 14, 1)], device)
    assert limits == Limits(forbidden=frozenset({Read("holding", 7, 3)}))
    assert reads == (Read("holding", 0, 2), Read("holding", 10, 5))


def test_a_number_that_does_not_exist_is_named():
    device = Device(most=125, missing={10})
    with pytest.raises(Unreadable, match=r"^holding 10 \(40011\) to holding 11 \(40012\): refused"):
        learned([Read("holding", 0, 2), Read("holding", 10, 2)], device)
