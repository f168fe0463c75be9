"""A card is read as it was written, strictly: what does not fit is one line with file and line."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from inversion.core import ConfigurationError
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry
from inversion.store.card import (
    Calibration,
    Card,
    CardError,
    Cost,
    Metric,
    Misfit,
    Origin,
    Range,
    fingerprint,
    ranges,
    read_card,
    write_card,
)

ORIGIN = Origin(
    "tiny", 1, "toy", "0123456789abcdef", "plain/1", 4, 2, (0.05, 0.5, 0.95), 17, "configs/train/tiny.toml", 7,
    "simulated, none real", "MIT", ('says "nothing" below 3 mm', "müde, °C"),
)  # fmt: skip
CARD = Card(
    ORIGIN,
    {"full": "0" * 64, "lite": "1" * 64},
    (Range("x", "m", 0.0, 8e-3), Range("y", "m/s2", 0.0, 490.3325)),
    Calibration(0.9, (20.0,), (), (((1.0, 1.25),), ((0.9, 1.1),)), ((120,), (80,))),
    Misfit((0.1, -0.2), ((1.0, 0.0), (0.5, 2.0)), 2.5, 5.0),
    (Metric("full", "x", "0 to 1 mm", "mm", 100, 0.05, 0.91, 0.2, 0.3),),
    (Cost("lite", "any", 30.0, 90.0, 54.5, 12000, 40000),),
)


@pytest.fixture
def path(tmp_path):
    write_card(CARD, tmp_path / "tiny_v1" / "card.toml")
    return tmp_path / "tiny_v1" / "card.toml"


def test_what_was_written_is_read_to_the_last_digit(path):
    assert read_card(path) == CARD
    assert CARD.title == "tiny_v1"
    assert [each.name for each in path.parent.iterdir()] == ["card.toml"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed = 7", "sede = 7", r"card.toml:\d+: network.sede: no such option \(did you mean 'seed'\?\)"),
        ("seed = 7\n", "", r"card.toml:1: network.seed: missing, expected a whole number"),
        ("seed = 7", "seed = 'seven'", r"card.toml:\d+: network.seed: expected a whole number, found 'seven'"),
        ("0.05, 0.5", "0.5, 0.05", r"network.levels: expected at least 3, rising inside 0 to 1"),
        ("high = 0.008", "high = -1.0", r"parameter.0.high: expected above low \(0.0\) and finite"),
        ("[0.1, -0.2]", "[0.1]", r"misfit.whitening: expected rows of 1 numbers"),
        ("mean = [0.1, -0.2]", "mean = [0.1, nan]", r"misfit.whitening: expected finite numbers"),
        ("threshold = 5.0", "threshold = 1.0", r"misfit.threshold: expected above known \(2.5\)"),
        ("[1.0, 1.25]", "[1.0]", r"calibration.factors: expected 2 numbers a band, one a parameter"),
        ("speeds = [20.0]", "speeds = []", r"calibration.factors: expected 1 by 1 bands, found \[1, 1\]"),
        ("lite = ", "tiny = ", r"sha256: expected full and lite, found full, tiny"),
        ("latent = 2", "latent = 3", r"misfit.mean: expected 3 numbers, as `latent` says, found 2"),
        ("[misfit]", "[misfits]", r"misfits: no such option \(did you mean 'misfit'\?\)"),
        ("version = 1", "version = 0", r"network.version: expected 1 to 1000000, found 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(path, old, new, told):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CardError) as caught:
        read_card(path)
    assert re.search(told, str(caught.value)), caught.value
    assert str(caught.value).startswith(f"{path}:")
    assert "\n" not in str(caught.value)


def test_an_absent_card_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match=r"card.toml: cannot be read: No such file"):
        read_card(tmp_path / "card.toml")


def test_a_fingerprint_knows_ranges_and_encoding_but_not_the_geometry():
    """A network serves every bearing, but only the ranges that it was trained for."""
    one = RollingBearing(BearingGeometry(9, 7.94, 39.04))
    print_of_one = fingerprint(one, "e/1")
    assert fingerprint(RollingBearing(designation="6205"), "e/1") == print_of_one
    assert fingerprint(replace(one, widest_mm=6.0), "e/1") != print_of_one
    assert fingerprint(one, "e/2") != print_of_one
    assert [each.name for each in ranges(one.space.parameters)] == [p.name for p in one.space if not p.nuisance]
