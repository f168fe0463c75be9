"""Windows of many machines, each due at its time, from a few that were simulated before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sensors import Frame, Quality, Waveform


@dataclass(frozen=True)
class Fleet:
    """A window an asset and `period_s`, `seconds` long; the start of a window is the time at which it was due.

    windows: (k, n) acceleration, m/s2, `float32` in a .npy file; the assets take them in turn
    together: so many assets are due at one moment, the others spread over the period
    bad_every: so often a window of an asset is marked as bad, which an alarm on quality is raised by; 0: never
    paced: whether a window waits for its time; else they come as fast as they are taken
    """

    windows: Path
    assets: int = 64
    seconds: float = 10.0
    period_s: float = 1.0
    sample_rate: float = 51_200.0
    shaft_hz: float = 60.0
    together: int = 1
    bad_every: int = 0
    paced: bool = True

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """In the order in which they are due."""
        pool = [Waveform(row, self.sample_rate, "m/s2") for row in np.load(self.windows)]
        bad = [replace(waveform, quality=Quality.BAD, reason="marked") for waveform in pool]
        speed = Waveform(np.array([self.shaft_hz], np.float32), 1.0, "Hz")
        names = [f"machine {i}" for i in range(self.assets)]
        ahead_ns = 500_000_000
        began, began_ns = time.monotonic() + ahead_ns / 1e9, time.time_ns() + ahead_ns
        for k in range(int(self.assets * self.seconds / self.period_s)):
            i = k % self.assets
            late_s = self.period_s * (k // self.assets + i // self.together * self.together / self.assets)
            if self.paced and (left := began + late_s - time.monotonic()) > 0:
                await asyncio.sleep(left)
            marked = self.bad_every > 0 and (k // self.assets + i) % self.bad_every == 0
            channels = {"acceleration": (bad if marked else pool)[i % len(pool)], "shaft_hz": speed}
            start_ns = began_ns + int(late_s * 1e9)
            yield Frame(names[i], start_ns, True, channels, "fleet", None)
