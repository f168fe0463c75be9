"""Framings: a reply is found in any pieces, nothing else is taken for it, and no bytes at all raise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.modbus.framing import Reply, Request, Stray
from sensors.modbus.framing_ascii import AsciiFraming, lrc
from sensors.modbus.framing_rtu import RtuFraming, crc
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.pdu import (
    Defect,
    Mismatch,
    exception_code,
    fifo_request,
    file_request,
    read_request,
    reply_words,
    write_request,
)

FRAMINGS = [TcpFraming(), RtuFraming(), AsciiFraming()]
framings = st.sampled_from(FRAMINGS)
words = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123)


def ids(framing):
    return framing.name


@st.composite
def exchanges(draw):
    """A request, the PDU of its good reply, and the registers that it carries."""
    values = draw(words)
    count = len(values)
    data = np.array(values, dtype=">u2").tobytes()
    unit, address = draw(st.integers(0, 255)), draw(st.integers(0, 0xFF00))
    kind = draw(st.sampled_from(["holding", "input", "coil", "file", "fifo", "write", "exception"]))
    if kind in ("holding", "input"):
        pdu = read_request(kind, address, count)
        reply = bytes((pdu[0], len(data))) + data
    elif kind == "coil":
        pdu = read_request("coil", address, count)
        values = [value & 1 for value in values]
        packed = np.packbits(np.array(values, dtype=bool), bitorder="little").tobytes()
        reply = bytes((1, len(packed))) + packed
    elif kind == "file":
        pdu = file_request(4, address % 10000, count)
        reply = bytes((0x14, len(data) + 2, len(data) + 1, 6)) + data
    elif kind == "fifo":
        values = values[:31]
        data = data[:62]
        pdu = fifo_request(address)
        reply = b"\x18" + (len(data) + 2).to_bytes(2, "big") + len(values).to_bytes(2, "big") + data
    elif kind == "write":
        pdu, values = write_request("holding", address, values), None
        reply = pdu[:5]
    else:
        pdu, values = read_request("holding", address, count), None
        reply = bytes((0x83, draw(st.integers(0, 255))))
    return Request(unit, pdu, draw(st.integers(0, 0xFFFF))), reply, values


@given(framings, exchanges())
def test_a_reply_is_found_once_its_last_byte_is_there_and_not_before(framing, exchange):
    request, pdu, values = exchange
    line = framing.frame(request.unit, pdu, request.transaction)
    assert all(framing.scan(request, line[:n]) is None for n in range(len(line)))
    found = framing.scan(request, bytearray(line + b"\x00"))
    assert found == Reply(pdu, len(line))
    if values is not None:
        assert reply_words(request.pdu, found.pdu).tolist() == values


@given(framings, exchanges())
def test_a_server_reads_back_what_a_client_framed(framing, exchange):
    request, _, _ = exchange
    line = framing.frame(request.unit, request.pdu, request.transaction)
    transaction = request.transaction if framing.numbered else 0
    assert framing.next_request(line[:-1]) is None
    assert framing.next_request(line + b"\x00") == (Request(request.unit, request.pdu, transaction), len(line))


@given(framings, exchanges(), st.integers(1, 255), st.data())
def test_one_damaged_byte_never_passes_where_there_is_a_checksum(framing, exchange, flip, data):
    request, pdu, _ = exchange
    line = bytearray(framing.frame(request.unit, pdu, request.transaction))
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= flip
    found = framing.scan(request, line)
    if framing.name == "ascii" and isinstance(found, Reply):  # a digit may be written small
        assert found.pdu == pdu
    elif framing.name != "tcp":
        assert not isinstance(found, Reply)


@given(framings, exchanges(), st.binary(max_size=300))
@settings(max_examples=300)
def test_no_bytes_at_all_raise(framing, exchange, noise):
    request, _, _ = exchange
    for received in (noise, framing.frame(request.unit, noise, request.transaction)):
        found = framing.scan(request, received)
        assert found is None or isinstance(found, (Reply, Stray, Defect))
        if (
            isinstance(found, Reply)
            and request.pdu[0] in (1, 2, 3, 4, 0x14, 0x18)
            and exception_code(found.pdu) is None
        ):
            reply_words(request.pdu, found.pdu)
        framing.next_request(received)


READ_TEN = Request(7, read_request("holding", 100, 10), 42)
GOOD = bytes((3, 20)) + bytes(20)


@pytest.mark.parametrize("framing", FRAMINGS, ids=ids)
@pytest.mark.parametrize(
    ("unit", "pdu", "kind"),
    [
        (8, GOOD, Mismatch.UNIT),
        (7, bytes((4, 20)) + bytes(20), Mismatch.FUNCTION),
        (7, bytes((3, 18)) + bytes(18), Mismatch.SIZE),
        (7, b"\x84\x02", Mismatch.FUNCTION),
    ],
)
def test_a_reply_to_another_request_is_said_to_be_one(framing, unit, pdu, kind):
    found = framing.scan(READ_TEN, framing.frame(unit, pdu, 42))
    assert isinstance(found, Defect)
    assert found.kind is kind


def test_an_adapter_that_echoes_is_suspected():
    framing = RtuFraming()
    found = framing.scan(READ_TEN, framing.frame(READ_TEN.unit, READ_TEN.pdu))
    assert isinstance(found, Defect)
    assert "is the echo of the adapter on?" in found.what


def test_a_late_reply_over_tcp_is_skipped_and_named():
    framing = TcpFraming()
    late, good = framing.frame(7, GOOD, 41), framing.frame(7, GOOD, 42)
    found = framing.scan(READ_TEN, late + good)
    assert isinstance(found, Stray)
    assert (found.defect.kind, found.size) == (Mismatch.TRANSACTION, len(late))


@pytest.mark.parametrize("head", ["002a0001000717", "002a0000000217", "002a000000ff17"])
def test_what_is_no_modbus_tcp_header_is_said(head):
    found = TcpFraming().scan(READ_TEN, bytes.fromhex(head))
    assert isinstance(found, Defect)
    assert found.kind is Mismatch.HEADER


def test_a_wrong_echo_of_a_write_is_said():
    request = Request(1, write_request("holding", 33, [1]))
    found = RtuFraming().scan(request, RtuFraming().frame(1, write_request("holding", 33, [2])))
    assert isinstance(found, Defect)
    assert found.kind is Mismatch.ECHO


def test_checksums_are_those_of_the_specification():
    """Modbus over Serial Line V1.02: 6.2.2 gives CRC 0x1241 for 02 07; the LRC makes the sum zero."""
    assert crc(bytes.fromhex("0207")) == 0x1241
    assert (sum(b"\x01\x03\x00\x00\x00\x01") + lrc(b"\x01\x03\x00\x00\x00\x01")) & 0xFF == 0
