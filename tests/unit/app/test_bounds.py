"""No number of a site is taken that only a mistyped unit makes: each has a least and a most, and a refusal says why."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest

from inversion.alerts import AlertRule, QualityRule, SilenceRule, StateRule
from inversion.alerts.baseline import Baseline
from inversion.alerts.flood import FloodRule
from inversion.app.alarm_options import DeskOptions
from inversion.app.clock.options import ClockOptions
from inversion.app.configuration import load_pipeline, load_site
from inversion.app.evidence import EvidenceOptions
from inversion.app.limits.options import Limits
from inversion.app.log import LogOptions
from inversion.app.observe.options import ObserveOptions
from inversion.app.plugins import GROUPS, _installed, load_plugin
from inversion.app.site_options import GatewayOptions, JournalOptions, SiteOptions
from inversion.core import ConfigurationError
from sensors.modbus.source import ModbusSource

pytestmark = pytest.mark.usefixtures("acme")

BASE = {
    "site": 'name = "plant"',
    "source": 'use = "acme_tone"',
    "forward": 'use = "acme_level"',
    "engine": 'use = "acme_direct"',
}
ALARM = 'name = "loud"\nparameter = "level"\nlimit = 2.0'
SERVER = 'use = "modbus_server"\nassets = ["fan"]\nparameters = ["level"]'
LEARNED = f"{ALARM}\n[alarm.baseline]"
MODBUS = 'use = "modbus"\nprofile = "demo_vibration"\nasset = "fan"\nline = "tcp://127.0.0.1:502"'

#: Class, header, what stands in its table beside, option, least, most; None where any lower or higher one is sense.
BOUNDS = [
    (SiteOptions, "site", BASE["site"], "level", 0.5, 0.999),
    (JournalOptions, "journal", "", "commit_s", 0.0, 60.0),
    (JournalOptions, "journal", "", "state_s", 0.0, 3600.0),
    (JournalOptions, "journal", "", "keep_days", 1.0, 36_525.0),
    (JournalOptions, "journal", "", "most_mb", 12.0, 1e6),
    (GatewayOptions, "gateway", "", "queue_frames", 1, 10_000),
    (GatewayOptions, "gateway", "", "frame_timeout_s", 1.0, 600.0),
    (GatewayOptions, "gateway", "retry_cap_s = 600.0", "retry_s", 0.01, 600.0),
    (GatewayOptions, "gateway", "retry_s = 0.01", "retry_cap_s", 0.01, 600.0),
    (GatewayOptions, "gateway", "", "sink_timeout_s", 0.1, 600.0),
    (GatewayOptions, "gateway", "", "stop_s", 0.1, 600.0),
    (EvidenceOptions, "evidence", "", "most_mb", 0.1, 1e6),
    (DeskOptions, "alarm_desk", "", "shelve_most_h", None, 744.0),
    (FloodRule, "alarm_desk.flood", "ends = 2", "begins", 2, 1000),
    (FloodRule, "alarm_desk.flood", "begins = 10", "ends", 1, 10),
    (FloodRule, "alarm_desk.flood", "", "window_s", 1.0, 3600.0),
    (Limits, "limits", "", "pids", 1, 4_194_304),
    (Limits, "limits", "", "period_ms", 1.0, 1000.0),
    (Limits, "limits", "", "cpu_weight", 1, 10_000),
    (Limits, "limits", "", "io_weight", 1, 10_000),
    (AlertRule, "[alarm]", ALARM, "confidence", 0.5, 0.999),
    (AlertRule, "[alarm]", ALARM, "on_delay_s", 0.0, 744 * 3600.0),
    (AlertRule, "[alarm]", ALARM, "off_delay_s", 0.0, 744 * 3600.0),
    (AlertRule, "[alarm]", ALARM, "within_days", 0.0, 10_000.0),
    (QualityRule, "[alarm]", 'name = "q"\ncondition = "quality"', "on_delay_s", 0.0, 744 * 3600.0),
    (QualityRule, "[alarm]", 'name = "q"\ncondition = "quality"', "off_delay_s", 0.0, 744 * 3600.0),
    (SilenceRule, "[alarm]", 'name = "s"\ncondition = "silence"', "after_s", 1.0, 744 * 3600.0),
    (Baseline, "[alarm]", f"{LEARNED}\nleast = 0.1", "windows", 2, 1_000_000),
    (Baseline, "[alarm]", f"{LEARNED}\nwindows = 9", "least", None, 9.995),
    (Baseline, "[alarm]", f"{LEARNED}\nwindows = 9\nleast = 0.1", "spreads", None, 100.0),
    (StateRule, "[machine_state]", 'name = "off"\nchannel = "v"\nbelow = 1.0', "hold_s", 0.0, 28_800.0),
    ("apprise", "[sink]", 'use = "apprise"\nurl_environment = "URL"', "interval_s", 1.0, 3600.0),
    ("apprise", "[sink]", 'use = "apprise"\nurl_environment = "URL"', "most_lines", 1, 1000),
    ("files", "[sink]", 'use = "files"\nfolder = "t"', "rotate_mb", 0.001, 10_000.0),
    ("files", "[sink]", 'use = "files"\nfolder = "t"', "rotate_h", 0.01, 744.0),
    ("files", "[sink]", 'use = "files"\nfolder = "t"', "most_mb", 0.0, 1e6),
    ("modbus_server", "[sink]", SERVER, "stale_s", 1.0, 604_800.0),
    ("modbus_server", "[sink]", SERVER, "idle_s", 1.0, 3600.0),
    ("modbus_server", "[sink]", SERVER, "connections", 1, 256),
    ("opcua", "[sink]", 'use = "opcua"', "stale_s", 1.0, 604_800.0),
    ("opcua", "[sink]", 'use = "opcua"', "connections", 1, 256),
    ("mqtt", "[sink]", 'use = "mqtt"\nhost = "b"', "port", 1, 65_535),
    ("mqtt", "[sink]", 'use = "mqtt"\nhost = "b"', "keepalive_s", 5, 3600),
    ("mqtt", "[sink]", 'use = "mqtt"\nhost = "b"', "timeout_s", 0.1, 600.0),
    ("webhook", "[sink]", 'use = "webhook"\nurl = "https://a.example"', "timeout_s", 0.1, 600.0),
    (ModbusSource, "source", MODBUS, "unit_id", 0, 255),
    (ModbusSource, "source", MODBUS, "poll_s", None, 86_400.0),
    (ModbusSource, "source", MODBUS, "timeout_s", None, 60.0),
    (ModbusSource, "source", MODBUS, "baud", 50, 4_000_000),
    (ModbusSource, "source", MODBUS, "stop_bits", 1, 2),
    (ModbusSource, "source", MODBUS, "silence_s", 0.0, 10.0),
    (ModbusSource, "source", MODBUS, "turnaround_s", 0.0, 10.0),
]
#: Numbers that are bounded by what else stands in the site, or mean sense at any size.
OTHERWISE = {
    (AlertRule, "limit"): "the range of its parameter",
    (AlertRule, "deadband"): "the room on the safe side of the limit",
    (AlertRule, "max_gap_s"): "the longest is that a delay never breaks off, the default",
    (QualityRule, "max_gap_s"): "the same",
    (StateRule, "below"): "a value of a channel",
    (StateRule, "at_least"): "a value of a channel",
    (StateRule, "changing"): "a value of a channel",
    (ModbusSource, "window"): "polls in a frame; how long that is, alarms on silence bound",
    (ModbusSource, "tolerance"): "polls in a row that may fail",
}


def complaints(folder, header: str, text: str) -> list[str]:
    tables = {name: "" if name == header else f"[{name}]\n{body}\n" for name, body in BASE.items()}
    path = folder / "plant.toml"
    path.write_text("".join(tables.values()) + f"[{header}]\n{text}\n")
    found = []
    for load in (load_site, load_pipeline):
        try:
            load(path)
        except ConfigurationError as problem:
            found += str(problem).split("\n")
    return found


@pytest.mark.parametrize(
    ("kind", "header", "beside", "option", "least", "most"), BOUNDS, ids=[f"{each[1]} {each[3]}" for each in BOUNDS]
)
def test_a_number_is_taken_up_to_its_bounds_and_refused_beyond(tmp_path, kind, header, beside, option, least, most):
    for bound, beyond in (
        (least, -1 if isinstance(least, int) else -1e-4),
        (most, 1 if isinstance(most, int) else 0.01),
    ):
        if bound is None:
            continue
        assert not complaints(tmp_path, header, f"{beside}\n{option} = {bound}")
        told = complaints(tmp_path, header, f"{beside}\n{option} = {bound + beyond}")
        assert told
        assert all(re.match(rf"\S+plant\.toml:\d+: \S+\.{option}: ", line) for line in told), told


def numbers(kind: type) -> list[str]:
    hints = get_type_hints(kind)
    return [
        each.name
        for each in fields(kind)
        if each.init and {hints[each.name], *get_args(hints[each.name])} & {int, float}
    ]


def test_every_number_of_a_site_has_bounds():
    sinks = {name: load_plugin("inversion.sink", name) for name in ours("inversion.sink")}
    sections = (SiteOptions, JournalOptions, GatewayOptions, EvidenceOptions, DeskOptions, FloodRule, Limits)
    others = (ClockOptions, LogOptions, ObserveOptions, ModbusSource)
    rules = (AlertRule, QualityRule, SilenceRule, Baseline, StateRule)
    asked = {(kind, name) for kind in (*sections, *others, *rules) for name in numbers(kind)}
    asked |= {(name, option) for name, kind in sinks.items() for option in numbers(kind)}
    assert asked == {(kind, option) for kind, _, _, option, _, _ in BOUNDS} | set(OTHERWISE)


def ours(group: str) -> list[str]:
    assert group in GROUPS
    return [entry.name for entry in _installed(group) if entry.value.startswith("inversion.")]


def test_a_refusal_says_what_is_allowed_and_why(tmp_path):
    (told,) = complaints(tmp_path, "journal", "commit_s = 3600.0")
    assert told.endswith(
        ":10: journal.commit_s: commit_s must lie between 0 and 60 s, got 3,600 s: "
        "what waits has reached no sink, and a power cut takes it"
    )


def test_a_first_wait_is_no_longer_than_the_longest(tmp_path):
    (told,) = complaints(tmp_path, "gateway", "retry_s = 100.0")
    assert "gateway.retry_s: retry_s must be at most retry_cap_s, 60 s, got 100 s" in told
