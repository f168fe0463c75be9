"""A machine that needs a channel which its source cannot deliver is a wrong configuration, told at start."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from inversion.alerts import AlertRule, SilenceRule, StateRule
from inversion.app.alarm_reach import FORESEEN_DAYS, MOST_GROWTH
from inversion.app.batch import run_batch
from inversion.app.check import plan
from inversion.app.delivered import check_channels, check_pace, check_stale, check_state_channels
from inversion.core import ConfigurationError
from inversion.forward.rolling_bearing import RollingBearing
from inversion.tracking import forecast

ROOT = Path(__file__).parents[3]
SITE = """
[site]
name = "misspelled"
[source]
use = "recording"
layout = "{layout}"
files = ["*.npz"]
window_revolutions = 40
[forward]
use = "rolling_bearing"
designation = "6205"
channel = "vibratoin"
[engine]
use = "least_squares"
"""


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(layout=ROOT / "configs" / "layouts" / "simulated.toml"))
    return path


def test_check_names_the_line_and_the_nearest_channel(site):
    told = r"site\.toml:9: forward: needs channel 'vibratoin'.*did you mean 'vibration'"
    with pytest.raises(ConfigurationError, match=told):
        plan(site)


def test_batch_says_so_before_it_reads_anything(site, tmp_path):
    with pytest.raises(ConfigurationError, match="needs channel 'vibratoin'"):
        run_batch(site, (), tmp_path / "results", report=False)
    assert not (tmp_path / "results").exists()


@dataclass(frozen=True)
class Silent:
    """A source that does not know its channels beforehand."""


def test_a_source_that_does_not_know_its_channels_is_believed(site):
    check_channels(site, (Silent(),), RollingBearing(designation="6205"))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Slow:
    """Knows its channels, and that it measures every ten seconds."""

    asset: str
    channel_names: tuple[str, ...]
    every_s: float = 10.0


ALARMS = """
[[alarm]]
name = "too wide"
max_gap_s = 5
only_in = ["full speed"]
[[alarm]]
condition = "silence"
name = "not heard of"
after_s = 10
[[machine_state]]
name = "full speed"
channel = "shaft_hz"
"""
FAST = StateRule("full speed", "shaft_hz", at_least=20.0)
WITH, WITHOUT = Slow("fan 3", ("vibration", "shaft_hz")), Slow("fan 4", ("vibration",))


@pytest.fixture
def alarms(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(ALARMS)
    return path


def test_a_machine_state_by_a_channel_that_no_source_delivers_is_refused(alarms):
    misspelled = StateRule("full speed", "shaft_hs", at_least=20.0)
    told = r"site.toml:12: machine_state.0.channel: no source delivers 'shaft_hs' \(did you mean 'shaft_hz'"
    with pytest.raises(ConfigurationError, match=told):
        check_state_channels(alarms, (WITH, WITHOUT), (misspelled,), ())
    check_state_channels(alarms, (WITH, WITHOUT), (FAST,), ())
    check_state_channels(alarms, (WITHOUT, Silent()), (misspelled,), ())


def test_an_alarm_that_is_watched_in_no_state_that_an_asset_can_show_is_refused(alarms):
    rule = AlertRule("too wide", "outer_spall", 1.0, only_in=("full speed",))
    told = r"site.toml:5: alarm.0.only_in: its source does not deliver .* never alarms for 'fan 4'"
    with pytest.raises(ConfigurationError, match=told):
        check_state_channels(alarms, (WITH, WITHOUT), (FAST,), (rule,))
    check_state_channels(alarms, (WITH,), (FAST,), (rule,))
    suppressed = AlertRule("too wide", "outer_spall", 1.0, suppressed_in=("full speed",))
    check_state_channels(alarms, (WITH, WITHOUT), (FAST,), (suppressed,))


def test_a_delay_that_breaks_off_between_any_two_windows_is_refused(alarms):
    delayed = AlertRule("too wide", "outer_spall", 1.0, on_delay_s=60.0, max_gap_s=5.0)
    told = r"site.toml:4: alarm.0.max_gap_s: must be longer than the 10 s from window to window of 'fan 3', found 5"
    with pytest.raises(ConfigurationError, match=told):
        check_pace(alarms, (WITH,), (delayed,), ())
    check_pace(alarms, (WITH,), (AlertRule("too wide", "outer_spall", 1.0, max_gap_s=5.0),), ())
    check_pace(alarms, (Silent(),), (delayed,), ())


def test_silence_that_is_between_any_two_windows_is_refused(alarms):
    with pytest.raises(ConfigurationError, match=r"site.toml:9: alarm.1.after_s: must be longer than the 10 s"):
        check_pace(alarms, (WITH,), (), (SilenceRule("not heard of", 10.0),))
    check_pace(alarms, (WITH,), (), (SilenceRule("not heard of", 10.0, ("fan 4",)),))
    check_pace(alarms, (WITH,), (), (SilenceRule("not heard of", 10.1),))


@dataclass(frozen=True)
class Served:
    stale_s: float


def test_a_value_that_is_stale_before_the_next_can_come_is_refused(alarms):
    told = r"sink.1.stale_s: must be longer than the 10 s .* and the 4 s that .* found 14: no value would hold"
    with pytest.raises(ConfigurationError, match=told):
        check_stale(alarms, (WITH,), (Silent(), Served(14.0)), None)
    check_stale(alarms, (WITH,), (Silent(), Served(14.1)), None)
    check_stale(alarms, (WITH,), (Served(10.1),), 0.0)
    check_stale(alarms, (WITH,) * 160, (Served(10.6),), None)
    check_stale(alarms, (WITH, Silent()), (Served(10.6),), None)
    with pytest.raises(ConfigurationError, match="and the 60 s that a finding may wait"):
        check_stale(alarms, (WITH,), (Served(70.0),), 60.0)


def test_growth_and_time_ahead_are_bounded_by_what_a_track_can_tell():
    assert pytest.approx(1 / forecast._AHEAD) == MOST_GROWTH
    assert forecast._HORIZON[-1] == FORESEEN_DAYS
