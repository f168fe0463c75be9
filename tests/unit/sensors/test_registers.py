"""Numbers in registers: the round trip, word orders, addresses in both notations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.errors import DecodeError
from sensors.registers import BCD_KINDS, KINDS, ORDERS, Encoding, notation
from sensors.units import known_units

ORDER = st.sampled_from(ORDERS)
SCALES = st.floats(1e-6, 1e6).flatmap(lambda scale: st.sampled_from([scale, -scale]))
WORDS = st.lists(st.integers(0, 0xFFFF), max_size=16)


@given(
    st.sampled_from(["uint16", "int16", "uint32", "int32"]),
    ORDER,
    SCALES,
    st.floats(-1e3, 1e3),
    st.sampled_from(known_units()),
    st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=8).filter(lambda words: len(words) % 2 == 0),
)
def test_encode_inverts_decode_for_whole_numbers(kind, order, scale, offset, unit, words):
    encoding = Encoding(kind, order, scale, offset, unit)
    registers = np.array(words, dtype=np.uint16)
    assert encoding.encode(encoding.decode(registers)).tolist() == words


@given(st.sampled_from(["uint64", "int64"]), ORDER, st.integers(0, 2**53))
def test_whole_numbers_of_64_bits_are_exact_up_to_2_to_the_53(kind, order, value):
    encoding = Encoding(kind, order)
    assert encoding.decode(encoding.encode(value)) == [value]
    assert encoding.raw(encoding.encode(value)) == [value]


@given(ORDER, st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_decode_inverts_encode_for_float32(order, value):
    encoding = Encoding("float32", order)
    assert encoding.decode(encoding.encode(value)) == [value]


@given(ORDER, SCALES, st.floats(-1e12, 1e12))
def test_decode_inverts_encode_for_float64(order, scale, value):
    encoding = Encoding("float64", order, scale, unit="mm")
    assert encoding.decode(encoding.encode(value))[0] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "order", "words"),
    [
        ("float32", "ABCD", [0x4248, 0x0000]),  # 50.0 is 0x42480000 in IEEE 754
        ("float32", "CDAB", [0x0000, 0x4248]),
        ("uint32", "ABCD", [0x0000, 50]),
        ("int32", "CDAB", [50, 0x0000]),
        ("uint64", "ABCD", [0, 0, 0, 50]),
        ("int64", "CDAB", [50, 0, 0, 0]),
        ("float64", "ABCD", [0x4049, 0, 0, 0]),
    ],
)
def test_order_is_that_of_the_words_not_of_the_bytes(kind, order, words):
    encoding = Encoding(kind, order)
    assert encoding.decode(np.array(words, dtype=np.uint16)) == [50.0]
    assert encoding.encode(50.0).tolist() == words


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", [0x0102, 0x0304]),
        ("CDAB", [0x0304, 0x0102]),
        ("BADC", [0x0201, 0x0403]),
        ("DCBA", [0x0403, 0x0201]),
    ],
)
def test_the_four_orders_are_those_of_their_letters(order, words):
    assert Encoding("uint32", order).raw(np.array(words, dtype=np.uint16)) == [0x01020304]


@given(st.sampled_from(sorted(BCD_KINDS)), ORDER, st.integers(0, 9999))
def test_packed_digits_read_as_they_are_written(kind, order, value):
    words = Encoding(kind, order).encode(value)
    assert Encoding(kind, order).decode(words) == [value]
    assert Encoding(kind.replace("bcd", "uint"), order).raw(words) == [int(str(value), 16)]


def test_a_digit_above_nine_is_not_a_number():
    assert np.isnan(Encoding("bcd16").decode(np.array([0x12A4], dtype=np.uint16)))


def test_wrong_order_shows_as_another_value():
    words = Encoding("float32", "CDAB").encode(29.53)
    assert Encoding("float32", "ABCD").decode(words)[0] != pytest.approx(29.53, rel=0.5)


def test_scale_then_offset_then_unit():
    encoding = Encoding("int16", scale=0.1, offset=-40.0, unit="degC")
    assert encoding.decode(np.array([650], dtype=np.uint16))[0] == pytest.approx(25.0 + 273.15)
    assert encoding.si_unit == "K"


@pytest.mark.parametrize("kind", [kind for kind, layout in KINDS.items() if layout.kind != "f"])
def test_beyond_the_range_it_saturates_as_a_converter_does(kind):
    encoding = Encoding(kind)
    limits = np.iinfo(KINDS[kind])
    assert encoding.raw(encoding.encode([-1e30, 1e30])).tolist() == [limits.min, limits.max]


def test_nan_is_refused_by_whole_numbers_and_kept_by_floats():
    with pytest.raises(ValueError, match="found NaN"):
        Encoding("int16").encode(np.nan)
    assert np.isnan(Encoding("float32").decode(Encoding("float32").encode(np.nan)))


@given(st.sampled_from(sorted({**KINDS, **BCD_KINDS})), ORDER, SCALES, st.sampled_from(known_units()), WORDS)
def test_decoding_any_registers_raises_decode_errors_only(kind, order, scale, unit, words):
    encoding = Encoding(kind, order, scale, unit=unit)
    registers = np.array(words, dtype=np.uint16)
    if words and len(words) % encoding.width == 0:
        assert encoding.decode(registers).shape == (len(words) // encoding.width,)
    else:
        with pytest.raises(DecodeError, match=f"found {len(words)} registers"):
            encoding.decode(registers)


def test_a_signaling_nan_decodes_without_a_warning():
    assert np.isnan(Encoding("float32").decode(np.array([0x7F80, 0x0001], dtype=np.uint16)))


@pytest.mark.parametrize(
    ("table", "address", "text"),
    [
        ("holding", 52, "holding 52 (40053)"),
        ("input", 0, "input 0 (30001)"),
        ("coil", 7, "coil 7 (00008)"),
        ("discrete", 9998, "discrete 9998 (19999)"),
        ("holding", 9999, "holding 9999 (410000)"),
        ("holding", 65535, "holding 65535 (465536)"),
    ],
)
def test_addresses_are_shown_in_both_notations(table, address, text):
    assert notation(table, address) == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "int24"}, "kind: found 'int24', expected one of"),
        ({"order": "middle"}, "order: found 'middle'"),
        ({"scale": 0.0}, "scale: found 0.0, expected a finite number other than zero"),
        ({"scale": np.nan}, "scale: found nan"),
        ({"offset": np.inf}, "offset: found inf"),
        ({"unit": "furlong"}, "unit: unknown unit 'furlong'"),
    ],
)
def test_an_illegal_encoding_cannot_be_built(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Encoding(**options)
