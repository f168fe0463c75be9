"""The desk: one record a change, with its evidence; people, clocks and findings; nothing forgotten over a restart."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from inversion.alerts import SilenceRule, lifecycle
from inversion.alerts.flood import FloodRule
from inversion.alerts.lifecycle import LifeCycle
from inversion.app.alarm_options import DeskOptions
from inversion.app.alarms import AlarmDesk, answered, check_request
from inversion.app.clock import Setting
from inversion.core import ConfigurationError

SCHEMA = json.loads(files("inversion.app.alarms").joinpath("alarm.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
SECOND = 1_000_000_000
VALUE = {"mean": 3.3, "low": 3.1, "high": 3.5, "level": 0.9, "unit": "mm", "floor": 0.7, "resolvable": True}
SILENT = SilenceRule("silent", after_s=10)
NAMES = {"wide": False, "loose": False, "holds": True, "silent": False}


def finding(second: int, state: str, *, name: str = "wide", asset: str = "fan", **changes) -> dict:
    alarm = {
        "name": name, "parameter": "spall", "side": "above", "limit": 3.0, "unit": "mm", "probability": 0.97,
        "state": state, "since_ns": 0, "condition": "value", "severity": "alarm", "within_days": 0.0,
        "suppressed": False,
    } | changes  # fmt: skip
    return {
        "asset": asset, "start_ns": second * SECOND, "track": {"spall": VALUE}, "parameters": {"spall": VALUE},
        "fit": {"quality": "good", "reason": ""}, "machine_state": "running", "alarms": [alarm],
    }  # fmt: skip


def desk(flood: FloodRule | None = None, cycles=None) -> AlarmDesk:
    return AlarmDesk(NAMES, (SILENT,), DeskOptions(flood=flood or FloodRule()), cycles or {})


def states(records) -> list[str]:
    for record in records:
        if record.kind == "alarm":
            VALIDATOR.validate(dict(record.body))
    return [f"{r.body['from']} -> {r.body['to']}" if r.kind == "alarm" else r.body["kind"] for r in records]


def play(one: AlarmDesk, *phases: str, **changes) -> list[str]:
    return states([r for k, phase in enumerate(phases) for r in one.judge([finding(k, phase, **changes)], k * SECOND)])


def test_one_record_a_change_and_none_for_delays_that_run():
    changes = play(desk(), "normal", "pending", "active", "active", "clearing", "normal")
    assert changes == ["normal -> unacknowledged", "unacknowledged -> returned unacknowledged"]


def test_a_record_says_value_interval_limit_probability_and_condition():
    [record] = desk().judge([finding(7, "active")], 9 * SECOND)
    body = record.body
    assert body["text"] == "fan: wide: normal -> unacknowledged: P(spall above 3 mm) = 0.97, 3.1 to 3.5 mm"
    assert (body["limit"], body["probability"], body["condition"]) == (3.0, 0.97, "value")
    assert body["value"] == {key: VALUE[key] for key in VALUE if key != "floor"}
    assert (body["start_ns"], body["time_ns"], body["by"]) == (7 * SECOND, 9 * SECOND, "process")
    VALIDATOR.validate(dict(body))


def test_quality_and_growth_have_words_of_their_own():
    bad = finding(0, "active", condition="quality", parameter=None, side=None, limit=None, unit="1")
    bad["fit"] = {"quality": "bad", "reason": "channel missing"}
    [record] = desk().judge([bad], 0)
    assert record.body["text"].endswith("unacknowledged: bad: channel missing")
    VALIDATOR.validate(dict(record.body))
    [record] = desk().judge([finding(0, "active", condition="growth", limit=0.5, unit="mm/d")], 0)
    assert "P(growth of spall above 0.5 mm/d) = 0.97" in record.body["text"]


def test_suppression_by_the_state_of_the_machine():
    one = desk()
    play(one, "active")
    assert play(one, "active", suppressed=True) == ["unacknowledged -> suppressed"]
    assert play(one, "active") == ["suppressed -> unacknowledged"]


def test_an_asset_that_is_silent_and_is_heard_again():
    one = desk()
    assert states(one.tick({"fan": 0, "pump": 5 * SECOND}, 10 * SECOND, 0)) == []
    records = one.tick({"fan": 0, "pump": 5 * SECOND}, 11 * SECOND, 0)
    assert states(records) == ["normal -> unacknowledged"]
    assert records[0].body["text"] == "fan: silent: normal -> unacknowledged: nothing heard for 11 s, limit 10 s"
    [back] = one.tick({"fan": 11 * SECOND, "pump": 5 * SECOND}, 12 * SECOND, 0)
    assert back.body["text"] == "fan: silent: unacknowledged -> returned unacknowledged: heard of again"


def test_an_alarm_on_silence_ends_when_the_asset_is_heard_of_and_not_when_the_gateway_is_started():
    one = desk()
    one.tick({"fan": 0}, 11 * SECOND, 0)
    two = desk(cycles=one.changed)  # the gateway was started anew, and waits for the fan since second 50
    assert states(two.tick({"fan": 50 * SECOND}, 51 * SECOND, 0, {"fan"})) == []
    answer, _ = ask(two, "ack", alarm="silent")
    assert answer == "fan: silent: unacknowledged -> acknowledged: by kim"
    assert states(two.tick({"fan": 50 * SECOND}, 70 * SECOND, 0, {"fan"})) == []
    assert states(two.tick({"fan": 71 * SECOND}, 72 * SECOND, 0)) == ["acknowledged -> normal"]


def test_who_was_not_heard_of_while_no_gateway_ran_is_silent_only_after_a_while():
    one = desk()
    assert states(one.tick({"fan": 50 * SECOND}, 60 * SECOND, 0, {"fan"})) == []
    assert states(one.tick({"fan": 50 * SECOND}, 61 * SECOND, 0, {"fan"})) == ["normal -> unacknowledged"]


@pytest.mark.parametrize("how", ["removed", "another asset"])
def test_an_alarm_that_the_site_has_no_more_ends_and_is_told(how):
    """Those who were told that it stands, a broker that retains it among them, must hear that it does not."""
    one = desk()
    one.tick({"fan": 0}, 11 * SECOND, 0)
    names, silences = (NAMES, (SilenceRule("silent", 10, ("pump",)),)) if how != "removed" else ({"wide": False}, ())
    two = one.successor(names, silences, DeskOptions())
    [record] = two.end_removed(20 * SECOND)
    assert states([record]) == ["unacknowledged -> normal"]
    assert record.body["text"].endswith("by configuration (not of this site any more)")
    assert LifeCycle.from_dict(two.changed["fan", "silent"]) == LifeCycle(since_ns=20 * SECOND)
    assert two.end_removed(21 * SECOND) == []
    assert desk(cycles=two.changed).end_removed(22 * SECOND) == []


def ask(one: AlarmDesk, verb: str, now: int = 100, **more) -> tuple[str, list[str]]:
    body = {"verb": verb, "asset": "fan", "alarm": "wide", "by": "kim", "comment": "", **more}
    answer, records = answered(one, body, now * SECOND, ["fan", "pump"], "gateway site")
    return answer, states(records)


def test_an_operator_acknowledges_and_the_record_says_who_and_why():
    one = desk()
    play(one, "active")
    answer, changes = ask(one, "ack", comment="ordered a bearing")
    assert changes == ["unacknowledged -> acknowledged"]
    assert answer == "fan: wide: unacknowledged -> acknowledged: by kim (ordered a bearing)"


def test_acknowledging_everything_takes_what_can_be_acknowledged():
    one = desk()
    one.judge([finding(0, "active"), finding(0, "active", asset="pump"), finding(0, "normal", asset="mill")], 0)
    assert ask(one, "ack", asset=None, alarm=None)[1] == ["unacknowledged -> acknowledged"] * 2
    assert ask(one, "ack", asset=None, alarm=None) == ("nothing to do", [])


def test_a_shelved_alarm_comes_back_by_the_clock():
    one = desk()
    play(one, "active")
    assert ask(one, "shelve", for_s=60.0)[1] == ["unacknowledged -> shelved"]
    assert states(one.tick({}, 0, 159 * SECOND)) == []
    [record] = one.tick({}, 0, 160 * SECOND)
    assert (record.body["to"], record.body["by"]) == ("unacknowledged", "clock")


@pytest.mark.parametrize(
    ("verb", "more", "says"),
    [
        ("ack", {}, "refused: there is nothing to acknowledge: it is normal"),
        ("ack", {"alarm": "wid"}, "refused: no alarm 'wid', there are: wide, loose, holds, silent"),
        ("shelve", {}, "refused: shelve: must say for how long, at most 24 h; found nothing"),
        ("shelve", {"for_s": 90_000.0}, "refused: shelve: must say for how long, at most 24 h; found 25 h"),
        ("reset", {}, "refused: only a latched alarm"),
        ("silence", {}, "refused: no such request 'silence'"),
        ("out", {"alarm": None}, "refused: out: name the asset and the alarm"),
    ],
)
def test_what_cannot_be_granted_changes_nothing(verb, more, says):
    one = desk()
    answer, changes = ask(one, verb, **more)
    assert answer.startswith(says)
    assert (changes, one.changed) == ([], {})


def test_shelving_without_an_end_is_a_wrong_configuration():
    with pytest.raises(ConfigurationError, match="must say for how long"):
        check_request({"verb": "shelve"}, 3600.0)


def test_a_latched_alarm_stays_until_it_is_reset():
    one = desk()
    assert play(one, "active", "normal", name="holds")[-1] == "unacknowledged -> latched unacknowledged"
    ask(one, "ack", alarm="holds")
    assert ask(one, "reset", alarm="holds")[1] == ["latched acknowledged -> normal"]


def test_life_cycles_survive_a_restart_and_those_of_removed_alarms_do_not():
    one = desk()
    play(one, "active")
    ask(one, "ack")
    stored = json.loads(json.dumps([[*key, cycle] for key, cycle in one.changed.items()]))
    cycles = {(asset, name): cycle for asset, name, cycle in stored} | {("fan", "gone"): next(iter(stored))[2]}
    two = desk(cycles=cycles)
    assert two.cycles == one.cycles
    assert play(two, "active") == []
    assert play(two, "normal") == ["acknowledged -> normal"]


def test_in_a_flood_warnings_are_kept_and_not_announced_and_the_end_says_how_many():
    one = desk(FloodRule(begins=3, ends=2, window_s=60))
    told = []
    for k in range(6):
        severity = "alarm" if k == 4 else "warning"
        told += one.judge([finding(k, "active", asset=f"fan {k}", severity=severity)], k * SECOND)
    assert [r.body["announced"] for r in told if r.kind == "alarm"] == [True, True, False, False, True, False]
    assert [r.body["text"] for r in told if r.kind == "event"] == ["alarm flood: 3 alarms within 60 s; warnings wait"]
    assert one.tick({}, 0, 40 * SECOND) == []
    [over] = one.tick({}, 0, 100 * SECOND)
    assert over.body["text"] == "alarm flood over: 3 warnings were not announced; 6 alarms stand"


def test_a_flood_goes_on_over_a_restart():
    rule = FloodRule(begins=3, ends=2, window_s=60)
    one, told = desk(rule), []
    for k in range(5):
        told += one.judge([finding(k, "active", asset=f"fan {k}", severity="warning")], k * SECOND)
    two = desk(rule, one.changed)
    two.recall_flood([record.body for record in told if record.kind == "alarm"])
    [late] = two.judge([finding(5, "active", asset="fan 5", severity="warning")], 5 * SECOND)
    assert late.body["announced"] is False
    [over] = two.tick({}, 0, 100 * SECOND)
    assert over.body["text"] == "alarm flood over: 4 warnings were not announced; 6 alarms stand"


SHELVE = {"verb": "shelve", "asset": "fan", "alarm": "wide", "for_s": 8 * 3600, "by": "ann"}


def shelved_at(second: int) -> AlarmDesk:
    one = desk()
    play(one, "active")
    answer, _ = answered(one, SHELVE, second * SECOND, ["fan"], "gateway site")
    assert "until" in answer
    return one


@pytest.mark.parametrize("step_s", [-600, 600, 56 * 365 * 86_400])
def test_a_shelving_lasts_as_long_as_was_said_whatever_the_clock_is_set_to(step_s):
    one = shelved_at(1000)
    one.clock_set(step_s * SECOND)
    assert one.changed["fan", "wide"]["shelved_until_ns"] == (1000 + 8 * 3600 + step_s) * SECOND
    assert one.tick({}, 0, (1000 + 8 * 3600 - 1 + step_s) * SECOND) == []
    assert states(one.tick({}, 0, (1000 + 8 * 3600 + step_s) * SECOND)) == ["shelved -> unacknowledged"]


@pytest.mark.parametrize(
    ("before", "now", "ends"),
    [
        (Setting("b1", 0, False), Setting("b1", 500 * SECOND, True), False),  # set while no gateway ran
        (Setting("b1", 0, True), Setting("b2", 900 * SECOND, True), False),  # the box was started anew
        (Setting("b1", 0, True), Setting("b2", 0, False), True),  # and has lost its time
        (Setting("b1", 0, False), Setting("b2", 900 * SECOND, True), True),  # or had not known it
        (None, Setting("b2", 0, False), True),
    ],
)
def test_a_shelving_whose_rest_nobody_can_tell_ends_at_a_start(before, now, ends):
    one = desk(cycles=shelved_at(1000).changed)
    records = one.resume(before, now, 2000 * SECOND)
    assert states(records) == (["shelved -> unacknowledged"] if ends else [])
    if not ends:
        moved = 500 if before.boot == now.boot else 0
        assert one.cycles["fan", "wide"].shelved_until_ns == (1000 + 8 * 3600 + moved) * SECOND


@pytest.mark.parametrize("verb", ["ack", "shelve", "out"])
@pytest.mark.parametrize(
    ("asset", "alarm", "says"),
    [
        ("FAN", "wide", "no asset 'FAN' has the alarm 'wide', there are: fan, pump"),
        ("fan", "inference degraded", "no asset 'fan' has the alarm 'inference degraded', there are: gateway site"),
        ("gateway site", "wide", "no asset 'gateway site' has the alarm 'wide', there are: fan, pump"),
        ("fan", "wid", "no alarm 'wid', there are: wide, inference degraded"),
    ],
)
def test_an_alarm_that_cannot_come_is_not_put_aside(verb, asset, alarm, says):
    """Somebody has mistyped it, and would trust that the right one is."""
    one = AlarmDesk({"wide": False, "inference degraded": False}, (), DeskOptions(), {})
    body = {"verb": verb, "asset": asset, "alarm": alarm, "by": "anna", "for_s": 60.0}
    assert answered(one, body, 0, ["fan", "pump"], "gateway site") == (f"refused: {says}", [])
    assert one.changed == {}


def test_an_asset_that_is_no_longer_there_can_be_taken_back():
    """Its life cycle is known; so is an asset that only findings name."""
    one = desk(cycles={("old fan", "wide"): lifecycle.take_out(LifeCycle(), 0).to_dict()})
    body = {"verb": "in", "asset": "old fan", "alarm": "wide", "by": "anna"}
    assert answered(one, body, 0, [], "gateway site")[1] != []
    one.know([finding(0, "normal", asset="recorded fan")])
    body = {"verb": "out", "asset": "recorded fan", "alarm": "wide", "by": "anna"}
    assert answered(one, body, 0, [], "gateway site")[1] != []
