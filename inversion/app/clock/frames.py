"""Frames and states of assets by one setting of the clock, however often it is set.

A frame that was stamped before the clock was set is told in the new time; so are all times in the state of its asset:
delays, tracks and growth see the time that has passed, and never a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inversion.app.clock.clock import STEP_NS, Setting
from inversion.app.clock.correct import moved
from sensors import Frame

_NOTE = "clock"  # in the state of an asset: by which setting its times are told
_PLAUSIBLE_NS = 400 * 86_400_000_000_000  # between the last window before the box was started, and the first after


def settled(frames: Iterable[Frame], setting: Setting) -> list[Frame]:
    """Live frames in the time of this setting, trusted as far as it is; recordings have a time of their own.

    So has a frame without `monotonic_ns`: it was recorded, or its source has a clock of its own. What a source does not
    trust is never corrected.
    """
    return [_settled(frame, setting) for frame in frames]


def _settled(frame: Frame, setting: Setting) -> Frame:
    if frame.position is not None or frame.monotonic_ns is None:
        return frame
    if not frame.clock_trusted:
        return replace(frame, monotonic_ns=None)
    start_ns = frame.start_ns
    if abs(start_ns - setting.wall_ns(frame.monotonic_ns)) > STEP_NS:
        start_ns = setting.wall_ns(frame.monotonic_ns)
    return replace(frame, start_ns=start_ns, clock_trusted=setting.trusted)


def aligned(states: Mapping[str, Any], frames: Sequence[Frame], setting: Setting) -> dict[str, Any]:
    """The states that these frames will meet, in the time of this setting, where they are not yet."""
    first = {frame.asset: frame for frame in reversed(frames)}
    found = {asset: _aligned(states[asset], frame, setting) for asset, frame in first.items() if asset in states}
    return {asset: state for asset, state in found.items() if state is not states[asset]}


def sign(states: Mapping[str, Any], before: Mapping[str, Any], frames: Sequence[Frame], setting: Setting) -> None:
    """Notes in the states that live frames led to by which setting their times are told. before: as `aligned` them"""
    last = {frame.asset: frame for frame in frames}
    for asset, state in states.items():
        frame = last.get(asset)
        if frame is not None and frame.position is None and frame.monotonic_ns is not None:
            earlier = before.get(asset, {}).get(_NOTE, {})
            state[_NOTE] = _note(setting, frame.start_ns, earlier.get("known_ns"), earlier.get("moved_ns", 0))


def _note(setting: Setting, at_ns: int, known_ns: int | None, moved_ns: int) -> dict[str, Any]:
    """at_ns: of the last window; known_ns: times up to this one are of an earlier start of the box, off by moved_ns."""
    note = {"boot": setting.boot, "offset_ns": setting.offset_ns, "trusted": setting.trusted, "at_ns": at_ns}
    return note if known_ns is None else note | {"known_ns": known_ns, "moved_ns": moved_ns}


def _aligned(state: Mapping[str, Any], frame: Frame, setting: Setting) -> Mapping[str, Any]:
    note = state.get(_NOTE)
    if note is None or frame.position is not None or frame.monotonic_ns is None:
        return state
    body = {name: value for name, value in state.items() if name != _NOTE}
    if note["boot"] != setting.boot:
        return _of_an_earlier_start(body, note, frame, setting)
    by_ns, known_ns = setting.offset_ns - note["offset_ns"], note.get("known_ns")
    if abs(by_ns) <= STEP_NS and (known_ns is None or not setting.trusted):
        return state
    if setting.trusted:
        body = dict(moved(body, by_ns, known_ns, -note.get("moved_ns", 0)))
        return body | {_NOTE: _note(setting, note["at_ns"] + by_ns, None, 0)}
    known_ns = None if known_ns is None else known_ns + by_ns
    after = _note(setting, note["at_ns"] + by_ns, known_ns, note.get("moved_ns", 0) + by_ns)
    return dict(moved(body, by_ns)) | {_NOTE: after}


def _of_an_earlier_start(
    body: dict[str, Any], note: Mapping[str, Any], frame: Frame, setting: Setting
) -> Mapping[str, Any]:
    """Where the clock has lost its time, how long the box was off is not known, and taken as no time at all."""
    gap_ns = frame.start_ns - note["at_ns"]
    by_ns = 0 if 0 <= gap_ns <= _PLAUSIBLE_NS else gap_ns
    end_ns = note["at_ns"] + by_ns
    restore = note["trusted"] and not setting.trusted
    after = _note(setting, end_ns, end_ns if restore else None, by_ns)
    return (moved(body, by_ns) if by_ns else body) | {_NOTE: after}
