"""What is said of the clock: an event at every start of the gateway and whenever the clock is set or trusted anew."""

from __future__ import annotations

from dataclasses import replace

from inversion.app.clock.clock import STEP_NS, Clock, Setting
from inversion.app.clock.correct import KIND
from inversion.app.journal import Record

_UNITS = ((2 * 31_557_600, 31_557_600, "years"), (172_800, 86_400, "days"), (7200, 3600, "h"), (120, 60, "min"))
_NS = 1_000_000_000


def stamped(record: Record, clock: Clock) -> Record:
    """An alarm or an event with both clocks in it; a finding has those of its window."""
    if record.kind == "finding":
        return record
    both = {"monotonic_ns": clock.monotonic_ns(), "clock_trusted": clock.setting.trusted}
    return replace(record, body={**record.body, **both})


def setting_record(before: Setting | None, after: Setting, now_ns: int) -> Record:
    """The event that the clock is set so, from here on. before: None at the start of a gateway"""
    how = {"boot": after.boot, "offset_ns": after.offset_ns, "clock_trusted": after.trusted}
    return Record("event", "", now_ns, {"kind": KIND, "text": _text(before, after), **how})


def worth_saying(before: Setting | None, after: Setting) -> bool:
    """Whether people should hear of it: all but a clock that was found right."""
    return before is not None or not after.trusted


def _text(before: Setting | None, after: Setting) -> str:
    step_ns = 0 if before is None else after.offset_ns - before.offset_ns
    said = []
    if abs(step_ns) > STEP_NS:
        said.append(f"set {'forward' if step_ns > 0 else 'back'} by {_long(abs(step_ns) / _NS)}")
    if before is None or before.trusted != after.trusted:
        said.append("synchronized" if after.trusted else "not synchronized")
    if before is not None and after.trusted and not before.trusted:
        said.append("times told since it was not are corrected")
    return f"clock: {', '.join(said)}"


def _long(seconds: float) -> str:
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"
