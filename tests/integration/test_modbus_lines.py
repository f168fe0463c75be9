"""One source over every line: the same values arrive, units share wires in turns, faults cost a poll and no more."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from modbus_rig import PROFILE, Authority, Machine, take

from sensors import Quality, SourceUnavailable
from sensors.modbus.faults import (
    Fault,
    delayed,
    dripping,
    duplicated,
    flipped,
    foreign,
    garbage,
    other_transaction,
    truncated,
)
from sensors.modbus.line import Line
from sensors.modbus.lines import shared_line
from sensors.modbus.pdu import read_request
from sensors.modbus.server import modbus_server, serial_server
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import SimulatedRegisters, serve, serve_serial
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(PROFILE)
    return file


def source(path, line, **options):
    return ModbusSource(path, "fan", line, **{"poll_s": 0.001, "timeout_s": 0.3, "baud": 115200, **options})


def check(frames):
    """The values of the machine, each poll's its own."""
    counts = [frame.channels["counter"].samples[0] for frame in frames]
    assert counts == sorted(set(counts)), "no value twice"
    for frame in frames:
        assert frame.channels["shaft_hz"].samples == [np.float32(29.5)]
        assert frame.channels["running"].samples == [1]


@pytest.mark.parametrize("scheme", ["tcp", "rtu+tcp", "ascii+tcp"])
def test_over_a_network(path, scheme):
    async def measure():
        async with serve(load_profile(path), Machine(), scheme=scheme) as device:
            return await take(source(path, device.line), 5)

    check(asyncio.run(measure()))


@pytest.mark.parametrize("scheme", ["rtu", "ascii"])
def test_over_a_serial_port(path, scheme):
    async def measure():
        async with serve_serial({7: (load_profile(path), Machine())}, scheme=scheme) as line:
            return await take(source(path, line, unit_id=7), 5)

    check(asyncio.run(measure()))


def test_units_on_one_serial_line_take_turns(path):
    """Three units that are polled as fast as the line can: none gets more than its share."""

    async def measure():
        units = {unit: (load_profile(path), Machine()) for unit in (1, 2, 3)}
        async with serve_serial(units) as line:
            return await asyncio.gather(*(take(source(path, line, unit_id=unit), 20) for unit in units))

    for frames in asyncio.run(measure()):
        check(frames)
        assert len(frames) == 20


def test_several_unit_ids_share_one_connection_and_a_dead_one_takes_only_its_time_outs(path):
    profile = load_profile(path)
    connections = []

    async def measure():
        devices = {unit: SimulatedRegisters(profile, Machine()) for unit in (1, 2)}
        async with modbus_server(devices) as port:
            address = f"tcp://127.0.0.1:{port}"
            async with shared_line(LineSettings(address, baud=115200)) as line:
                one, two, dead = (source(path, address, unit_id=unit, timeout_s=0.1) for unit in (1, 2, 9))
                found = await asyncio.gather(take(one, 20), take(two, 20), take(dead), return_exceptions=True)
                connections.append(line.counts["connections"])
                return found

    one, two, dead = asyncio.run(measure())
    check(one)
    check(two)
    assert isinstance(dead, SourceUnavailable)
    assert "unit 9: discrete 3 (10004): no answer within 0.1 s" in str(dead)
    assert connections == [1]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


def test_over_tls_with_certificates_of_both_sides(path, authority):
    server, client = authority.issue("server"), authority.issue("client")

    async def measure():
        async with serve(load_profile(path), Machine(), scheme="tls", tls=authority.server_side(*server)) as device:
            options = {"ca": authority.ca, "certificate": client[0], "key": client[1], "timeout_s": 2.0}
            return await take(source(path, device.line, **options), 3)

    check(asyncio.run(measure()))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("expired", "the server's certificate is refused: certificate has expired"),
        ("of another authority", "the server's certificate is refused: (self-signed|unable to get local issuer)"),
        ("of another name", "the server's certificate is refused: .*other.example"),
        ("no client certificate", "the device ended TLS: .*CERTIFICATE_REQUIRED|may refuse our certificate"),
        ("expired client", "the device ended TLS: .*EXPIRED|may refuse our certificate"),
        ("plain server", "the other side ended it|no TLS connection"),
    ],
)
def test_a_wrong_certificate_is_a_clear_state(path, authority, tmp_path, case, message):
    server = authority.issue("expired" if case == "expired" else "server", days=-1 if case == "expired" else 10)
    client = authority.issue("client", days=-1 if case == "expired client" else 10)
    other = Authority(tmp_path, "other")
    options = {"ca": other.ca if case == "of another authority" else authority.ca, "timeout_s": 1.0}
    if case != "no client certificate":
        options |= {"certificate": client[0], "key": client[1]}
    if case == "of another name":
        options |= {"server_name": "other.example"}
    plain = case == "plain server"

    async def measure():
        tls = None if plain else authority.server_side(*server)
        async with serve(load_profile(path), Machine(), scheme="tcp" if plain else "tls", tls=tls) as device:
            await take(source(path, device.line.replace("tcp://", "tls://"), **options))

    with pytest.raises(SourceUnavailable, match=message) as caught:
        asyncio.run(measure())
    assert "\n" not in str(caught.value)


