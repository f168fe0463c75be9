"""Modbus TCP over real sockets on loopback: what is encoded arrives, and every loss is one clear error."""

import asyncio
import gc
import socket
from pathlib import Path

import numpy as np
import pytest

from sensors import DecodeError, Quality, SourceUnavailable
from sensors.capture import Capture, Page, Start, Status, WaveformBlock
from sensors.modbus.faults import Fault
from sensors.modbus.port import unit_port
from sensors.modbus.server import modbus_server
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve
from sensors.modbus.source import ModbusSource
from sensors.profile import Device, Profile, Register
from sensors.profilefile import load_profile, shipped_profiles

PROFILE = """\
[device]
name = "rig"
order = "CDAB"

[[register]]
name = "shaft_hz"
table = "input"
address = 9
kind = "float32"
unit = "rpm"

[[register]]
name = "adc_hz"
address = 20
kind = "uint32"
unit = "Hz"
scale = 0.5

[[register]]
name = "running"
table = "discrete"
address = 3

[capture]
timeout_s = 0.2
poll_s = 0.001
[capture.start]
address = 0
value = 7
[capture.status]
table = "input"
address = 0
ready = 2
busy = [1]
error = [9]

[[capture.waveform]]
channel = "x"
table = "input"
address = 1000
count = 1000
sample_rate = 25600
unit = "g"
scale = 0.01
[capture.waveform.page]
address = 1
registers = 300

[[capture.waveform]]
channel = "y"
address = 2000
count = 333
sample_rate = "adc_hz"
kind = "float32"
unit = "mm/s"
"""


class Machine:
    """Answers with known values; `broken` makes the capture fail."""

    def __init__(self, broken=False):
        self.broken = broken
        self.triggers = 0

    def capture(self, wanted):
        if self.broken:
            raise RuntimeError("the machine is broken")
        self.triggers += 1
        return {name: samples(count, self.triggers) for name, count in wanted.items()}

    def measure(self, name):
        return {"shaft_hz": 29.53, "adc_hz": 6400.5, "running": 1.0}.get(name, 300.0)


def samples(count, trigger):
    return trigger * np.sin(0.1 * np.arange(count))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(PROFILE)
    return file


def source_of(path, port, **options):
    return ModbusSource(Path(path), "fan", f"tcp://127.0.0.1:{port}", **{"poll_s": 0.001, "timeout_s": 0.3, **options})


async def take(source, number=1, **options):
    frames = source.frames(**options)
    try:
        return [await anext(frames) for _ in range(number)]
    finally:
        await frames.aclose()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_waveforms_and_scalars_arrive_as_they_were_encoded(path):
    async def measure():
        async with serve(load_profile(path), Machine()) as device:
            return await take(source_of(path, device.port, clock_trusted=False), 2, clock=iter([100, 200]).__next__)

    profile = load_profile(path)
    for trigger, frame in enumerate(asyncio.run(measure()), start=1):
        assert (frame.asset, frame.start_ns, frame.clock_trusted, frame.position) == ("fan", 100 * trigger, False, None)
        for block in profile.waveforms:
            encoded = block.encode(samples(block.count, trigger))
            np.testing.assert_array_equal(
                frame.channels[block.channel].samples, block.decode(encoded).astype(np.float32)
            )
        assert frame.channels["x"].sample_rate == 25600
        assert frame.channels["y"].sample_rate == 6400.5
        assert (frame.channels["x"].unit, frame.channels["y"].unit) == ("m/s2", "m/s")
        assert frame.channels["shaft_hz"].samples == [np.float32(29.53)]
        assert frame.channels["running"].samples == [1]
        assert frame.channels["shaft_hz"].duration_s == pytest.approx(frame.duration_s)


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_can_be_served_and_read(name):
    async def measure():
        async with serve(load_profile(name), Machine()) as device:
            return await take(source_of(name, device.port))

    profile = load_profile(name)
    (frame,) = asyncio.run(measure())
    assert set(frame.channels) == {r.name for r in profile.registers} | {b.channel for b in profile.waveforms}
    for register in profile.registers:
        value = register.decode(register.encode(Machine().measure(register.name)))
        assert frame.channels[register.name].samples == [np.float32(value)]


