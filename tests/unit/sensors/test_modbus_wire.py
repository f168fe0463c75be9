"""Bytes on the wire: what our server answers passes our own check, and no bytes upset either."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.modbus.server import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refusal, answer
from sensors.modbus.wire import MBAP, defect
from sensors.registers import TABLES


class Memory:
    """A store whose addresses below 1000 exist."""

    def __init__(self):
        self.values = {table: np.zeros(0x10000, dtype=np.uint16) for table in TABLES}

    def read(self, table, address, count):
        if address + count > 1000:
            raise Refusal(ILLEGAL_ADDRESS)
        return self.values[table][address : address + count]

    def write(self, table, address, values):
        if address + len(values) > 1000:
            raise Refusal(ILLEGAL_ADDRESS)
        self.values[table][address : address + len(values)] = values


def adu(pdu, transaction=7, unit=1):
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def request(text):
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("written", "read", "reply"),
    [
        ("06 0034 abcd", "03 0034 0001", "03 02 abcd"),
        ("10 0034 0002 04 0102 0304", "03 0034 0002", "03 04 0102 0304"),
        ("05 0003 ff00", "01 0000 0009", "01 02 08 00"),
        ("0f 0003 000a 02 cd 01", "01 0003 000a", "01 02 cd 01"),  # the example of the standard, 6.11
    ],
)
def test_what_is_written_is_read(written, read, reply):
    memory = Memory()
    echo = answer(request(written), memory)
    assert echo[:5] == request(written)[:5]
    assert answer(request(read), memory) == request(reply)


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("07", ILLEGAL_FUNCTION),
        ("14 06", ILLEGAL_FUNCTION),
        ("03", ILLEGAL_VALUE),
        ("03 0000 0000", ILLEGAL_VALUE),
        ("03 0000 007e", ILLEGAL_VALUE),
        ("03 0000 0001 00", ILLEGAL_VALUE),
        ("03 03e8 0001", ILLEGAL_ADDRESS),
        ("04 ffff 0002", ILLEGAL_ADDRESS),
        ("05 0000 0001", ILLEGAL_VALUE),
        ("10 0000 0002 04 0102 03", ILLEGAL_VALUE),
        ("10 ffff 0002 04 0102 0304", ILLEGAL_ADDRESS),
    ],
)
def test_what_cannot_be_answered_is_refused(pdu, code):
    assert answer(request(pdu), Memory()) == bytes((request(pdu)[0] | 0x80, code))


@given(st.binary(min_size=1, max_size=253))
def test_any_bytes_get_an_answer_that_passes_the_check(pdu):
    reply = answer(pdu, Memory())
    assert 2 <= len(reply) <= 253
    if pdu[0] < 0x80:
        assert defect(adu(pdu), adu(reply)) == ""


REQUESTS = st.sampled_from(
    [
        request("01 0000 0009"),
        request("02 0000 0001"),
        request("03 0034 0004"),
        request("04 0000 007d"),
        request("05 0003 ff00"),
        request("06 0034 abcd"),
        request("0f 0003 000a 02 cd 01"),
        request("10 0034 0002 04 0102 0304"),
    ]
)


@given(REQUESTS, st.data())
def test_a_true_reply_passes_whole_and_in_parts(pdu, data):
    reply = adu(answer(pdu, Memory()))
    part = reply[: data.draw(st.integers(0, len(reply)))]
    assert defect(adu(pdu), part) == ""
    assert defect(adu(pdu), adu(b"\x83\x02", transaction=6) + reply) == ""  # a foreign reply before it


@given(REQUESTS, st.data())
def test_a_reply_of_another_length_or_function_does_not_pass(pdu, data):
    reply = answer(pdu, Memory())
    cut = data.draw(st.integers(1, len(reply) - 1))
    assert "found" in defect(adu(pdu), adu(reply[:cut]))
    assert "found" in defect(adu(pdu), adu(reply + b"\x00"))
    assert "found function" in defect(adu(pdu), adu(b"\x2b" + reply[1:]))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("0007 0001 0003 01 8302", "protocol id 1 and length 3"),
        ("0007 0000 0001 01", "protocol id 0 and length 1"),
        ("0007 0000 ffff 01", "protocol id 0 and length 65535"),
        ("0000 0000 0003 01 8302", "transaction id 0"),
        ("0007 0000 0004 01 830200", "an exception of 3 bytes"),
        ("0007 0000 0005 01 0304 abcd", "2 bytes of data (4 stated), expected 2"),
        ("0007 0000 0003 01 8302", ""),
    ],
)
def test_a_damaged_reply_is_told_apart(reply, message):
    found = defect(adu(request("03 0034 0001")), request(reply))
    assert message in found
    assert bool(found) == bool(message)


@given(REQUESTS, st.binary(max_size=300))
def test_any_bytes_received_can_be_judged(pdu, received):
    assert isinstance(defect(adu(pdu), received), str)