def test_a_certificate_replaced_on_disk_is_used_at_the_next_connection(path, authority):
    """The same source is refused with an expired one, and measures once another lies at the same place."""
    server, client = authority.issue("server"), authority.issue("replaced", days=-1)

    async def measure():
        async with serve(load_profile(path), Machine(), scheme="tls", tls=authority.server_side(*server)) as device:
            options = {"ca": authority.ca, "certificate": client[0], "key": client[1], "timeout_s": 2.0}
            same = source(path, device.line, **options)
            with pytest.raises(SourceUnavailable, match=r"the device ended TLS: .*EXPIRED|may refuse our certificate"):
                await take(same)
            authority.issue("replaced")
            return await take(same, 3)

    check(asyncio.run(measure()))


WIRES = ["tcp", "rtu+tcp", "ascii+tcp"]
FAULTS = {
    "silence": Fault.SILENCE,
    "disconnect": Fault.DISCONNECT,
    "reset": Fault.RESET,
    "late": delayed(0.25),
    "twice": duplicated(),
    "twice, the second late": duplicated(0.001),
    "cut": truncated(0.6),
    "damaged head": flipped(0.0),
    "damaged": flipped(0.5, 0x10),
    "damaged end": flipped(1.0, 0x04),
    "foreign unit": foreign(9),
    "other transaction": other_transaction(-1),
    "noise": garbage(b"\x00\xff\x17", reply_too=False),
    "noise before": garbage(b"\x55\xaa", reply_too=True),
    "drip": dripping(0.03),
    "exception": b"\x84\x06",
}