def test_a_wrong_order_is_visible(path, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(PROFILE.replace('order = "CDAB"', 'order = "ABCD"'))

    async def measure():
        async with serve(load_profile(path), Machine()) as device:
            return await take(source_of(other, device.port))

    channels = asyncio.run(measure())[0].channels
    assert not 0.1 < channels["shaft_hz"].samples[0] < 1e4
    assert not 1 < channels["y"].sample_rate < 1e6


def test_dead_and_clipped_channels_say_so(path):
    class Dull(Machine):
        def capture(self, wanted):
            clipped = np.clip(1e4 * np.sin(0.1 * np.arange(wanted["x"])), -1e9, 1e9)
            return {"x": clipped, "y": np.full(wanted["y"], 0.25)}

    async def measure():
        async with serve(load_profile(path), Dull()) as device:
            return await take(source_of(path, device.port))

    channels = asyncio.run(measure())[0].channels
    assert channels["x"].quality is Quality.UNCERTAIN
    assert "clipped" in channels["x"].reason
    assert channels["y"].quality is Quality.BAD
    assert "dead" in channels["y"].reason


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (b"\x84\x02", DecodeError, r"input 1000 \(31001\): exception 0x02 \(illegal data address\)"),
        (b"\x84\x06", SourceUnavailable, r"input 1000 \(31001\): exception 0x06 \(server device busy\)"),
        (b"\x84\x0b", SourceUnavailable, r"exception 0x0b \(gateway target device failed to respond\)"),
        (b"\x84\x63", DecodeError, r"exception 0x63 \(not in the standard\)"),
        (b"\x04\x02\x00\x01", SourceUnavailable, r"input 1000 \(31001\): damaged reply: found 2 bytes of data"),
        (b"\x04\xfa" + bytes(248), SourceUnavailable, r"damaged reply: found a reply of 250 bytes, expected 252"),
        (b"\x03\xfa" + bytes(250), SourceUnavailable, r"damaged reply: found function 0x03, expected 0x04"),
        (b"", SourceUnavailable, r"damaged reply"),
        (bytes(400), SourceUnavailable, r"damaged reply: found protocol id 0 and length 401"),
        (b"\x04" + bytes(255), SourceUnavailable, r"damaged reply: found protocol id 0 and length 257"),
        (Fault.SILENCE, SourceUnavailable, r"input 1000 \(31001\): no answer within 0.3 s"),
        (Fault.DISCONNECT, SourceUnavailable, r"input 1000 \(31001\): the device closed the connection"),
    ],
)
def test_a_wrong_answer_is_one_clear_line(path, reply, error, message):
    def misbehave(request):
        return reply if (request.pdu[0], request.address) == (4, 1000) else None

    async def measure():
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            await take(source_of(path, device.port))

    with pytest.raises(error, match=f"^fan: 127.0.0.1:\\d+ unit 1: .*{message}") as caught:
        asyncio.run(measure())
    assert "\n" not in str(caught.value)


def test_a_refused_connection(path):
    with pytest.raises(SourceUnavailable, match=r"fan: 127\.0\.0\.1:.*connection refused"):
        asyncio.run(take(source_of(path, free_port())))


def test_a_device_that_disappears_within_a_waveform_and_comes_back(path):
    """Twelve requests lead into the second page of the waveform; nothing of it is delivered, and the next try works."""
    source = source_of(path, free_port())

    def misbehave(request):
        return Fault.DISCONNECT if request.number == 12 else None

    async def lose_and_return():
        async with serve(load_profile(path), Machine(), port=source.settings.port, misbehave=misbehave):
            with pytest.raises(SourceUnavailable, match="the device closed the connection"):
                await take(source)
        with pytest.raises(SourceUnavailable, match="refused"):
            await take(source)
        async with serve(load_profile(path), Machine(), port=source.settings.port):
            return await take(source, 3)

    frames = asyncio.run(lose_and_return())
    assert [frame.channels["x"].samples.size for frame in frames] == [1000] * 3


def test_a_device_that_ends_between_two_polls(path):
    async def measure():
        async with serve(load_profile(path), Machine()) as device:
            frames = source_of(path, device.port).frames()
            await anext(frames)
        with pytest.raises(SourceUnavailable, match="the device closed the connection"):
            await anext(frames)

    asyncio.run(measure())


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (1, SourceUnavailable, r"input 0 \(30001\): still busy \(status 1\) 0.2 s after the start"),
        (9, SourceUnavailable, r"input 0 \(30001\): the device reports a failed capture, status 9"),
        (5, DecodeError, r"found status 5, expected 2 \(ready\), 1 \(busy\) or 9 \(error\)"),
    ],
)
def test_a_capture_that_does_not_come_to_an_end(path, status, error, message):
    def misbehave(request):
        return bytes((4, 2, 0, status)) if (request.pdu[0], request.address) == (4, 0) else None

    async def measure():
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            await take(source_of(path, device.port))

    with pytest.raises(error, match=message):
        asyncio.run(measure())


def test_an_error_of_the_machine_is_the_device_status_and_is_raised_at_the_end(path):
    async def measure():
        async with serve(load_profile(path), Machine(broken=True)) as device:
            with pytest.raises(SourceUnavailable, match="failed capture, status 9"):
                await take(source_of(path, device.port))
            with pytest.raises(SourceUnavailable, match="0x04"):
                await take(source_of(path, device.port))

    with pytest.raises(RuntimeError, match="the machine is broken"):
        asyncio.run(measure())


def test_a_sample_rate_register_that_holds_zero(path):
    class Stopped(Machine):
        def measure(self, name):
            return 0.0

    async def measure():
        async with serve(load_profile(path), Stopped()) as device:
            await take(source_of(path, device.port))

    with pytest.raises(DecodeError, match=r"holding 20 \(40021\): found a sample rate of 0.0 Hz"):
        asyncio.run(measure())


