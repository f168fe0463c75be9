"""One measurement of a device through a port, by its profile: trigger, wait, read, convert."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.capture import Capture, WaveformBlock, possible_rate
from sensors.errors import DecodeError, SourceUnavailable
from sensors.frame import Waveform
from sensors.modbus.port import Port
from sensors.profile import Profile
from sensors.quality import assess
from sensors.registers import Words, notation


@dataclass(frozen=True)
class Measurement:
    """All channels of one cycle. start_ns: UTC, when the start was written, or the first register read."""

    start_ns: int
    channels: Mapping[str, Waveform]


async def acquire(port: Port, profile: Profile, scalar_s: float, clock: Callable[[], int]) -> Measurement:
    """One cycle: all waveforms of one capture, and then all registers. All of it or an error, never a part.

    scalar_s: how long a register's value stands for where there is no waveform, s
    clock: UTC, ns
    Raises SourceUnavailable and DecodeError.
    """
    start_ns = clock()
    words: list[Words] = []
    if profile.capture is not None:
        await _trigger(port, profile.capture)
        words = [await _read_block(port, block, profile.device.block) for block in profile.capture.waveforms]
    scalars = {
        register.name: register.decode(await port.read(register.table, register.address, register.encoding.width))
        for register in profile.registers
    }
    channels = {
        block.channel: _waveform(block.decode(raw), _sample_rate(profile, block, scalars), block.encoding.si_unit)
        for block, raw in zip(profile.waveforms, words, strict=True)
    }
    longest_s = max((waveform.duration_s for waveform in channels.values()), default=scalar_s)
    for register in profile.registers:  # a process value holds for the whole frame
        channels[register.name] = _waveform([scalars[register.name]], 1 / longest_s, register.encoding.si_unit)
    return Measurement(start_ns, channels)


async def _trigger(port: Port, capture: Capture) -> None:
    """Starts a capture and waits until the device says that it is complete."""
    start, status = capture.start, capture.status
    place = notation(status.table, status.address)
    await port.write(start.table, start.address, [start.value])
    deadline = asyncio.get_running_loop().time() + capture.timeout_s
    while True:
        value = int((await port.read(status.table, status.address, 1))[0])
        if value == status.ready:
            return
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
    parts = []
    for number, length in block.pages():
        if block.page is not None:
            await port.write(block.page.table, block.page.address, [number])
        for first in range(0, length, most):
            parts.append(await port.read(block.table, block.address + first, min(most, length - first)))
    return np.concatenate(parts)


def _sample_rate(profile: Profile, block: WaveformBlock, scalars: Mapping[str, float]) -> float:
    if not isinstance(block.sample_rate, str):
        return float(block.sample_rate)
    rate = scalars[block.sample_rate]
    if not possible_rate(rate):
        place = profile.register(block.sample_rate).place
        raise DecodeError(f"{place}: found a sample rate of {rate} Hz, expected a positive one")
    return rate


def _waveform(values: NDArray[np.float64] | list[float], sample_rate: float, unit: str) -> Waveform:
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 is infinite, and that is judged
        samples = np.asarray(values, dtype=np.float64).astype(np.float32)
    quality, reason = assess(samples)
    return Waveform(samples, sample_rate, unit, quality, reason)