@pytest.mark.parametrize("scheme", WIRES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_polls_and_never_a_wrong_value(path, scheme, fault):
    """Where a damaged byte passes without a checksum (Modbus TCP has none), the value is plausible but unknown."""

    def misbehave(request):
        return fault if request.number in (6, 13) else None

    async def measure():
        async with (
            serve(load_profile(path), Machine(), scheme=scheme, misbehave=misbehave) as device,
            shared_line(LineSettings(device.line, baud=115200)) as line,
        ):
            frames = await take(source(path, device.line, tolerance=20, timeout_s=0.1), 10)
            return frames, line.counts

    frames, counts = asyncio.run(measure())
    if scheme == "tcp" and fault in (FAULTS["damaged"], FAULTS["damaged end"]):
        assert len(frames) == 10
        return
    check(frames)
    harmless = scheme == "tcp" and fault in (FAULTS["twice"], FAULTS["twice, the second late"])
    assert harmless or sum(counts.values()) - counts["requests"] - counts["replies"] >= 2, counts


def test_a_late_reply_on_wires_does_not_answer_the_next_request(path):
    """The reply to a request comes after its time-out; the same request again must not get it."""
    seen = []

    class Store:
        """Answers with how often it was read, so that a late reply shows."""

        reads = 0

        def read(self, table, address, count):
            Store.reads += 1
            return np.full(count, Store.reads, dtype=np.uint16)

    def misbehave(request):
        return delayed(0.2) if request.number == 2 else None

    async def exchange():
        async with serial_server(Store(), misbehave) as path:
            line = Line(LineSettings(f"rtu://{path}", baud=115200))
            for _ in range(6):
                before = Store.reads
                try:
                    reply = await line.transact(1, read_request("holding", 0, 4), 0.1)
                    seen.append(int.from_bytes(reply[2:4], "big") > before)
                except SourceUnavailable:
                    seen.append(None)
            line.close()
            return line.counts

    counts = asyncio.run(exchange())
    assert None in seen
    assert False not in seen, "a reply was older than its request"
    assert counts["questions"] >= 1


def test_a_window_of_polls_says_when_each_was_made_and_which_is_missing(path):
    def misbehave(request):
        return Fault.SILENCE if request.number == 14 else None

    async def measure():
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            return await take(source(path, device.line, poll_s=0.02, timeout_s=0.05, window=8, tolerance=1), 2)

    first, second = asyncio.run(measure())
    broken, whole = (first, second) if first.channels["counter"].quality else (second, first)
    assert whole.channels["counter"].samples.size == 8
    assert whole.channels["counter"].sample_rate == 50
    times = whole.channels["poll_time"].samples
    assert times[0] == 0
    assert np.all(np.diff(times) > 0.01)
    assert broken.channels["counter"].quality is Quality.BAD
    assert "1 of 8 polls have no answer" in broken.channels["counter"].reason
    assert np.isnan(broken.channels["counter"].samples).sum() == 1


def test_a_clock_step_shows_in_no_window(path):
    """The wall clock jumps back an hour between polls; the times of a window do not."""
    wall = iter([10**18, 10**18 - 3600 * 10**9])

    async def measure():
        async with serve(load_profile(path), Machine()) as device:
            return await take(source(path, device.line, window=4), 2, clock=lambda: next(wall))

    for frame in asyncio.run(measure()):
        assert 0 <= frame.channels["poll_time"].samples.max() < 1


def test_one_line_with_two_settings_is_said(path):
    async def measure():
        async with serve_serial({1: (load_profile(path), Machine())}) as line, shared_line(LineSettings(line)):
            await take(source(path, line, baud=19200))

    with pytest.raises(SourceUnavailable, match=r"is in use with other settings: rtu /dev/.* 9600 8N1"):
        asyncio.run(measure())


def test_a_serial_port_that_is_not_there(path):
    with pytest.raises(
        SourceUnavailable, match=r"^fan: /dev/nothing 115200 8N1 unit 1: .*cannot be opened: no such file or directory$"
    ):
        asyncio.run(take(source(path, "rtu:///dev/nothing")))


def test_a_serial_port_that_is_unplugged(path):
    async def measure():
        async with serve_serial({1: (load_profile(path), Machine())}) as line:
            frames = source(path, line).frames()
            await anext(frames)
        await anext(frames)

    with pytest.raises(SourceUnavailable, match=r"no answer within|the serial port"):
        asyncio.run(measure())


@pytest.mark.parametrize("end", [Fault.RESET, Fault.DISCONNECT, Fault.HALF_OPEN, Fault.SILENCE])
def test_polling_resumes_and_nothing_is_left_behind_over_200_losses(path, end):
    """Tasks, sockets and file descriptors, over 200 lost connections of one source."""

    def misbehave(request):
        return end if request.number % 5 == 0 else None

    async def cycles():
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            one = source(path, device.line, timeout_s=0.01)
            got = Counter()
            for cycle in range(200):
                try:
                    got["frames"] += len(await take(one, 4))
                except SourceUnavailable:
                    got["lost"] += 1
                if cycle == 20:
                    before = files()
            return got, before, files(), len(asyncio.all_tasks())

    def files():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    got, before, after, tasks = asyncio.run(cycles())
    assert got["lost"] == 200
    assert after <= before + 2  # the server's end of the last connection may still be closing
    assert tasks <= 4


@pytest.mark.parametrize("scheme", ["serial", "tls"])
def test_nothing_is_left_behind_over_200_openings_of_other_lines(path, authority, scheme):
    server, client = authority.issue("server"), authority.issue("client")
    keys = {"ca": authority.ca, "certificate": client[0], "key": client[1], "timeout_s": 2.0}

    async def cycles():
        profile = load_profile(path)
        tls = authority.server_side(*server)
        serving = (
            serve_serial({1: (profile, Machine())})
            if scheme == "serial"
            else serve(profile, Machine(), scheme="tls", tls=tls)
        )
        async with serving as device:
            one = source(path, device) if scheme == "serial" else source(path, device.line, **keys)
            for cycle in range(200):
                assert len(await take(one)) == 1
                if cycle == 20:
                    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
            return before, len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208

    before, after, tasks = asyncio.run(cycles())
    assert after <= before + 3
    assert tasks <= 5


def test_the_profiles_of_real_devices_say_where_they_are_from():
    for name in ("wtvb02", "banner_qm42vt2", "bestsens_bemos", "machinesaver_trivibe"):
        assert "manufacturer" in load_profile(Path(name)).device.reference
