"""The clock of a box: steps are seen for what they are, states never feel them, times are told anew later."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inversion.app.clock import Clock, ClockOptions, Setting
from inversion.app.clock.correct import Told, corrected, known_offset, moved
from inversion.app.clock.frames import aligned, settled, sign
from inversion.app.clock.kernel import boot_id, synchronized
from inversion.app.clock.telling import setting_record, stamped
from inversion.app.journal import Batch, Event, Record, open_journal
from sensors import Frame, Waveform

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
YEARS = 56 * 365 * DAY


@dataclass
class Box:
    """A box whose clocks a test holds in its hands."""

    monotonic: int = 1000 * SECOND
    wall: int = 1000 * SECOND
    kept: bool = False
    boot: str = "b1"

    def clock(self, trust: str = "synchronized") -> Clock:
        return Clock(ClockOptions(trust), lambda: self.wall, lambda: self.monotonic, lambda: self.kept, self.boot)

    def later(self, ns: int) -> None:
        self.monotonic += ns
        self.wall += ns

    def set(self, by_ns: int) -> None:
        self.wall += by_ns


def test_a_step_is_seen_and_passing_time_is_none():
    box = Box()
    clock = box.clock()
    box.later(DAY)
    assert not clock.look()
    box.set(-600 * SECOND)
    assert clock.look()
    assert (clock.setting.offset_ns, clock.now_ns()) == (-600 * SECOND, box.wall)
    assert not clock.look()


def test_many_small_steps_are_seen_together():
    box = Box()
    clock = box.clock()
    seen = 0
    for _ in range(10):
        box.set(SECOND // 5)
        seen += clock.look()
    assert (seen, box.wall - clock.now_ns()) == (3, SECOND // 5)


@pytest.mark.parametrize(
    ("trust", "kept", "trusted"),
    [("synchronized", True, True), ("synchronized", False, False), ("always", False, True), ("never", True, False)],
)
def test_what_is_trusted(trust, kept, trusted):
    assert Box(kept=kept).clock(trust).setting.trusted is trusted


def test_the_kernel_is_asked():
    """What it answers differs from box to box; that it can be told apart is tested on a machine of its own."""
    assert synchronized() in (True, False)
    assert len(boot_id()) == 8


def test_an_unknown_trust_is_refused():
    with pytest.raises(ValueError, match=r"trust must be one of synchronized, always, never; got 'ntp'"):
        ClockOptions("ntp")


def live(box: Box, level: float = 1.0, stamped_ns: int | None = None, trusted: bool = True) -> Frame:
    samples = np.full(100, level, dtype=np.float32)
    start_ns = box.wall if stamped_ns is None else stamped_ns
    channels = {"vibration": Waveform(samples, 100.0, "m/s2")}
    return Frame("fan", start_ns, trusted, channels, "device", None, box.monotonic)


def test_a_frame_from_before_a_step_is_told_in_the_new_time():
    box = Box(kept=True)
    clock = box.clock()
    frame = live(box)
    box.set(600 * SECOND)
    clock.look()
    [after] = settled([frame], clock.setting)
    assert (after.start_ns, after.clock_trusted) == (frame.start_ns + 600 * SECOND, True)


def test_a_recorded_frame_keeps_its_time_and_its_trust_in_a_box_that_does_not_know_the_time():
    box = Box(kept=False)
    recorded = replace(live(box), monotonic_ns=None)
    assert settled([recorded], box.clock().setting) == [recorded]
    [at_once] = settled([live(box)], box.clock().setting)
    assert not at_once.clock_trusted


def test_recordings_and_what_a_source_does_not_trust_keep_their_times():
    box = Box(kept=True)
    recorded = Frame("fan", 5, True, live(box).channels, "a.wav", 3)
    doubted = live(box, stamped_ns=7, trusted=False)
    same, other = settled([recorded, doubted], box.clock().setting)
    assert same is recorded
    assert (other.start_ns, other.clock_trusted, other.monotonic_ns) == (7, False, None)


@pytest.fixture(scope="module")
def pipeline(plugin_folder):
    import sys

    from inversion.alerts import AlertRule, Baseline, StateRule
    from inversion.pipeline import Pipeline
    from inversion.tracking import Tracker

    sys.path.insert(0, str(plugin_folder))
    try:
        from acme.engine import Direct
        from acme.model import Level
    finally:
        sys.path.remove(str(plugin_folder))
    model = Level()
    rules = (
        AlertRule("loud", "level", 20.0, on_delay_s=30, off_delay_s=60, max_gap_s=3600),
        AlertRule("grows", "level", 1e-3, condition="growth"),
        AlertRule("learned", "level", 90.0, baseline=Baseline(3, 1.0)),
    )
    states = (StateRule("hot", "vibration", at_least=40.0, hold_s=45), StateRule("run-up", "vibration", changing=2.0))
    return Pipeline(model, Direct().bind(model), "acme_direct", rules, Tracker(0.5), states)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("window"), st.integers(1, 120), st.sampled_from([1.0, 15.0, 25.0, 50.0])),
        st.tuples(st.just("set"), st.sampled_from([-YEARS, -DAY, -600, -10, 10, 600, DAY]), st.booleans()),
    ),
    min_size=3,
    max_size=25,
)


def played(pipeline, acts, steps: bool) -> tuple[list, dict]:
    """Phases of alarms and states of the machine at every window, and the state in the end, in true time."""
    from inversion.pipeline import AssetState, advance

    box = Box(wall=1_700_000_000 * SECOND, kept=True)
    true = box.wall - box.monotonic
    clock, states, phases = box.clock(), {}, []
    for act, number, more in [*acts, ("set", 0, True), ("window", 5, 1.0)]:
        if act == "set":
            if steps:
                box.kept = False
                box.set(number if abs(number) > YEARS // 2 else number * SECOND)
            continue
        if (act, number, more) == ("window", 5, 1.0):
            box.wall, box.kept = box.monotonic + true, True
        box.later(number * SECOND)
        frame = live(box, more)
        clock.look()
        frames = settled([frame], clock.setting)
        states |= aligned(states, frames, clock.setting)
        known = {asset: AssetState.from_dict(state) for asset, state in states.items()}
        after, [finding] = advance(pipeline, known, frames)
        told = {asset: state.to_dict() for asset, state in after.items()}
        sign(told, states, frames, clock.setting)
        states = told
        phases.append((finding.machine_state, *(alarm.state for alarm in finding.alarms)))
    return phases, {name: value for name, value in states["fan"].items() if name != "clock"}


@given(ACTS)
@settings(max_examples=60, deadline=None)
def test_delays_tracks_and_growth_never_feel_a_step(pipeline, acts):
    """Whatever the clock is set to in between: alarms move as if it never was, and so does the state in the end."""
    assert played(pipeline, acts, steps=True) == played(pipeline, acts, steps=False)


STATE = {"track": {"last_ns": 900 * SECOND, "beliefs": {"a": {"began_ns": 100 * SECOND, "step_ns": None}}}}


def restarted(state: dict, box: Box) -> dict:
    clock = box.clock()
    return aligned({"fan": state}, [live(box)], clock.setting).get("fan", state)


def test_a_box_without_a_battery_takes_the_time_that_it_was_off_as_none_and_mends_it_later():
    noted = STATE | {"clock": {"boot": "b0", "offset_ns": 5, "trusted": True, "at_ns": 1_700_000_000 * SECOND}}
    noted["track"] = {"last_ns": 1_700_000_000 * SECOND, "began_ns": 1_600_000_000 * SECOND}
    box = Box(wall=20 * SECOND, monotonic=20 * SECOND)
    first = restarted(noted, box)
    assert first["track"]["last_ns"] == 20 * SECOND
    assert first["track"]["last_ns"] - first["track"]["began_ns"] == 100_000_000 * SECOND
    first["track"]["last_ns"] += 30 * SECOND  # a window later
    box.later(40 * SECOND)
    box.set(1_700_086_400 * SECOND)
    box.kept = True
    mended = restarted(first, box)
    assert mended["track"] == {"last_ns": (1_700_086_400 + 50) * SECOND, "began_ns": 1_600_000_000 * SECOND}
    assert "known_ns" not in mended["clock"]


def test_a_plausible_time_after_a_start_is_taken_as_it_is():
    noted = STATE | {"clock": {"boot": "b0", "offset_ns": 5, "trusted": True, "at_ns": 900 * SECOND}}
    box = Box(wall=900 * SECOND + DAY, monotonic=5 * SECOND, kept=True)
    assert restarted(noted, box)["track"] == STATE["track"]


def test_moving_takes_times_only():
    told = {"a_ns": 5, "b_ns": None, "c_ns": 0, "d": 5, "e": [{"f_ns": 7}], "g_ns": "5"}
    assert moved(told, 10) == {"a_ns": 15, "b_ns": None, "c_ns": 0, "d": 5, "e": [{"f_ns": 17}], "g_ns": "5"}
    assert moved({"a_ns": 5, "b_ns": 6}, 10, until_ns=5, back_ns=-1) == {"a_ns": 4, "b_ns": 16}


def at(number: int, offset_ns: int, trusted: bool, boot: str = "b1") -> Told:
    return Told(number, Setting(boot, offset_ns, trusted))


def test_which_offset_a_record_gets():
    told = [at(10, 0, False), at(20, 7, True), at(30, 9, False, "b2"), at(40, 8, False, "b3"), at(50, 11, True, "b3")]
    found = {number: known_offset(told, number) for number in (5, 10, 15, 25, 35, 45, 55)}
    assert found == {5: None, 10: 7, 15: 7, 25: 7, 35: None, 45: 11, 55: 11}


def finding(box: Box, trusted: bool) -> Record:
    body = {
        "asset": "fan", "start": "1970-01-01T00:16:40.000000000Z", "start_ns": box.wall, "clock_trusted": trusted,
        "monotonic_ns": box.monotonic, "source": "device", "position": None,
        "alarms": [{"name": "loud", "since_ns": box.wall - 5}], "track": {"level": {"step_ns": None}},
    }  # fmt: skip
    return Record("finding", "fan", box.wall, body)


def test_a_journal_tells_untrusted_times_anew_under_the_same_name(tmp_path):
    box = Box()
    clock = box.clock()
    with open_journal(tmp_path / "a.journal", 0) as journal:
        event = Event(box.wall, "started", "on").record()
        alarm = Record("alarm", "fan", box.wall, {"time": "", "time_ns": box.wall, "until_ns": None, "text": "x"})
        records = [setting_record(None, clock.setting, box.wall), event, alarm]
        journal.append(Batch([stamped(record, clock) for record in records] + [finding(box, False)]))
        before = journal.after(0, 9)
        assert [entry.time_ns for entry in before] == [box.wall] * 4
        assert not any("revision" in entry.body for entry in before)
        first = box.wall
        box.later(SECOND)
        box.set(YEARS)
        box.kept = True
        earlier = clock.setting
        clock.look()
        told = stamped(setting_record(earlier, clock.setting, box.wall), clock)
        text = "clock: set forward by 56.0 years, synchronized, times told since it was not are corrected"
        assert told.body["text"] == text
        journal.append(Batch([told, finding(box, True)]))
        after = journal.after(0, 9)
    assert [(e.number, e.asset, e.sequence) for e in after[:4]] == [(e.number, e.asset, e.sequence) for e in before]
    assert [entry.time_ns for entry in after[:4]] == [first + YEARS] * 4
    assert [entry.body.get("revision") for entry in after] == [1, 1, 1, 1, None, None]
    assert after[2].body["time_ns"] == first + YEARS
    body = after[3].body
    assert (body["start_ns"], body["start"][:10], body["clock_trusted"]) == (first + YEARS, "2025-12-18", True)
    assert (body["monotonic_ns"], body["alarms"][0]["since_ns"]) == (1000 * SECOND, first + YEARS - 5)
    with open_journal(tmp_path / "a.journal", 0) as journal:
        assert journal.after(0, 9) == after


def test_what_was_trusted_or_has_no_monotonic_time_is_left():
    for body in ({"clock_trusted": True, "monotonic_ns": 5, "start_ns": 7}, {"clock_trusted": False, "start_ns": 7}):
        assert corrected("finding", 7, body, 100) == (7, body)


@pytest.mark.parametrize("known", [True, False])
def test_records_are_as_old_as_their_corrected_times(tmp_path, known):
    """Told in 1970, a second ago: not forgotten for it; where the time never became known, as old as what follows."""
    box = Box()
    with open_journal(tmp_path / "a.journal", 0) as journal:
        first = box.clock().setting
        journal.append(Batch([setting_record(None, first, box.wall), finding(box, False), finding(box, False)]))
        box.later(SECOND)
        box.set(YEARS)
        box.kept, box.boot = True, "b1" if known else "b2"
        second = box.clock().setting
        journal.append(Batch([stamped(setting_record(first, second, box.wall), box.clock()), finding(box, True)]))
        journal.register(["there"])
        journal.append(Batch(cursors={"there": 5}))
        assert journal.forget(box.wall) == 0
        assert journal.forget(box.wall + 365 * DAY) == 0
        assert journal.forget(box.wall + 367 * DAY) == 5
