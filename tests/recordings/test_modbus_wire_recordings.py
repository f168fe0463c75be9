"""Golden wire: what real devices and servers sent, decoded byte by byte."""

import csv
import re
import struct
from collections import Counter

import pytest

from sensors.modbus.framing import Reply, Request
from sensors.modbus.framing_rtu import RtuFraming
from sensors.modbus.framing_tcp import MBAP, TcpFraming
from sensors.modbus.pdu import exception_code, reply_words

pytestmark = pytest.mark.recordings

LOGGED = re.compile(r"IRP_MJ_(READ|WRITE)\s.*Length: \d+, Data: ([0-9A-F ]+)")


def decoded(pieces):
    """Registers of each whole reply. pieces: ("WRITE" or "READ", bytes), in order; replies are fed byte by byte."""
    framing = RtuFraming()
    request, received = None, bytearray()
    for way, data in pieces:
        if way == "WRITE":
            found = framing.next_request(data)
            request, received = (found[0] if isinstance(found, tuple) else None), bytearray()
            continue
        for byte in data:
            received.append(byte)
            found = framing.scan(request, received) if request else None
            if isinstance(found, Reply):
                if request.pdu[0] in (3, 4) and exception_code(found.pdu) is None:
                    yield request, reply_words(request.pdu, found.pdu)
                request = None


@pytest.fixture(scope="module")
def rows(data):
    with (data / "modbus" / "wtvb02_rtu_decoded.csv").open(newline="") as file:
        return [[int(value) & 0xFFFF for value in row[1:]] for row in list(csv.reader(file))[1:]]


def test_the_serial_log_fed_byte_by_byte_gives_the_rows_of_the_decoded_table(data, rows):
    text = (data / "modbus" / "wtvb02_rtu_log.txt").read_text(encoding="latin-1")
    pieces = [(way, bytes.fromhex(digits)) for way, digits in LOGGED.findall(text)]
    found = [words.tolist() for request, words in decoded(pieces) if request.pdu == bytes.fromhex("0300300017")]
    assert len(found) == 2839
    assert found == rows


def usb_transfers(capture):
    """(way, bytes) of the bulk transfers of device 3, endpoints 0x02 and 0x82 (pcapng, USBPcap headers)."""
    at = 0
    while at < len(capture):
        block, length = struct.unpack_from("<II", capture, at)
        if block == 6:
            size = struct.unpack_from("<I", capture, at + 20)[0]
            packet = capture[at + 28 : at + 28 + size]
            head, device, endpoint, transfer = (
                struct.unpack_from("<H", packet)[0],
                struct.unpack_from("<H", packet, 19)[0],
                packet[21],
                packet[22],
            )
            if (device, transfer) == (3, 3) and endpoint in (0x02, 0x82) and len(packet) > head:
                yield ("WRITE" if endpoint == 0x02 else "READ"), packet[head:]
        at += length


def test_the_usb_capture_is_decoded_likewise(data, rows):
    capture = (data / "modbus" / "wtvb02_usb.pcapng").read_bytes()
    replies = [
        words for request, words in decoded(usb_transfers(capture)) if request.pdu == bytes.fromhex("0300300017")
    ]
    assert len(replies) > 100
    assert {words.size for words in replies} == {23}
    gravity = [abs(int(words[4].astype("int16"))) for words in replies]
    assert sorted(gravity)[len(gravity) // 2] == pytest.approx(1768, abs=40), "the same unit at rest, -0.86 g on x"


def tcp_segments(capture):
    """((source, port, destination, port), payload) of each TCP segment, in order (pcap, Ethernet, IPv4)."""
    at = 24
    while at < len(capture):
        size = struct.unpack_from("<I", capture, at + 8)[0]
        packet = capture[at + 16 : at + 16 + size]
        at += 16 + size
        if packet[12:14] != b"\x08\x00" or packet[23] != 6:
            continue
        ip = 14 + 4 * (packet[14] & 15)
        end = 14 + int.from_bytes(packet[16:18], "big")
        ports = struct.unpack_from(">HH", packet, ip)
        payload = packet[ip + 4 * (packet[ip + 12] >> 4) : end]
        if payload and 502 in ports:
            yield (packet[26:30], ports[0], packet[30:34], ports[1]), payload


def adus(payload):
    """(transaction, unit, pdu) of each whole Modbus TCP frame."""
    at = 0
    while len(payload) - at > MBAP.size:
        transaction, protocol, length, unit = MBAP.unpack_from(payload, at)
        if protocol != 0 or length < 3:
            return
        end = at + MBAP.size - 1 + length
        yield transaction, unit, bytes(payload[at + MBAP.size : end])
        at = end


def test_every_exception_reply_over_tcp_is_decoded_as_what_it_is(data):
    """Six servers; each reply of the capture is the reply to its request, and no request lacks in the matching."""
    capture = (data / "modbus" / "tcp_exceptions.pcap").read_bytes()
    framing, waiting = TcpFraming(), {}
    exceptions, good, servers = Counter(), 0, set()
    for (source, port, to, to_port), payload in tcp_segments(capture):
        for transaction, unit, pdu in adus(payload):
            if to_port == 502:
                waiting[source, port, to, transaction] = Request(unit, pdu, transaction)
                continue
            request = waiting[to, to_port, source, transaction]
            found = framing.scan(request, framing.frame(unit, pdu, transaction))
            assert found == Reply(pdu, MBAP.size + len(pdu))
            servers.add(source)
            code = exception_code(found.pdu)
            if code is None:
                good += 1
            else:
                exceptions[pdu[0], code] += 1
    assert exceptions == {(0x84, 2): 3314, (0x83, 2): 9, (0x82, 2): 5, (0x81, 2): 1}
    assert (good, len(servers)) == (630, 6)
