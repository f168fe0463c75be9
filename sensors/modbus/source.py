"""The source that polls one Modbus TCP device by its profile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sensors.errors import DecodeError, SourceUnavailable
from sensors.frame import Frame
from sensors.modbus.acquire import acquire
from sensors.modbus.port import tcp_port
from sensors.profile import Profile
from sensors.profilefile import load_profile


@dataclass(frozen=True)
class ModbusTcpSource:
    """Frames from one device over Modbus TCP; a frame a poll, live, without end.

    profile: path of a profile file (ends in `.toml`), or name of a shipped profile (the folder before it is ignored)
    asset: the machine that the device watches
    unit_id: of the device behind the address, 0 to 255
    poll_s: from the start of one cycle to the start of the next; a cycle that takes longer is followed at once
    timeout_s: for the connection and for each answer
    clock_trusted: whether this computer's clock is synchronized; frames are stamped by it
    Raises ProfileError when the profile is wrong, and ValueError for another wrong field, when it is built.
    """

    profile: Path
    asset: str
    host: str = "127.0.0.1"
    port: int = 502
    unit_id: int = 1
    poll_s: float = 1.0
    timeout_s: float = 1.0
    clock_trusted: bool = True

    def __post_init__(self) -> None:
        if not self.asset:
            raise ValueError("asset must name the machine, got an empty name")
        if not self.host:
            raise ValueError("host must be a name or an address, got an empty one")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port must be 1 to 65535, got {self.port}")
        if not 0 <= self.unit_id <= 255:
            raise ValueError(f"unit_id must be 0 to 255, got {self.unit_id}")
        for name, value in (("poll_s", self.poll_s), ("timeout_s", self.timeout_s)):
            if not (value > 0 and np.isfinite(value)):
                raise ValueError(f"{name} must be a positive number of seconds, got {value}")
        _ = self.loaded_profile  # a wrong profile is an error at start, never later

    @cached_property
    def loaded_profile(self) -> Profile:
        """The profile. Raises ProfileError."""
        return load_profile(self.profile)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names that its frames hold: the profile's registers and waveforms."""
        profile = self.loaded_profile
        return (*(r.name for r in profile.registers), *(block.channel for block in profile.waveforms))

    async def frames(self, clock: Callable[[], int] = time.time_ns) -> AsyncGenerator[Frame, None]:
        """Frames, one a poll. clock: UTC, ns.

        Raises SourceUnavailable when the device does not answer, whatever the reason, and when it says that it cannot
        now; DecodeError when its answers contradict the profile. Nothing of an incomplete cycle is delivered.
        """
        address = f"{self.host}:{self.port} unit {self.unit_id}"
        loop = asyncio.get_running_loop()
        try:
            async with tcp_port(self.host, self.port, self.unit_id, self.timeout_s) as port:
                due = loop.time()
                while True:
                    measured = await acquire(port, self.loaded_profile, self.poll_s, clock)
                    yield Frame(self.asset, measured.start_ns, self.clock_trusted, measured.channels, address)
                    due = max(due + self.poll_s, loop.time())
                    await asyncio.sleep(due - loop.time())
        except (SourceUnavailable, DecodeError) as problem:
            raise type(problem)(f"{self.asset}: {address}: {problem}") from problem
