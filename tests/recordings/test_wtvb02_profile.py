"""The shipped WTVB02 profile against registers that a real unit at rest answered with."""

import csv

import numpy as np
import pytest

from sensors.profilefile import load_profile

pytestmark = pytest.mark.recordings


@pytest.fixture(scope="module")
def answers(data):
    """The raw registers of all answers, (n,) uint16 by address."""
    with (data / "modbus" / "wtvb02_rtu_decoded.csv").open(newline="") as file:
        names, *rows = csv.reader(file)
    raw = np.array([[int(value) for value in row[1:]] for row in rows])
    return {int(name[:4], 16): (raw[:, i] & 0xFFFF).astype(np.uint16) for i, name in enumerate(names[1:])}


def channel(answers, name):
    register = load_profile("wtvb02").register(name)
    return register.encoding.decode(answers[register.address])


def test_every_register_of_the_profile_is_one_that_the_unit_answers_with(answers):
    assert {register.address for register in load_profile("wtvb02").registers} <= set(answers)


def test_a_unit_at_rest_feels_gravity_and_nothing_else(answers):
    axes = np.stack([channel(answers, f"acceleration_{axis}") for axis in "xyz"])
    assert np.median(np.linalg.norm(axes, axis=0)) / 9.80665 == pytest.approx(0.998, abs=0.002)
    assert channel(answers, "velocity_x").max() == 0


def test_its_temperature_is_that_of_a_room(answers):
    celsius = channel(answers, "temperature") - 273.15
    assert 15 < celsius.min() <= celsius.max() < 30
