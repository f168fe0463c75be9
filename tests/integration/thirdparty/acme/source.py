"""A tone whose amplitude grows from window to window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np

from sensors import Frame, Waveform


@dataclass(frozen=True)
class ToneSource:
    """A finite recording of `windows` windows; the amplitude of window i is (1 + i) m/s2 times `step`."""

    windows: int = 8
    step: float = 1.0
    pause_s: float = 0.0
    asset: str = "fan"

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Windows of one second, in order."""
        for i in range(self.windows):
            await asyncio.sleep(self.pause_s)
            amplitude = np.sqrt(2) * self.step * (1 + i)
            samples = amplitude * np.sin(2 * np.pi * 50 * np.arange(1000) / 1000)
            channels = {"vibration": Waveform(samples.astype(np.float32), 1000.0, "m/s2")}
            yield Frame(self.asset, i * 1_000_000_000, False, channels, f"{self.asset}.tone", i)
