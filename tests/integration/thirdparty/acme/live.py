"""A sensor that is read without end, stamped by this computer's clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np

from sensors import Frame, Waveform
from sensors.moments import monotonic_ns


@dataclass(frozen=True)
class LiveSource:
    """Window after window, numbered in what it says of its place; pause_s: between two."""

    asset: str = "fan"
    pause_s: float = 0.01

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Frames, in order."""
        number = 0
        while True:
            since_ns = monotonic_ns()
            channels = {"vibration": Waveform(np.full(100, 1.0, np.float32), 100.0, "m/s2")}
            yield Frame(self.asset, time.time_ns(), True, channels, f"live {number}", None, since_ns)
            number += 1
            await asyncio.sleep(self.pause_s)
