"""Scripted faults of simulated devices: every kind comes when the script says, and never makes a wrong value."""

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from modbus_rig import PROFILE, Machine, take

from sensors import SensorError, SourceUnavailable
from sensors.modbus.faults import Request
from sensors.modbus.faultscript import KINDS, FaultScript, Scripted, read_faults
from sensors.modbus.simulator import serve, serve_serial
from sensors.modbus.source import ModbusSource
from sensors.profilefile import load_profile

INVERSION = Path(sys.executable).with_name("inversion")


def script(*faults, steps=None):
    return FaultScript(faults, np.random.default_rng(0), (steps if steps is not None else []).append)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "rig.toml"
    file.write_text(PROFILE)
    return file


async def polled(path, line, number, most_s=20.0, unit_id=1):
    """So many frames, however often the device is lost, and why it was."""
    source = ModbusSource(path, "fan", line, unit_id, poll_s=0.001, timeout_s=0.1, baud=115200)
    got, lost = [], Counter()
    async with asyncio.timeout(most_s):
        while len(got) < number:
            frames = source.frames()
            try:
                async for frame in frames:
                    got.append(frame)
                    if len(got) == number:
                        break
            except SourceUnavailable as problem:
                lost[str(problem)] += 1
                await asyncio.sleep(0.01)
            finally:
                await frames.aclose()
    return got, lost


@pytest.mark.parametrize("wires", ["tcp", "ascii+tcp", "rtu"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_on_every_line_and_no_value_is_wrong(path, wires, kind):
    seconds = {"delay": 0.15, "drip": 0.03, "restart": 0.2}.get(kind)
    steps = []
    misbehave = script(Scripted(kind, at=(8, 20), seconds=seconds), steps=steps)

    async def measure():
        profile = load_profile(path)
        if wires in ("rtu", "ascii"):
            async with serve_serial({1: (profile, Machine())}, misbehave, scheme=wires) as line:
                return await polled(path, line, 12)
        async with serve(profile, Machine(), misbehave=misbehave, scheme=wires) as device:
            return await polled(path, device.line, 12)

    frames, lost = asyncio.run(measure())
    assert misbehave.counts == {kind: 2}
    counters = [frame.channels["counter"].samples[0] for frame in frames]
    assert counters == sorted(set(counters)), "no value twice"
    assert all(frame.channels["shaft_hz"].samples == [np.float32(29.5)] for frame in frames)
    if kind == "clock_step":
        assert (steps, lost) == ([3600.0, 3600.0], {})
    if kind in ("silence", "exception", "restart", "delay"):
        assert sum(lost.values()) >= 1


def test_a_restart_loses_what_was_captured(path):
    """A device that restarts while it captures says so by its status, and the next capture is whole."""
    profile = load_profile("demo_vibration")

    class Bearing:
        def capture(self, wanted):
            return {name: np.arange(count) % 7.0 for name, count in wanted.items()}

        def measure(self, name):
            return {"shaft_hz": 29.5, "temperature": 300.0}[name]

    misbehave = script(Scripted("restart", at=(30,), seconds=0.1))

    async def measure():
        async with serve(profile, Bearing(), misbehave=misbehave) as device:
            with pytest.raises(SourceUnavailable):
                await take(ModbusSource("demo_vibration", "fan", device.line, timeout_s=0.5))
            await asyncio.sleep(0.2)
            return await take(ModbusSource("demo_vibration", "fan", device.line, timeout_s=0.5))

    (frame,) = asyncio.run(measure())
    np.testing.assert_allclose(frame.channels["acceleration"].samples, np.arange(72000) % 7, atol=0.01)


def test_when_a_fault_comes():
    assert [n for n in range(1, 10) if Scripted("silence", every=3, at=(1, 4)).comes(Request(n, b""), 0.5)] == [
        1,
        3,
        4,
        6,
        9,
    ]
    assert not Scripted("silence", every=1, unit=3).comes(Request(1, b"", 2), 0.5)
    shares = script(Scripted("silence", share=0.1), Scripted("delay", share=0.2))
    for number in range(5000):
        shares(Request(number, b"\x03"))
    assert shares.counts["silence"] == pytest.approx(500, rel=0.15)
    assert shares.counts["delay"] == pytest.approx(900, rel=0.15)


def test_words_and_files_say_the_same(tmp_path):
    (tmp_path / "faults.toml").write_text(
        '[[fault]]\nkind = "silence"\nshare = 0.05\n[[fault]]\nkind = "delay"\nshare = 0.1\n'
    )
    assert read_faults(str(tmp_path / "faults.toml")) == read_faults("silence=0.05, delay=0.1")
    assert {fault.kind for fault in read_faults("all=0.3")} == set(KINDS)


def test_the_shipped_script_shows_every_kind():
    faults = read_faults(str(Path(__file__).parents[2] / "configs" / "faults" / "rough.toml"))
    assert {fault.kind for fault in faults} == set(KINDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[fault]]\nkind = "rust"\nshare = 1', r":2: fault.0.kind: found 'rust', expected one of silence"),
        ('[[fault]]\nkind = "reset"', r":1: fault.0.share: missing, expected share, every or at"),
        ('[[fault]]\nkind = "reset"\nshare = 1.5', r":3: fault.0.share: found 1.5, expected 0 to 1"),
        ('[[fault]]\nkind = "delay"\nevery = 2\nseconds = -1', r":4: fault.0.seconds: found -1, expected 0 or more"),
        ('[[fault]]\nkind = "exception"\nevery = 2\ncode = 0', r":4: fault.0.code: found 0, expected 1 to 255"),
        ('[[fault]]\nkind = "reset"\nshares = 1', r":3: fault.0.shares: no such option \(did you mean 'share'\?\)"),
        ("", r":1: fault: expected tables, each under its own"),
    ],
)
def test_a_wrong_script_is_one_line_with_file_line_and_key(tmp_path, text, message):
    (tmp_path / "faults.toml").write_text(text)
    with pytest.raises(SensorError, match=rf"^{re.escape(str(tmp_path))}/faults\.toml{message}") as caught:
        read_faults(str(tmp_path / "faults.toml"))
    assert "\n" not in str(caught.value)


def test_the_command_serves_until_sigterm_and_says_which_faults_came(tmp_path):
    command = [INVERSION, "simulate", "--device", "wtvb02", "--line", f"rtu://{tmp_path}/port"]
    options = ["--baud", "115200", "--units", "80", "--line-faults", "silence=0.2"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"WitMotion WTVB02-485 at rtu://{tmp_path}/port, unit 80\n"
            asyncio.run(polled("wtvb02", f"rtu://{tmp_path}/port", 20, unit_id=80))
            process.send_signal(signal.SIGTERM)
            said, wrong = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, wrong) == (0, "")
    assert re.fullmatch(r"faults: \d+ silence\n", said)
