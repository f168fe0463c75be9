"""A PLC reads what was inferred: mbpoll, pymodbus, libmodbus and our own source as peers; who attacks slows nobody."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import socket
import ssl
import struct
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from gateway_site import ScriptedSource, frame, site_with, write_site
from modbus_rig import Authority, take
from pymodbus.client import ModbusTcpClient, ModbusTlsClient
from served import change, finding, free_port, parameter, serving

from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.serving.registers import BLOCK, TRIAL
from inversion.app.sinks.modbus_server import ModbusServerSink
from sensors.modbus.source import ModbusSource

ASSETS, PARAMETERS, ALARMS = ("fan 3", "fan 4"), ("outer_spall", "inner_spall"), ("too wide",)
FAN_3, FAN_4 = BLOCK, 2 * BLOCK
SPALL = 32

BLOCK_OF_SITE = """
[[sink]]
use = "modbus_server"
listen = "127.0.0.1:{port}"
assets = ["fan"]
parameters = ["level"]
alarms = ["too loud"]
"""

PROFILE = """\
[device]
name = "the gateway itself"

[[register]]
name = "outer_spall"
address = 288
kind = "float32"
unit = "mm"

[[register]]
name = "too_wide"
table = "discrete"
address = 256
"""


def sink(**options):
    return ModbusServerSink(
        **{"assets": ASSETS, "parameters": PARAMETERS, "alarms": ALARMS, "listen": "127.0.0.1:0"} | options
    )


def asked(port, address, count=1, function=4):
    """Registers over a raw socket; the code of an exception, negative."""
    with socket.create_connection(("127.0.0.1", port), 10) as plug:
        return exchange(plug, address, count, function)


def exchange(plug, address, count=1, function=4):
    plug.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, function, address, count))
    head = received(plug, 8)
    length, code = struct.unpack(">H", head[4:6])[0], head[7]
    rest = received(plug, length - 2)
    return -rest[0] if code & 0x80 else rest[1:]


def received(plug, size):
    data = b""
    while len(data) < size:
        more = plug.recv(size - len(data))
        if not more:
            raise ConnectionError("the server ended it")
        data += more
    return data


def number(port, address, order=">f"):
    return struct.unpack(order, asked(port, address, 2))[0]


def word(port, address):
    return struct.unpack(">H", asked(port, address))[0]


def test_a_value_has_its_interval_status_age_and_alarm():
    with serving(sink()) as served:
        port = served.sink.port
        assert (word(port, FAN_3), word(port, FAN_3 + 1)) == (0, 1)
        assert math.isnan(number(port, FAN_3 + SPALL))
        served.tell(finding(7, ago_s=20.0), change("unacknowledged", 8))
        assert [number(port, FAN_3 + SPALL + at) for at in (0, 2, 4)] == pytest.approx([3.2, 3.0, 3.4])
        assert word(port, FAN_3 + SPALL + 6) == 1
        assert (word(port, FAN_3), word(port, FAN_3 + 1)) == (1, 0)
        assert 20.0 <= number(port, FAN_3 + 2) < 60.0
        assert struct.unpack(">I", asked(port, FAN_3 + 4, 2))[0] == 7
        assert word(port, FAN_3 + 16) == 0b1000011
        assert asked(port, FAN_3, 1, function=2) == b"\x01"
        assert asked(port, FAN_3 + 16, 1, function=2) == b"\x01"  # fresh
        assert (word(port, FAN_4), word(port, FAN_4 + 1)) == (0, 1)
        assert math.isnan(number(port, FAN_4 + SPALL))


@pytest.mark.parametrize(
    ("told", "status", "interval"),
    [
        ({"outer_spall": parameter(1.0, 0.0, 2.0, resolvable=False)}, 2, (0.0, 2.0)),
        ({"quality": "bad"}, 3, (math.nan, math.nan)),
        ({"ago_s": 100.0}, 4, (math.nan, math.nan)),
        ({"inner_spall": parameter()}, 0, (math.nan, math.nan)),
    ],
    ids=["not resolvable", "bad", "stale", "not told of"],
)
def test_what_does_not_hold_is_no_number_and_says_why(told, status, interval):
    with serving(sink(stale_s=60.0)) as served:
        served.tell(finding(**told))
        port = served.sink.port
        assert math.isnan(number(port, FAN_3 + SPALL))
        assert [number(port, FAN_3 + SPALL + at) for at in (2, 4)] == pytest.approx(interval, nan_ok=True)
        assert word(port, FAN_3 + SPALL + 6) == status


def test_a_restart_shows_what_was_known_with_its_age():
    cycles = {("fan 3", "too wide"): {"active": True, "acknowledged": False, "latched": True}}
    with serving(sink(), [finding(7, ago_s=40.0)], cycles) as served:
        port = served.sink.port
        assert number(port, FAN_3 + SPALL) == pytest.approx(3.2)
        assert number(port, FAN_3 + 2) >= 40.0
        assert word(port, FAN_3 + 16) == 0b1000011
        assert struct.unpack(">I", asked(port, 4, 2))[0] == 0


@pytest.mark.parametrize(
    ("state", "before", "expected"),
    [
        ("acknowledged", "unacknowledged", 0b1000001),
        ("returned unacknowledged", "unacknowledged", 0b0000010),
        ("latched unacknowledged", "unacknowledged", 0b0000111),
        ("latched acknowledged", "latched unacknowledged", 0b0000101),
        ("shelved", "unacknowledged", 0b1001000),
        ("suppressed", "normal", 0b1010000),
        ("out of service", "normal", 0b1100000),
        ("normal", "acknowledged", 0b0000000),
    ],
)
def test_every_state_of_an_alarm_has_its_bits(state, before, expected):
    stands = state in ("acknowledged", "shelved", "suppressed", "out of service")
    with serving(sink()) as served:
        served.tell(finding(1, alarm="active" if stands else "normal"), change(state, 2, before=before))
        assert word(served.sink.port, FAN_3 + 16) == expected


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_the_trial_number_shows_the_order_of_bytes(order):
    with serving(sink(order=order)) as served:
        raw = asked(served.sink.port, 8, 2)
        told = bytes(raw[order.index(letter)] for letter in "ABCD")
        assert struct.unpack(">f", told)[0] == pytest.approx(TRIAL)


def test_mbpoll_reads_the_floats():
    if shutil.which("mbpoll") is None:
        pytest.skip("needs mbpoll (Debian)")
    with serving(sink()) as served:
        served.tell(finding())
        for table in ("3:float", "4:float"):
            command = ["mbpoll", "-m", "tcp", "-p", str(served.sink.port), "-t", table, "-B", "-0", "-1"]
            told = subprocess.run(
                [*command, "-r", str(FAN_3 + SPALL), "-c", "3", "127.0.0.1"], capture_output=True, text=True, timeout=30
            )
            assert told.returncode == 0, told.stdout + told.stderr
            values = [float(line.split()[-1]) for line in told.stdout.splitlines() if line.startswith("[")]
            assert values == pytest.approx([3.2, 3.0, 3.4], rel=1e-5)


def test_pymodbus_reads_and_may_not_write():
    with serving(sink()) as served:
        served.tell(finding(), change("unacknowledged"))
        client = ModbusTcpClient("127.0.0.1", port=served.sink.port)
        try:
            assert client.connect()
            registers = client.read_holding_registers(FAN_3 + SPALL, count=2).registers
            assert client.convert_from_registers(registers, client.DATATYPE.FLOAT32) == pytest.approx(3.2, rel=1e-6)
            assert client.read_discrete_inputs(FAN_3, count=1).bits[0]
            assert client.write_register(FAN_3, 1).exception_code == 1
            assert client.write_registers(FAN_3, [1, 2]).exception_code == 1
            assert client.write_coil(0, True).exception_code == 1
            assert client.read_coils(0, count=1).exception_code == 2
            assert client.read_input_registers(3 * BLOCK, count=1).exception_code == 2
        finally:
            client.close()


def test_our_own_source_reads_the_gateway_next_door(tmp_path):
    (tmp_path / "gateway.toml").write_text(PROFILE)
    with serving(sink()) as served:
        served.tell(finding(), change("unacknowledged"))
        source = ModbusSource(
            profile=tmp_path / "gateway.toml", asset="next door", line=f"tcp://127.0.0.1:{served.sink.port}", poll_s=0.1
        )
        [read] = asyncio.run(take(source))
    assert float(read.channels["outer_spall"].samples[0]) == pytest.approx(3.2e-3)
    assert float(read.channels["too_wide"].samples[0]) == 1.0


def test_only_who_has_a_certificate_may_ask_and_a_replaced_one_is_used_at_the_next_connection(tmp_path):
    """The server's first certificate has expired. Its replacement at the same path is used without a new sink."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", days=-1)
    ours = authority.issue("plc")
    (tmp_path / "other").mkdir()
    foreign = Authority(tmp_path / "other", "foreign")
    with serving(sink(certificate=certificate, key=key, ca=authority.ca)) as served:
        served.tell(finding())
        port = served.sink.port
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            over_tls(port, authority.ca, ours)
        authority.issue("server")
        assert struct.unpack(">f", over_tls(port, authority.ca, ours))[0] == pytest.approx(3.2)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            over_tls(port, authority.ca, foreign.issue("stranger"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            over_tls(port, authority.ca, None)
        with pytest.raises((ConnectionError, TimeoutError)):
            asked(port, 0)  # plain
        authority.ca.write_bytes(foreign.ca.read_bytes())  # who may ask is read anew as well
        with pytest.raises((ssl.SSLError, ConnectionError)):
            over_tls(port, None, ours)
        assert struct.unpack(">f", over_tls(port, None, foreign.issue("plc")))[0] == pytest.approx(3.2)


def over_tls(port, ca, pair):
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if pair is not None:
        context.load_cert_chain(*pair)
    plain = socket.create_connection(("127.0.0.1", port), 10)
    with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as plug:
        return exchange(plug, FAN_3 + SPALL, 2)


def test_pymodbus_reads_over_tls(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    context = ssl.create_default_context(cafile=authority.ca)
    context.check_hostname = False  # it names no host to TLS
    context.load_cert_chain(*authority.issue("plc"))
    with serving(sink(certificate=certificate, key=key, ca=authority.ca)) as served:
        served.tell(finding())
        client = ModbusTlsClient("localhost", port=served.sink.port, sslctx=context)
        try:
            assert client.connect()
            registers = client.read_input_registers(FAN_3 + SPALL, count=2).registers
            assert client.convert_from_registers(registers, client.DATATYPE.FLOAT32) == pytest.approx(3.2, rel=1e-6)
        finally:
            client.close()


@pytest.mark.parametrize("listen", ["0.0.0.0:1502", "192.0.2.1:502", "[::]:1502"])
def test_it_listens_elsewhere_only_with_tls_and_a_credential(listen, tmp_path):
    with pytest.raises(ValueError, match="listen must be an address of this machine alone"):
        sink(listen=listen)
    with pytest.raises(ValueError, match="certificate, key and ca belong together"):
        sink(listen=listen, certificate=tmp_path / "a", key=tmp_path / "b")
    assert sink(listen=listen, certificate=tmp_path / "a", key=tmp_path / "b", ca=tmp_path / "c")


def test_a_connection_that_was_quiet_longest_makes_room():
    with serving(sink(connections=4)) as served, ExitStack() as open_ones:
        port = served.sink.port
        plc = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        exchange(plc, 0)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(40):  # they ask nothing, the PLC goes on
            open_ones.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            exchange(plc, 0)
        assert len(served.sink._serving._server._clients) <= 4
        assert len(list(Path("/proc/self/fd").iterdir())) < before + 41 + 4 + 2


def test_many_at_once_leave_nothing_behind():
    """Those that were accepted and made room before they were ever served are closed too (warnings are errors)."""
    with serving(sink(connections=2)) as served:
        with ExitStack() as crowd:
            for each in [crowd.enter_context(socket.socket()) for _ in range(100)]:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", served.sink.port))
        assert len(first_answer(served.sink.port)) == 2


def first_answer(port):
    """Once those that wait in the kernel have had their turn."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return asked(port, 0)
        except ConnectionError:
            assert time.monotonic() < deadline


def test_a_request_that_drips_and_an_answer_that_is_never_taken_are_cut_off(monkeypatch):
    monkeypatch.setattr("inversion.app.sinks.modbus_server.Bounds", patient(0.5))
    with serving(sink()) as served:
        port = served.sink.port
        with socket.create_connection(("127.0.0.1", port), 10) as drips:
            drips.sendall(b"\0\1\0")
            assert drips.recv(1) == b""  # within patience_s, though the connection may be quiet for longer
        with socket.create_connection(("127.0.0.1", port), 10) as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            whole = struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 125) * 1000
            greedy.settimeout(20)
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                send_without_end(greedy, whole)
            assert asked(port, 0)  # others are served


def test_who_never_shakes_hands_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("inversion.app.sinks.modbus_server.Bounds", patient(0.5))
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    with serving(sink(certificate=certificate, key=key, ca=authority.ca, connections=2)) as served:
        served.tell(finding())
        port = served.sink.port
        with socket.create_connection(("127.0.0.1", port), 10) as idle:
            assert idle.recv(1) == b""  # within patience_s
        assert struct.unpack(">f", over_tls(port, authority.ca, authority.issue("plc")))[0] == pytest.approx(3.2)


def send_without_end(plug, data):
    for _ in range(100_000):
        plug.sendall(data)


def patient(seconds):
    from inversion.app.serving.modbus_tcp import Bounds

    return lambda **options: Bounds(**options, patience_s=seconds, a_second=1e9)


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\1\0\0\xff\xff\1",
        b"\0\1\0\0\0\1\1",
        os.urandom(4096),
        b"\x16\x03\x01" + b"\0" * 100,
    ],
    ids=["http", "too long", "too short", "noise", "tls"],
)
def test_what_is_no_modbus_ends_that_connection_alone(hostile):
    with serving(sink()) as served:
        port = served.sink.port
        with socket.create_connection(("127.0.0.1", port), 10) as plc:
            with socket.create_connection(("127.0.0.1", port), 10) as attacker:
                attacker.sendall(hostile)
                attacker.shutdown(socket.SHUT_WR)
                try:
                    while attacker.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
            assert exchange(plc, 0) == b"\0\1"


def test_one_who_asks_without_end_takes_no_more_than_a_share():
    """200 requests a second at most behind the first 20, whatever is sent, and others have their turn meanwhile."""
    with serving(sink()) as served, socket.create_connection(("127.0.0.1", served.sink.port), 10) as hasty:
        hasty.settimeout(20)
        hasty.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, 1) * 520)
        began = time.monotonic()
        assert asked(served.sink.port, 0) == b"\0\1"
        others_s = time.monotonic() - began
        received(hasty, 11 * 520)
        assert others_s < 1.0 < 2.4 <= time.monotonic() - began


def test_all_of_a_gateway_at_the_registers_and_a_taken_port_slows_nobody(acme, tmp_path):
    """The port is taken at first: the other sink has all the same, and the server is there once the port is free."""
    port = free_port()
    block = BLOCK_OF_SITE.format(port=port)
    go_on, stop = asyncio.Event(), asyncio.Event()
    site = site_with(
        write_site(tmp_path, more=block),
        sources=(ScriptedSource([[*(frame(i, level=9.80665) for i in range(4)), go_on]]),),
    )

    async def watched():
        with socket.create_server(("127.0.0.1", port)):
            running = asyncio.create_task(run_gateway(site, stop))
            async with asyncio.timeout(60):
                while (
                    not (tmp_path / "findings.jsonl").exists()
                    or (tmp_path / "findings.jsonl").read_bytes().count(b"\n") < 4
                ):
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            while True:
                try:
                    level = await asyncio.to_thread(number, port, FAN_3 + SPALL)
                    bits = await asyncio.to_thread(asked, port, FAN_3, 1, 2)
                except OSError:
                    await asyncio.sleep(0.01)
                    continue
                if not math.isnan(level) and bits == b"\x01":
                    break
                await asyncio.sleep(0.01)
        go_on.set()
        assert await running == 0
        return level

    assert asyncio.run(watched()) == pytest.approx(1.0, rel=0.1)
    with open_journal(site.journal, 0) as journal:
        kinds = [event.kind for event in journal.events() if event.kind.startswith("sink_")]
        [standing] = [each for each in journal.standings() if each.sink == "modbus_server"]
    assert kinds == ["sink_failed", "sink_back"]
    assert standing.produced == standing.delivered + standing.buffered + standing.dropped
    assert standing.dropped == 0
