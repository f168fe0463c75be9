"""The source that polls one Modbus device by its profile, over any line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sensors.errors import DecodeError, SourceUnavailable
from sensors.frame import Frame
from sensors.modbus.cycles import Cycles
from sensors.modbus.lessons import lessons, recalled
from sensors.modbus.polled import POLL_TIME
from sensors.modbus.poller import Memory, Poller, limits_of, place_of
from sensors.modbus.port import unit_port
from sensors.modbus.settings import LineSettings
from sensors.moments import Stamp
from sensors.profile import Profile
from sensors.profilefile import load_profile

_LONGEST_POLL_S = 86_400.0
_LONGEST_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ModbusSource:
    """Frames from one device; a frame a poll or a window of polls, live, without end.

    profile: path of a profile file (ends in `.toml`), or name of a shipped profile (the folder before it is ignored)
    asset: the machine that the device watches
    line: tcp://HOST:502, tls://HOST:802, rtu+tcp://HOST:PORT, ascii+tcp://HOST:PORT, rtu:///dev/…, ascii:///dev/…;
        sources that name the same line share it
    unit_id: of the device on that line, 0 to 255
    poll_s: from the start of one cycle to the start of the next; a cycle that takes longer is followed at once
    timeout_s: for the connection and for each answer
    window: polls in a frame, for a device without waveforms; the channel `poll_time` says when each was made
    tolerance: polls in a row that may fail before the device counts as lost; the first of all may not
    clock_trusted: false: frames never count as stamped by a synchronized clock, whatever this computer says of its own
    the others as in `LineSettings`
    Raises ProfileError when the profile is wrong, and ValueError for another wrong field, when it is built.
    """

    profile: Path
    asset: str
    line: str
    unit_id: int = 1
    poll_s: float = 1.0
    timeout_s: float = 1.0
    window: int = 1
    tolerance: int = 0
    clock_trusted: bool = True
    baud: int = 9600
    parity: str = "none"
    stop_bits: int = 1
    silence_s: float | None = None
    turnaround_s: float = 0.0
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if not self.asset:
            raise ValueError("asset must name the machine, got an empty name")
        if not self.asset.isprintable() or self.asset != self.asset.strip():
            raise ValueError(f"asset must be a name on one line without blanks at its ends, got {self.asset!r}")
        if not 0 <= self.unit_id <= 255:
            raise ValueError(f"unit_id must be 0 to 255, got {self.unit_id}")
        for name, value in (("poll_s", self.poll_s), ("timeout_s", self.timeout_s)):
            if not (value > 0 and np.isfinite(value)):
                raise ValueError(f"{name} must be a positive number of seconds, got {value}")
        if self.poll_s > _LONGEST_POLL_S:
            raise ValueError(f"poll_s must be at most {_LONGEST_POLL_S:g} s, a day, got {self.poll_s:g} s")
        if self.timeout_s > _LONGEST_TIMEOUT_S:
            problem = f"timeout_s must be at most {_LONGEST_TIMEOUT_S:g} s, got {self.timeout_s:g} s"
            raise ValueError(f"{problem}: who does not answer keeps the line so long")
        if self.window < 1 or self.tolerance < 0:
            raise ValueError(f"window must be at least 1 and tolerance 0, got {self.window} and {self.tolerance}")
        broadcasts = self.settings.scheme not in ("tcp", "tls")
        if self.unit_id == 0 and broadcasts:
            raise ValueError(
                "unit_id must be 1 to 255 on a serial line, got 0: that is a broadcast, which none answers"
            )
        profile = self.loaded_profile  # a wrong profile is an error at start, never later
        if self.window > 1 and profile.capture is not None:
            raise ValueError(f"window: {profile.device.name!r} has waveforms of its own, expected 1, got {self.window}")

    @cached_property
    def loaded_profile(self) -> Profile:
        """The profile. Raises ProfileError."""
        return load_profile(self.profile)

    @cached_property
    def settings(self) -> LineSettings:
        """The line. Raises ValueError."""
        return LineSettings(
            self.line,
            baud=self.baud,
            parity=self.parity,
            stop_bits=self.stop_bits,
            silence_s=self.silence_s,
            turnaround_s=self.turnaround_s,
            ca=self.ca,
            certificate=self.certificate,
            key=self.key,
            server_name=self.server_name,
        )

    @cached_property
    def memory(self) -> Memory:
        """What was learned of this device; it stays when the device is lost and comes back."""
        return Memory(limits_of(self.loaded_profile))

    @cached_property
    def counts(self) -> Counter[str]:
        """What happened to its requests up to the last frame, or until the device was lost, by kind."""
        return Counter()

    def _counted(self, before: Counter[str], now: Counter[str]) -> Counter[str]:
        """Adds what was counted since before; now."""
        self.counts.update(now - before)
        return now

    @property
    def lessons(self) -> tuple[str, ...]:
        """What was learned of the device's limits, a line each."""
        return lessons(self.memory.limits, limits_of(self.loaded_profile))

    def recall(self, lessons: Sequence[str]) -> None:
        """Takes back what was learned before, unless it leaves no way to read the profile any more."""
        limits = recalled(self.memory.limits, lessons)
        if all(limits.allow(place_of(register)) for register in self.loaded_profile.registers):
            self.memory.limits = limits

    @property
    def claim(self) -> tuple[str, str]:
        """What this source needs for itself, and how it is set: other sources may need it in the same way only."""
        return self.settings.resource, self.settings.described

    @property
    def measured(self) -> tuple[str, int, Profile]:
        """Which registers of which device: two assets that have the same are one."""
        return self.settings.resource, self.unit_id, self.loaded_profile

    @property
    def every_s(self) -> float:
        """From one frame to the next at least, s."""
        return self.poll_s * self.window

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names that its frames hold: the profile's registers and waveforms."""
        profile = self.loaded_profile
        times = (POLL_TIME,) if self.window > 1 else ()
        return (*(r.name for r in profile.registers), *(block.channel for block in profile.waveforms), *times)

    @property
    def channel_extents(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest value, SI, that a channel can have; of several polls in a window: their RMS."""
        extents = {register.name: register.extent for register in self.loaded_profile.registers}
        if self.window == 1:
            return extents
        return {name: (max(low, 0.0), max(abs(low), abs(high))) for name, (low, high) in extents.items()}

    async def frames(self, clock: Callable[[], int] = time.time_ns) -> AsyncGenerator[Frame, None]:
        """Frames, in order. clock: UTC, ns.

        Raises SourceUnavailable when the device does not answer, whatever the reason, and when it says that it cannot
        now; DecodeError when its answers contradict the profile. Nothing of an incomplete cycle is delivered.
        """
        address = f"{self.settings.shown} unit {self.unit_id}"
        try:
            async with unit_port(self.settings, self.unit_id, self.timeout_s) as port:
                before = port.counts
                try:
                    poller = Poller(port, self.loaded_profile, self.memory, port.cost())
                    await poller.texts()
                    stamp = Stamp(clock)
                    cycles = Cycles(port, poller, self.loaded_profile, self.poll_s, self.tolerance, stamp)
                    while True:
                        start_ns, channels = await (cycles.window(self.window) if self.window > 1 else cycles.cycle())
                        before = self._counted(before, port.counts)
                        trusted, since_ns = self.clock_trusted, stamp.monotonic_ns
                        yield Frame(self.asset, start_ns, trusted, channels, address, monotonic_ns=since_ns)
                finally:
                    self._counted(before, port.counts)
        except SourceUnavailable as problem:
            raise SourceUnavailable(f"{self.asset}: {address}: {problem}") from problem
        except DecodeError as problem:
            raise DecodeError(f"{self.asset}: {address}: {problem}") from problem
