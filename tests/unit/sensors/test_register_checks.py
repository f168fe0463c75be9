"""What a good value of a register is like, how registers share bits, and how addresses are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.addresses import read_address
from sensors.errors import ProfileError
from sensors.frame import Quality
from sensors.profile import Device, Profile, Register, Text
from sensors.profilefile import load_profile
from sensors.registers import BCD_KINDS, KINDS, ORDERS, TABLES
from sensors.units import known_units


def words(*values):
    return np.array(values, dtype=np.uint16)


def test_a_value_outside_its_plausible_range_is_uncertain_and_says_why():
    register = Register("t", 0, kind="int16", scale=0.1, unit="degC", plausible=(-40.0, 105.0))
    assert register.read(words(250)).quality is Quality.GOOD
    reading = register.read(words(2000))
    assert reading.value == pytest.approx(200 + 273.15)
    assert (reading.quality, reading.reason) == (Quality.UNCERTAIN, "200 degC is not plausible, expected -40 to 105")


@given(
    st.sampled_from([kind for kind in (*KINDS, *BCD_KINDS) if kind != "bool"]),
    st.sampled_from(ORDERS),
    st.floats(1e-6, 1e6),
    st.sampled_from(known_units()),
    st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4),
)
def test_a_reading_is_the_number_that_the_encoding_decodes(kind, order, scale, unit, raw):
    register = Register("x", 0, kind=kind, order=order, scale=scale, unit=unit)
    own = words(*raw[: register.encoding.width])
    np.testing.assert_array_equal(register.read(own).value, register.decode(own))


def test_a_code_for_no_value_is_no_value():
    reading = Register("t", 0, kind="int16", not_a_number=(-32768,)).read(words(0x8000))
    assert np.isnan(reading.value)
    assert (reading.quality, reading.reason) == (Quality.BAD, "the device has no value (raw -32768)")


@pytest.mark.parametrize(("kind", "raw"), [("float32", (0x7FC0, 0)), ("float32", (0x7F80, 0)), ("bcd16", (0x00AB,))])
def test_what_is_no_finite_number_is_bad(kind, raw):
    assert Register("x", 0, kind=kind).read(words(*raw)).quality is Quality.BAD


def test_an_enumeration_knows_its_values():
    register = Register("mode", 0, values={"0": "off", "1": "on"})
    assert register.checks.meaning(1) == "on"
    assert register.read(words(1)).quality is Quality.GOOD
    assert register.read(words(7)).reason == "7 has no meaning, expected one of 0 (off), 1 (on)"


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 0xFFFF))
def test_bits_of_a_register_are_a_number_of_their_own(first, last, raw):
    first, last = sorted((first, last))
    register = Register("x", 0, bits=(first, last))
    expected = int(f"{raw:016b}"[15 - last : 16 - first], 2)
    assert register.decode(words(raw)) == expected
    assert register.encode(expected)[0] == expected << first


def test_registers_may_share_an_address_where_their_bits_differ():
    def profile(*bits):
        return Profile(Device("x"), tuple(Register(f"r{i}", 5, bits=pair) for i, pair in enumerate(bits)))

    assert len(profile((0, 3), (4, 15)).registers) == 2
    with pytest.raises(ValueError, match="takes already"):
        profile((0, 4), (4, 15))


def test_a_text_ends_at_its_first_nul():
    text = Text("model", 0, 4)
    assert text.decode(text.encode("QM42VT2")) == "QM42VT2"
    assert Text("model", 0, 2, order="BADC").decode(words(0x4241, 0x0043)) == "ABC"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Register("x", 0, plausible=(2.0, 1.0)), "plausible: found [2.0, 1.0]"),
        (lambda: Register("x", 0, values={"one": "on"}), "values: found 'one'"),
        (lambda: Register("x", 0, bits=(3, 16)), "bits: found [3, 16]"),
        (lambda: Register("x", 0, kind="int16", bits=(0, 3)), "bits: found [0, 3]"),
        (lambda: Text("", 0, 1), "name: found an empty one"),
        (lambda: Text("x", 0, 126), "registers: found 126"),
        (lambda: Text("x", 0, 1, table="coil"), "table: found 'coil'"),
        (lambda: Device("x", base=2), "base: found 2"),
        (
            lambda: Profile(Device("x", block=1), (Register("a", 0, kind="float32"),)),
            "register.0.kind: found float32 of 2 registers, expected no more than a request may read",
        ),
    ],
)
def test_what_cannot_be_built(build, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole message is compared
        build()
    assert str(caught.value).startswith(message)


@given(st.sampled_from(sorted(TABLES)), st.integers(0, 9998))
def test_the_traditional_notation_names_table_and_address(table, address):
    written = f"{TABLES[table]}{address + 1:04d}"
    assert read_address(written, None, 0) == (address, table)
    assert read_address(address + 1, table, 1) == (address, table)
    assert read_address(address, table, 0) == (address, table)


@pytest.mark.parametrize(
    ("written", "table", "base", "message"),
    [
        ("40053", "input", 0, "found '40053', which is in table holding, expected one in input"),
        ("50001", None, 0, "found '50001', expected a number, or a text such as"),
        ("40000", None, 0, "found '40000'"),
        (0, None, 1, "found 0, expected 1 or more"),
    ],
)
def test_a_wrong_address_is_said(written, table, base, message):
    with pytest.raises(ValueError, match=message):
        read_address(written, table, base)


def test_the_same_register_in_three_notations_and_the_line_of_a_wrong_one(tmp_path):
    path = tmp_path / "rig.toml"

    def load(device, register):
        path.write_text(f'[device]\nname = "rig"\n{device}\n[[register]]\nname = "x"\n{register}\n')
        return load_profile(path)

    places = {
        load("", 'table = "input"\naddress = 22').registers[0].place,
        load("base = 1", 'table = "input"\naddress = 23').registers[0].place,
        load("", 'address = "30023"').registers[0].place,
        load("base = 1", 'address = "3x0023"').registers[0].place,
    }
    assert places == {"input 22 (30023)"}
    with pytest.raises(ProfileError, match=r"rig\.toml:6: register\.0\.address: found '99999', expected a number"):
        load("", 'address = "99999"')
