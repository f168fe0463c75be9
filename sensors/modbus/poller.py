"""Reads all registers of a device in few requests, and learns what the device does not let a request read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sensors.errors import DecodeError
from sensors.modbus.learning import Unreadable, gaps, learn
from sensors.modbus.pdu import ILLEGAL_ADDRESS, ILLEGAL_VALUE, exception_text
from sensors.modbus.planner import Cost, Limits, Read, plan
from sensors.modbus.port import Port, Refused
from sensors.profile import Profile, Register
from sensors.reading import Reading
from sensors.registers import Words

_REFUSALS = (ILLEGAL_ADDRESS, ILLEGAL_VALUE)


@dataclass
class Memory:
    """What is known of a device's limits: what its profile says, and what was learned since."""

    limits: Limits


class Poller:
    """One device, polled by its profile. cost: of a request on this line; reads: the requests of a poll.

    A request across a gap that is refused does not keep the values waiting: they are read around the gaps at once, and
    why it was refused is learned before the next poll.
    """

    def __init__(self, port: Port, profile: Profile, memory: Memory | None = None, cost: Cost | None = None) -> None:
        self._port, self._profile = port, profile
        self._places = [place_of(register) for register in profile.registers]
        self.memory = memory or Memory(limits_of(profile))
        self.cost = cost or Cost()
        self.reads = plan(self._places, self.memory.limits, self.cost)
        self._worked: tuple[Read, ...] = ()  # requests of the last poll
        self._refused: tuple[Read, Refused] | None = None  # not yet known why

    async def poll(self) -> Mapping[str, Reading]:
        """One reading of each register, by name. All of it or an error.

        Raises SourceUnavailable, and DecodeError where the device refuses a register for good.
        """
        if self._refused is not None:
            await self._learn(*self._refused)
        while True:
            found: list[tuple[Read, Words]] = []
            try:
                for read in self.reads:
                    found.append((read, await self._port.read(read.table, read.address, read.count)))
            except Refused as refusal:
                if refusal.code not in _REFUSALS:
                    raise
                await self._avoid(self.reads[len(found)], refusal)
                continue
            self._worked = self.reads
            return {
                register.name: register.read(_words(found, place))
                for register, place in zip(self._profile.registers, self._places, strict=True)
            }

    def replan(self, cost: Cost) -> None:
        """Plans anew with what a request was measured to cost."""
        self.cost = cost
        self.reads = plan(self._places, self.memory.limits, cost)

    async def texts(self) -> Mapping[str, str]:
        """The texts of the device, by name. Raises DecodeError where one says that this is another device."""
        found = {}
        for text in self._profile.texts:
            said = text.decode(await self._port.read(text.table, text.address, text.registers))
            if not said.startswith(text.expected):
                raise DecodeError(
                    f"{text.place}: {text.name} is {said!r}, expected it to begin with {text.expected!r}: "
                    f"this is no {self._profile.device.name}"
                )
            found[text.name] = said
        return found

    async def _avoid(self, refused: Read, refusal: Refused) -> None:
        """Plans around the gaps of a refused request; where it has none, or that was tried, learns at once."""
        forbidden = gaps(refused, self._places)
        if not forbidden or self._refused is not None:
            await self._learn(refused, refusal)
            return
        self._refused = refused, refusal
        limits = self.memory.limits
        self.reads = plan(self._places, replace(limits, forbidden=limits.forbidden | forbidden), self.cost)

    async def _learn(self, refused: Read, refusal: Refused) -> None:
        self._refused = None
        try:
            self.memory.limits = await learn(refused, self._places, self.memory.limits, self._works)
            self.reads = plan(self._places, self.memory.limits, self.cost)
        except Unreadable as problem:
            names = [
                register.name
                for register, place in zip(self._profile.registers, self._places, strict=True)
                if problem.place.covers(place)
            ]
            what = f"{', '.join(names)}: {problem.place.place}: {exception_text(refusal.code)}"
            raise DecodeError(what) from refusal

    async def _works(self, read: Read) -> bool:
        if any(worked.covers(read) for worked in self._worked):
            return True
        try:
            await self._port.read(read.table, read.address, read.count)
        except Refused as refusal:
            if refusal.code not in _REFUSALS:
                raise
            return False
        return True


def place_of(register: Register) -> Read:
    """Where a register's number lies."""
    return Read(register.table, register.address, register.encoding.width)


def limits_of(profile: Profile) -> Limits:
    """What the profile says."""
    return Limits(registers=profile.device.block, bits=min(2000, 16 * profile.device.block))


def _words(found: list[tuple[Read, Words]], place: Read) -> Words:
    for read, words in found:
        if read.covers(place):
            return words[place.address - read.address : place.end - read.address]
    raise AssertionError(f"no request of the plan reads {place}")
