"""Device profiles as data: what cannot be built, and how a waveform lies in pages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.capture import Capture, Page, Start, Status, WaveformBlock
from sensors.profile import Device, Profile, Register
from sensors.registers import BCD_KINDS, KINDS

START, STATUS = Start(0), Status(1, ready=2, busy=(1,))


def block(**options):
    return WaveformBlock(**{"channel": "x", "address": 100, "count": 10, "sample_rate": 1000.0, **options})


def test_a_register_decodes_what_it_encodes():
    register = Register("shaft_hz", 3, kind="uint32", order="CDAB", unit="rpm", scale=0.1)
    assert register.decode(register.encode(29.5)) == pytest.approx(29.5, abs=0.1 / 60 / 2)
    assert register.place == "holding 3 (40004)"


@given(
    st.sampled_from([*sorted(KINDS), *sorted(BCD_KINDS)]),
    st.sampled_from([0.01, -3.0]),
    st.sampled_from(["rpm", "degC", "g"]),
    st.lists(st.sampled_from([0, 1, 0x7FFF, 0x8000, 0x9999, 0xFFFF]), min_size=4, max_size=4),
)
def test_nothing_that_is_read_lies_beyond_the_extent_of_its_register(kind, scale, unit, words):
    register = Register("x", 3, "coil" if kind == "bool" else "holding", kind, scale=scale, offset=7.0, unit=unit)
    raw = np.array([words[0] & 1] if kind == "bool" else words[: register.encoding.width], dtype=np.uint16)
    low, high = register.extent
    value = register.decode(raw)
    assert np.isnan(value) or low <= value <= high


@given(st.integers(0, 0xFFFF))
def test_bits_of_a_register_hold_no_more_than_they_can(word):
    register = Register("x", 3, bits=(4, 6))
    assert register.extent == (0.0, 7.0)
    assert 0.0 <= register.decode(np.array([word], dtype=np.uint16)) <= 7.0


@given(st.integers(1, 5000), st.sampled_from(["int16", "float32", "float64"]), st.integers(1, 100))
def test_pages_cover_the_waveform_once(count, kind, samples_a_page):
    whole = block(count=count, kind=kind)
    paged = block(count=count, kind=kind, page=Page(5, samples_a_page * whole.encoding.width))
    pages = list(paged.pages())
    assert [number for number, _ in pages] == list(range(len(pages)))
    assert sum(length for _, length in pages) == whole.registers
    assert all(0 < length <= paged.registers for _, length in pages)
    assert list(whole.pages()) == [(0, whole.registers)]


@given(st.lists(st.integers(-32768, 32767), min_size=10, max_size=10))
def test_a_waveform_decodes_what_it_encodes(raw):
    waveform = block(scale=0.5, unit="g")
    samples = waveform.decode(waveform.encode(np.array(raw) * 0.5 * 9.80665))
    np.testing.assert_allclose(samples, np.array(raw) * 0.5 * 9.80665, rtol=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Register("", 0), "name: found an empty one"),
        (lambda: Register("x", 0, "memory"), "table: found 'memory'"),
        (lambda: Register("x", -1), "address: found -1, expected 0 to 65535"),
        (lambda: Register("x", 65536), "address: found holding 65536 (465537)"),
        (lambda: Register("x", 65535, kind="uint32"), "address: found holding 65535 (465536) and 2 registers"),
        (lambda: Register("x", 0, "coil"), "kind: found 'uint16' in table 'coil'"),
        (lambda: Start(0, table="input"), "table: found 'input', expected one that can be written"),
        (lambda: Start(0, value=65536), "value: found 65536"),
        (lambda: Status(0, ready=1, busy=()), "busy: found no value"),
        (lambda: Status(0, ready=1, busy=(1,)), "ready: found [1, 1]"),
        (lambda: Page(0, 0), "registers: found 0"),
        (lambda: block(channel=""), "channel: found an empty one"),
        (lambda: block(table="coil"), "table: found 'coil' of int16"),
        (lambda: block(count=0), "count: found 0"),
        (lambda: block(count=65537), "address: found holding 100 (40101) and 65537 registers"),
        (lambda: block(sample_rate=0), "sample_rate: found 0"),
        (lambda: block(kind="float32", page=Page(0, 33)), "page.registers: found 33, expected a multiple of 2"),
        (lambda: Capture(START, STATUS, ()), "waveform: found none"),
        (lambda: Capture(START, STATUS, (block(),), timeout_s=0), "timeout_s: found 0"),
        (lambda: Profile(Device("x")), "register: found neither"),
        (lambda: Device("x", block=126), "block: found 126"),
        (lambda: Device(""), "name: found an empty one"),
    ],
)
def test_an_illegal_profile_cannot_be_built(build, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole message is compared
        build()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("registers", "waveform", "message"),
    [
        ((Register("a", 10, kind="uint32"), Register("b", 11)), None, "register.1.address: found holding 11 (40012)"),
        ((Register("a", 1),), block(), "register.0.address: found holding 1 (40002)"),
        ((Register("a", 109),), block(), "register.0.address: found holding 109 (40110)"),
        ((), block(page=Page(104, 5)), "capture.waveform.0.page.address: found holding 104"),
    ],
)
def test_nothing_may_overlap(registers, waveform, message):
    capture = None if waveform is None else Capture(START, STATUS, (waveform,))
    with pytest.raises(ValueError, match=r"which .* takes already") as caught:
        Profile(Device("x"), registers=registers, capture=capture)
    assert str(caught.value).startswith(message)


def test_a_page_register_may_follow_its_buffer_at_once():
    profile = Profile(Device("x"), capture=Capture(START, STATUS, (block(page=Page(105, 5)),)))
    assert profile.waveforms[0].registers == 5


def test_start_and_status_may_be_one_register_and_tables_are_apart():
    shared = Status(0, ready=2, busy=(1,))
    capture = Capture(START, shared, (block(),))
    profile = Profile(Device("x"), registers=(Register("a", 0, "input"),), capture=capture)
    assert profile.waveforms == (block(),)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("adc", "found 'adc', expected a number of Hz or a register"),
        ("temperature", "found register 'temperature' in K"),
    ],
)
def test_a_sample_rate_register_must_exist_and_be_a_frequency(rate, message):
    registers = (Register("temperature", 50, unit="degC"),)
    with pytest.raises(ValueError, match=message):
        Profile(Device("x"), registers=registers, capture=Capture(START, STATUS, (block(sample_rate=rate),)))
