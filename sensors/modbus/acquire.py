"""One measurement of a device through a port, by its profile: trigger, wait, read, convert."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture, WaveformBlock, possible_rate
from sensors.errors import DecodeError, SourceUnavailable
from sensors.frame import Quality, Waveform
from sensors.modbus.pdu import MOST_FILE
from sensors.modbus.poller import Poller
from sensors.modbus.port import Port
from sensors.profile import Profile, Register
from sensors.quality import assess
from sensors.reading import Reading
from sensors.registers import Words, notation

#: Of what a sample can hold.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Measurement:
    """All channels of one cycle. start_ns: UTC, when the start was written, or the first register read."""

    start_ns: int
    channels: Mapping[str, Waveform]


async def acquire(
    port: Port, profile: Profile, poller: Poller, scalar_s: float, clock: Callable[[], int]
) -> Measurement:
    """One cycle: all waveforms of one capture, and then all registers. All of it or an error, never a part.

    scalar_s: how long a register's value stands for where there is no waveform, s
    clock: UTC, ns
    Raises SourceUnavailable and DecodeError.
    """
    words: list[Words] = []
    if profile.capture is None:
        start_ns = clock()
    else:
        start_ns = await _trigger(port, profile.capture, clock)
        words = [await _read_block(port, block, profile.device.block) for block in profile.capture.waveforms]
    readings = await poller.poll()
    channels = {
        block.channel: _waveform(block.decode(raw), _sample_rate(profile, block, readings), block.encoding.si_unit)
        for block, raw in zip(profile.waveforms, words, strict=True)
    }
    longest_s = max((waveform.duration_s for waveform in channels.values()), default=scalar_s)
    for register in profile.registers:  # a process value holds for the whole frame
        channels[register.name] = scalar(register, readings[register.name], 1 / longest_s)
    return Measurement(start_ns, channels)


def scalar(register: Register, reading: Reading, rate: float) -> Waveform:
    """A reading as a channel of one sample."""
    if abs(reading.value) <= _LARGEST:  # nearly always, and in half the time
        return Waveform(
            np.array([reading.value], np.float32), rate, register.encoding.si_unit, reading.quality, reading.reason
        )
    with np.errstate(over="ignore"):
        sample = np.array([reading.value]).astype(np.float32)
    quality, reason = reading.quality, reading.reason
    if quality is Quality.GOOD and not np.isfinite(sample[0]):
        quality, reason = Quality.BAD, f"not a finite number: {reading.value:g}"
    return Waveform(sample, rate, register.encoding.si_unit, quality, reason)


async def _trigger(port: Port, capture: Capture, clock: Callable[[], int]) -> int:
    """Starts a capture and waits until the device says that it is complete; the moment of the start, UTC, ns."""
    start, status = capture.start, capture.status
    place = notation(status.table, status.address)
    for setup in capture.setup:
        await port.write(setup.table, setup.address, setup.values, many=start.many)
    start_ns = clock()
    await port.write(start.table, start.address, [start.value], many=start.many)
    deadline = asyncio.get_running_loop().time() + capture.timeout_s
    while True:
        value = int((await port.read(status.table, status.address, 1))[0])
        if value == status.ready:
            return start_ns
        if value in status.error:
            raise SourceUnavailable(f"{place}: the device reports a failed capture, status {value}")
        if value not in status.busy:
            expected = f"{status.ready} (ready), {_any_of(status.busy)} (busy) or {_any_of(status.error)} (error)"
            raise DecodeError(f"{place}: found status {value}, expected {expected}")
        if asyncio.get_running_loop().time() >= deadline:
            raise SourceUnavailable(f"{place}: still busy (status {value}) {capture.timeout_s:g} s after the start")
        await asyncio.sleep(capture.poll_s)


def _any_of(values: tuple[int, ...]) -> str:
    return "/".join(str(value) for value in values) or "none"


async def _read_block(port: Port, block: WaveformBlock, most: int) -> Words:
    """(count * width,) registers of a waveform, page by page, at most `most` a request."""
    if block.table == "fifo":
        return await _drain_queue(port, block)
    parts = []
    for number, length in block.pages():
        if block.page is not None:
            await port.write(block.page.table, block.page.address, [number])
        for first in range(0, length, most):
            count = min(most, length - first)
            if block.table == "file":
                parts.append(await _read_records(port, block, first, count))
            else:
                parts.append(await port.read(block.table, block.address + first, count))
    return np.concatenate(parts)


async def _read_records(port: Port, block: WaveformBlock, first: int, count: int) -> Words:
    parts = [
        await port.read_file(block.file, block.address + first + done, min(MOST_FILE, count - done))
        for done in range(0, count, MOST_FILE)
    ]
    return np.concatenate(parts)


async def _drain_queue(port: Port, block: WaveformBlock) -> Words:
    """What a queue gives until all samples came; an empty queue before that means that some were lost."""
    parts: list[Words] = []
    found = 0
    while found < block.registers:
        part = await port.read_fifo(block.address)
        if part.size == 0:
            raise SourceUnavailable(
                f"queue {block.address}: empty after {found} registers, expected {block.registers} of {block.channel}"
            )
        parts.append(part)
        found += part.size
    if found != block.registers:
        raise DecodeError(f"queue {block.address}: found {found} registers, expected {block.registers}")
    return np.concatenate(parts)


def _sample_rate(profile: Profile, block: WaveformBlock, readings: Mapping[str, Reading]) -> float:
    if not isinstance(block.sample_rate, str):
        return float(block.sample_rate)
    rate = readings[block.sample_rate].value
    if not possible_rate(rate):
        place = profile.register(block.sample_rate).place
        raise DecodeError(f"{place}: found a sample rate of {rate} Hz, expected a positive one")
    return rate


def _waveform(values: NDArray[np.float64], sample_rate: float, unit: str) -> Waveform:
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 is infinite, and that is judged
        samples = values.astype(np.float32)
    quality, reason = assess(samples)
    return Waveform(samples, sample_rate, unit, quality, reason)
