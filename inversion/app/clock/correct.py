"""Times that were told by a clock that was not known, told anew once it is: the same record, revision 1."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from inversion.app.clock.clock import Setting

#: Kind of the events that tell how the clock is set, from their place in the journal on.
KIND = "clock"
_NS = 1_000_000_000


@dataclass(frozen=True)
class Told:
    """A setting of the clock that was journalled as record `number`."""

    number: int
    setting: Setting


def told(number: int, body: Mapping[str, Any]) -> Told | None:
    """What an event says of the clock, None where it is about something else."""
    if body.get("kind") != KIND or "offset_ns" not in body:
        return None
    return Told(number, Setting(str(body["boot"]), int(body["offset_ns"]), bool(body["clock_trusted"])))


def known_offset(settings: Sequence[Told], number: int) -> int | None:
    """Wall less monotonic clock for a record that was stamped untrusted, as the same start of the box learned later.

    None where it never did. settings: in the order of the journal
    """
    place = bisect_right([each.number for each in settings], number)
    if place == 0:
        return None
    boot = settings[place - 1].setting.boot
    for each in settings[place - 1 :]:
        if each.setting.boot != boot:
            return None
        if each.setting.trusted:
            return each.setting.offset_ns
    return None


def late_by(settings: Sequence[Told]) -> list[tuple[int, int | None]]:
    """First record of every setting, and how much later than told its records were, ns; None where nobody knows."""
    found: list[tuple[int, int | None]] = []
    for each in settings:
        offset_ns = known_offset(settings, each.number)
        found.append((each.number, None if offset_ns is None else offset_ns - each.setting.offset_ns))
    return found


def corrected(kind: str, time_ns: int, body: dict[str, Any], offset_ns: int) -> tuple[int, dict[str, Any]]:
    """Time of a record and its body, by a clock that is known; what was trusted is left as it is."""
    since_ns = body.get("monotonic_ns")
    if since_ns is None or body.get("clock_trusted", True):
        return time_ns, body
    stamped_ns = body["start_ns"] if kind == "finding" else time_ns
    late_ns = since_ns + offset_ns - stamped_ns
    after = moved(body, late_ns) | {"monotonic_ns": since_ns, "clock_trusted": True, "revision": 1}
    if kind == "event":
        after = {**body, "clock_trusted": True, "revision": 1}
    for name in ("time", "start"):
        if name in after and f"{name}_ns" in after:
            after[name] = iso(after[f"{name}_ns"])
    return time_ns + late_ns, after


def moved(told: Any, by_ns: int, until_ns: int | None = None, back_ns: int = 0) -> Any:
    """JSON with every time in it (an integer under a name that ends in `_ns`) moved; zero and null mean none.

    until_ns: times up to this one are moved by `back_ns` instead: they were told by another setting of the clock
    """
    if isinstance(told, Mapping):
        return {
            name: _moved(value, by_ns, until_ns, back_ns)
            if name.endswith("_ns") and isinstance(value, int) and value
            else moved(value, by_ns, until_ns, back_ns)
            for name, value in told.items()
        }
    return [moved(each, by_ns, until_ns, back_ns) for each in told] if isinstance(told, list | tuple) else told


def iso(time_ns: int) -> str:
    """ISO 8601, UTC, to the nanosecond."""
    seconds, rest = divmod(time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _moved(time_ns: int, by_ns: int, until_ns: int | None, back_ns: int) -> int:
    return time_ns + (back_ns if until_ns is not None and time_ns <= until_ns else by_ns)
