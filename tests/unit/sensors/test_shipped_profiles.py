"""Profiles of real devices against numbers written out by hand from their maps."""

import numpy as np
import pytest

from sensors.frame import Quality
from sensors.profilefile import load_profile, shipped_profiles
from sensors.units import from_si


def read(profile, name, *words):
    register = load_profile(profile).register(name)
    reading = register.read(np.array(words, dtype=np.uint16))
    return register.place, from_si(reading.value, register.unit), reading.quality


@pytest.mark.parametrize(
    ("profile", "name", "words", "place", "value"),
    [
        ("wtvb02", "acceleration_x", (0x0800,), "holding 52 (40053)", 1.0),  # 2048 / 32768 * 16 g
        ("wtvb02", "temperature", (2096,), "holding 64 (40065)", 20.96),
        ("wtvb02", "frequency_x", (295,), "holding 68 (40069)", 29.5),
        ("banner_qm42vt2", "velocity_z", (1234,), "holding 5201 (45202)", 1.234),
        ("banner_qm42vt2", "temperature", (0xFFFF,), "holding 5203 (45204)", -0.01),
        ("banner_qm42vt2", "velocity_x_in_s", (1000,), "holding 5204 (45205)", 1.0),
        ("bestsens_bemos", "shaft_hz", (0x8000, 0x44BB), "input 4 (30005)", 1500.0),  # 0x44BB8000 is 1500.0
        ("bestsens_bemos", "velocity", (0x0000, 0x4020), "input 26 (30027)", 2.5),
        ("machinesaver_trivibe", "acceleration_1", (0x3F00, 0x0000), "holding 172 (40173)", 0.5),
        ("machinesaver_trivibe", "temperature", (21,), "holding 31 (40032)", 21.0),
    ],
)
def test_a_register_means_what_the_map_says(profile, name, words, place, value):
    found, shown, quality = read(profile, name, *words)
    assert found == place
    assert shown == pytest.approx(value, rel=1e-6)
    assert quality is Quality.GOOD


def test_a_wrong_word_order_of_the_bearing_monitor_is_not_plausible():
    assert read("bestsens_bemos", "shaft_hz", 0x44BB, 0x8000)[2] is Quality.UNCERTAIN


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_says_where_it_is_from(name):
    assert len(load_profile(name).device.reference) > 20
