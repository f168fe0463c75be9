"""A machine that needs a channel which its source cannot deliver is a wrong configuration, told at start."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from inversion.app.batch import run_batch
from inversion.app.check import plan
from inversion.app.delivered import check_channels
from inversion.core import ConfigurationError
from inversion.forward.rolling_bearing import RollingBearing

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
