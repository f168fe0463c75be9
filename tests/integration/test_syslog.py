"""Alarms and events arrive at real syslog sockets as RFC 5424 has them, one line each whatever names hold."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest

from inversion.app.journal import Entry
from inversion.app.sinks.syslog import SyslogSink, line

ALARM = Entry(8, "alarm", "fan 3", 6, "a1b2", 1_795_255_200_000_000_000, {"severity": "warning", "text": "fan 3: wide"})
EVENT = Entry(9, "event", "", 7, "a1b2", 1_795_255_200_000_000_000, {"text": "sink jsonl: back"})
FINDING = Entry(7, "finding", "fan 3", 5, "a1b2", 0, {})
FORM = re.compile(rb"<\d+>1 [0-9T:.Z-]+ \S+ inversion - (alarm|event) \[inversion@32473 [^\n]*\] [^\n]*")


def log(sink, *entries):
    asyncio.run(sink.write_records(entries))


def test_this_machines_log_gets_alarms_and_events_but_no_findings(tmp_path):
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        log(SyslogSink(str(path)), FINDING, ALARM, EVENT)
        lines = [receiver.recv(4096) for _ in range(2)]
    assert all(FORM.fullmatch(each) for each in lines)
    assert lines[0].startswith(b"<132>1 2026-11-21T")
    assert lines[0].endswith(b'[inversion@32473 journal="a1b2" asset="fan 3" sequence="6"] fan 3: wide')
    assert lines[1].startswith(b"<133>1 ")


def test_over_udp_a_line_is_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        log(SyslogSink(f"udp://127.0.0.1:{receiver.getsockname()[1]}"), ALARM)
        assert FORM.fullmatch(receiver.recv(4096))


def test_over_tcp_lines_are_counted():
    with socket.create_server(("127.0.0.1", 0)) as server:
        log(SyslogSink(f"tcp://127.0.0.1:{server.getsockname()[1]}"), ALARM, EVENT)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            whole = stream.read()
    for entry in (ALARM, EVENT):
        size, _, whole = whole.partition(b" ")
        assert whole[: int(size)] == line(entry)
        whole = whole[int(size) :]
    assert whole == b""


def test_names_cannot_begin_a_line_or_leave_their_field():
    hostile = Entry(
        1, "alarm", 'a"] x\n<0>1 forged\\', 1, "a1b2", 0, {"severity": "alarm", "text": "b\n<0>1 forged" * 300}
    )
    sent = line(hostile)
    assert b"\n" not in sent
    assert FORM.fullmatch(sent)
    assert b'asset="a\\"\\] x <0>1 forged\\\\"' in sent
    assert len(sent) <= 2048


def test_nobody_there_is_a_failure(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        log(SyslogSink(str(tmp_path / "none")), ALARM)


@pytest.mark.parametrize("address", ["", "log", "udp://host", "http://host:1", "udp://host:99999"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="address must be a path, udp://HOST:PORT or tcp://HOST:PORT"):
        SyslogSink(address)
