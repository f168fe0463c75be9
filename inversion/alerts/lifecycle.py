"""What operators see of an alarm: the life cycle of ANSI/ISA-18.2-2016, clause 5.2 (IEC 62682), a pure state machine.

The process says whether the condition stands; people acknowledge, shelve, take out of service and reset; the state of
the machine suppresses by design. Where several hide an alarm at once, the strongest names the state:
out of service > suppressed by design > shelved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

STATES = (
    "normal",
    "unacknowledged",
    "acknowledged",
    "returned unacknowledged",
    "latched unacknowledged",
    "latched acknowledged",
    "shelved",
    "suppressed",
    "out of service",
)
HIDDEN = ("shelved", "suppressed", "out of service")


class NotAllowed(ValueError):
    """What was asked for cannot be done in this state; the message says why."""


@dataclass(frozen=True)
class LifeCycle:
    """Life cycle of one alarm of one asset.

    active: whether the condition stands; latched: it stood, and nobody has reset it
    acknowledged: whether somebody has seen this annunciation; True where there is none
    shelved_until_ns: UTC; suppressed: by the state of the machine; out_of_service: until somebody returns it
    since_ns: UTC, when the state that `state` names began
    """

    active: bool = False
    acknowledged: bool = True
    latched: bool = False
    shelved_until_ns: int | None = None
    suppressed: bool = False
    out_of_service: bool = False
    since_ns: int = 0

    @property
    def state(self) -> str:
        """One of STATES."""
        if self.out_of_service:
            return "out of service"
        if self.suppressed:
            return "suppressed"
        if self.shelved_until_ns is not None:
            return "shelved"
        if self.active:
            return "acknowledged" if self.acknowledged else "unacknowledged"
        if self.latched:
            return "latched acknowledged" if self.acknowledged else "latched unacknowledged"
        return "normal" if self.acknowledged else "returned unacknowledged"

    @property
    def hidden(self) -> bool:
        """Whether operators are not told of it."""
        return self.state in HIDDEN

    @property
    def standing(self) -> bool:
        """Whether operators have something to do with it: it is neither normal nor hidden."""
        return self.state != "normal" and not self.hidden

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LifeCycle:
        """The life cycle that `to_dict` wrote."""
        return cls(**data)


def sense(cycle: LifeCycle, active: bool, suppressed: bool, latching: bool, now_ns: int) -> LifeCycle:
    """The process says whether the condition stands, and the machine's state whether that counts."""
    after = replace(cycle, suppressed=suppressed)
    risen = active and not cycle.active
    if risen and not after.hidden:
        after = replace(after, acknowledged=False)
    after = replace(after, active=active, latched=cycle.latched or (latching and active and not after.hidden))
    return _since(_shown_again(cycle, after, latching), cycle, now_ns)


def expire(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """The clock ends a shelving."""
    if cycle.shelved_until_ns is None or now_ns < cycle.shelved_until_ns:
        return cycle
    return _since(_shown_again(cycle, replace(cycle, shelved_until_ns=None), False), cycle, now_ns)


def acknowledge(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """An operator has seen it. Raises NotAllowed where there is nothing to acknowledge."""
    if cycle.hidden or cycle.acknowledged:
        raise NotAllowed(f"there is nothing to acknowledge: it is {cycle.state}")
    return _since(replace(cycle, acknowledged=True), cycle, now_ns)


def reset(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """An operator ends a latch. Raises NotAllowed while the condition stands, and before it is acknowledged."""
    if cycle.state != "latched acknowledged":
        raise NotAllowed(
            f"only a latched alarm that is acknowledged and whose condition has gone is reset: {cycle.state}"
        )
    return _since(replace(cycle, latched=False), cycle, now_ns)


def shelve(cycle: LifeCycle, until_ns: int, now_ns: int) -> LifeCycle:
    """An operator puts it aside until a time. Raises NotAllowed for a time that has passed."""
    if until_ns <= now_ns:
        raise NotAllowed("shelving must end in the future")
    return _since(replace(cycle, shelved_until_ns=until_ns, acknowledged=True), cycle, now_ns)


def unshelve(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """An operator takes it back before its time. Raises NotAllowed where it is not shelved."""
    if cycle.shelved_until_ns is None:
        raise NotAllowed(f"it is not shelved: {cycle.state}")
    return expire(replace(cycle, shelved_until_ns=now_ns), now_ns)


def take_out(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """Maintenance takes it out of service. Raises NotAllowed where it is already."""
    if cycle.out_of_service:
        raise NotAllowed("it is out of service already")
    return _since(replace(cycle, out_of_service=True, acknowledged=True), cycle, now_ns)


def put_back(cycle: LifeCycle, now_ns: int) -> LifeCycle:
    """Maintenance returns it to service. Raises NotAllowed where it is not out of service."""
    if not cycle.out_of_service:
        raise NotAllowed(f"it is in service: {cycle.state}")
    return _since(_shown_again(cycle, replace(cycle, out_of_service=False), False), cycle, now_ns)


def _shown_again(before: LifeCycle, after: LifeCycle, latching: bool) -> LifeCycle:
    """An alarm that comes out of hiding while its condition stands is announced anew; hiding acknowledges nothing."""
    if not after.hidden and before.hidden and after.active:
        return replace(after, acknowledged=False, latched=after.latched or latching)
    if after.hidden and not before.hidden:
        return replace(after, acknowledged=True)
    return after


def _since(after: LifeCycle, before: LifeCycle, now_ns: int) -> LifeCycle:
    return after if after.state == before.state else replace(after, since_ns=now_ns)