def test_the_port_reads_and_writes_all_tables():
    registers = tuple(Register(f"c{i}", i, "coil", kind="bool") for i in range(3))
    registers += tuple(Register(f"h{i}", i) for i in range(3))
    capture = Capture(Start(50, table="coil"), Status(51, 1, (0,), table="discrete"), (
        WaveformBlock("x", 100, 8, 1000.0, page=Page(60, 3)),
    ))  # fmt: skip

    class Writable(Machine):
        def measure(self, name):
            return {"c1": 1.0, "h2": 513.0}.get(name, 0.0)

    async def exchange():
        async with (
            serve(Profile(Device("all"), registers=registers, capture=capture), Writable()) as device,
            unit_port(LineSettings(device.line), 1, 1.0) as port,
        ):
            await port.write("holding", 0, [1, 2, 3])
            await port.write("coil", 0, [1, 0, 1])
            await port.write("coil", 50, [1])
            assert (await port.read("coil", 0, 3)).tolist() == [0, 1, 0]
            assert (await port.read("holding", 1, 2)).tolist() == [0, 513]
            assert (await port.read("discrete", 51, 1)).tolist() in ([0], [1])
            with pytest.raises(DecodeError, match=r"holding 60 \(40061\): exception 0x03"):
                await port.write("holding", 60, [3])
            with pytest.raises(DecodeError, match=r"holding 3 \(40004\): exception 0x02"):
                await port.read("holding", 3, 1)

    asyncio.run(exchange())


@pytest.mark.parametrize(
    "hostile", ["000100010006010300000001", "00010000ffff0103", "0001000000010103", "00010000000001"]
)
def test_the_simulator_closes_on_what_is_no_modbus(path, hostile):
    async def knock():
        async with serve(load_profile(path), Machine()) as device:
            reader, writer = await asyncio.open_connection(device.host, device.port)
            writer.write(bytes.fromhex(hostile))
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            await writer.wait_closed()
            return await take(source_of(path, device.port))

    assert len(asyncio.run(knock())) == 1


def test_pipelined_requests_are_all_answered_in_order(path):
    async def pipeline():
        async with serve(load_profile(path), Machine()) as device:
            reader, writer = await asyncio.open_connection(device.host, device.port)
            for number in range(1, 51):
                writer.write(number.to_bytes(2, "big") + bytes.fromhex("0000 0006 01 04 0000 0001"))
            replies = await asyncio.wait_for(reader.readexactly(50 * 11), 5)
            writer.close()
            await writer.wait_closed()
            return [int.from_bytes(replies[i : i + 2], "big") for i in range(0, len(replies), 11)]

    assert asyncio.run(pipeline()) == list(range(1, 51))


def test_an_error_of_the_store_is_raised_when_the_server_ends():
    class Broken:
        def read(self, table, address, count):
            raise ZeroDivisionError

    async def ask():
        async with modbus_server(Broken(), "127.0.0.1", 0, lambda request: None) as port:
            with pytest.raises(SourceUnavailable):
                async with unit_port(LineSettings(f"tcp://127.0.0.1:{port}"), 1, 1.0) as device:
                    await device.read("holding", 0, 1)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask())


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_is_left_behind_after_many_losses(path):
    """Tasks and file descriptors, over lost, silent and closed connections of one source."""

    def misbehave(request):
        return {20: Fault.DISCONNECT, 30: Fault.SILENCE, 40: b"\x84\x02"}.get(request.number % 41)

    async def cycles():
        async with serve(load_profile(path), Machine(), misbehave=misbehave) as device:
            source = source_of(path, device.port, timeout_s=0.02)
            await asyncio.gather(take(source), return_exceptions=True)
            before = open_files()
            ends = [await asyncio.gather(take(source, 2), return_exceptions=True) for _ in range(30)]
            assert {type(end[0]) for end in ends} >= {SourceUnavailable, DecodeError}
            gc.collect()
            return before, open_files(), len(asyncio.all_tasks())

    before, after, tasks = asyncio.run(cycles())
    assert after <= before + 1  # the server's end of the last connection may still be closing
    assert tasks <= 3  # this one, and the server's for the last connection


def test_no_log_line_and_no_warning_for_a_lost_device(path, caplog, capfd):
    asyncio.run(expect_refusal(path))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


async def expect_refusal(path):
    with pytest.raises(SourceUnavailable):
        await take(source_of(path, free_port()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"line": "tcp://127.0.0.1:0x1"}, "line must be one of tcp://HOST:502"),
        ({"unit_id": 256}, "unit_id must be 0 to 255, got 256"),
        ({"poll_s": float("nan")}, "poll_s must be a positive number of seconds, got nan"),
        ({"timeout_s": 0}, "timeout_s must be a positive number of seconds, got 0"),
        ({"asset": ""}, "asset must name the machine"),
    ],
)
def test_a_wrong_option_is_an_error_when_the_source_is_built(path, options, message):
    with pytest.raises(ValueError, match=message):
        ModbusSource(**{"profile": path, "asset": "fan", "line": "tcp://127.0.0.1", **options})
