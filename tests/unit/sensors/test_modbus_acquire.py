"""One measurement through a port: what is asked in which order, and that no register contents upset it."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.capture import Capture, Page, Start, Status, WaveformBlock
from sensors.errors import DecodeError, SourceUnavailable
from sensors.modbus.acquire import acquire
from sensors.modbus.poller import Poller
from sensors.profile import Device, Profile, Register
from sensors.registers import KINDS

RATE = Register("adc_hz", 50, kind="float64", unit="Hz")
BLOCK = WaveformBlock("x", 100, 20, "adc_hz", page=Page(60, 15))
PROFILE = Profile(
    Device("rig", block=10), (RATE,), Capture(Start(0, 7), Status(1, ready=2, busy=(1,)), (BLOCK,), poll_s=1e-6)
)


class FakePort:
    """Answers from a function of table, address and count; keeps what it was asked."""

    def __init__(self, words):
        self.words = words
        self.asked = []

    async def read(self, table, address, count):
        self.asked.append((address, count))
        return np.array(self.words(address, count), dtype=np.uint16)

    async def write(self, table, address, values, many=False):
        self.asked.append((address, values))


def measured(port, profile=PROFILE, clock=lambda: 5):
    return asyncio.run(acquire(port, profile, Poller(port, profile), 1.0, clock))


def good(address, count):
    if address == RATE.address:
        return RATE.encode(1000.0)
    return [2] if address == 1 else range(count)


def test_start_then_status_then_pages_in_blocks_then_process_values():
    port = FakePort(good)
    found = measured(port)
    assert port.asked == [
        (0, [7]),
        (1, 1),
        (60, [0]),
        (100, 10),
        (110, 5),
        (60, [1]),
        (100, 5),
        (50, 4),
    ]
    assert found.start_ns == 5
    assert found.channels["x"].samples.tolist() == [*range(10), *range(5), *range(5)]
    assert found.channels["x"].sample_rate == 1000


def test_the_status_is_polled_until_ready():
    answers = iter([1, 1, 1, 2])
    port = FakePort(lambda address, count: [next(answers)] if address == 1 else good(address, count))
    measured(port)
    assert port.asked.count((1, 1)) == 4


def test_a_profile_without_waveforms_holds_its_values_for_a_poll():
    profile = Profile(Device("rig"), (RATE,))
    found = measured(FakePort(good), profile)
    assert found.channels["adc_hz"].duration_s == 1.0


@given(st.sampled_from([kind for kind in KINDS if kind != "bool"]), st.randoms(use_true_random=False))
def test_any_registers_are_a_measurement_or_one_of_our_errors(kind, random):
    block = WaveformBlock("x", 100, 20, "adc_hz", kind=kind, unit="g", scale=1e-3)
    capture = Capture(Start(0), Status(1, ready=2, busy=(1,)), (block,))
    profile = Profile(Device("rig"), (RATE, Register("t", 80, kind="float32", unit="degC")), capture)

    def words(address, count):
        return [2] if address == 1 else [random.randint(0, 0xFFFF) for _ in range(count)]

    try:
        found = measured(FakePort(words), profile)
    except (DecodeError, SourceUnavailable) as error:
        found = None
        message = str(error)
    if found is None:
        assert "holding 50 (40051): found a sample rate of" in message
    else:
        assert found.channels["x"].samples.shape == (20,)


@pytest.mark.parametrize("rate", [0.0, -1.0, 5e-324, 1.7e308, np.nan, np.inf])
def test_an_impossible_sample_rate_is_a_decode_error(rate):
    port = FakePort(lambda address, count: RATE.encode(rate) if address == RATE.address else good(address, count))
    with pytest.raises(DecodeError, match=r"holding 50 \(40051\): found a sample rate of"):
        measured(port)
