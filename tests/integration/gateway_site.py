"""Sites for the gateway's tests: a third party's level model, and sources and sinks that misbehave on request."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from inversion.app.configuration import Site, load_site
from inversion.core import dumps
from sensors import DecodeError, Frame, SourceUnavailable, Waveform

SITE = """
[site]
name = "tone"
[source]
use = "acme_tone"
windows = {windows}
pause_s = {pause_s}
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
[tracking]
growth_per_sqrt_day = 500.0
[[alarm]]
name = "too loud"
parameter = "level"
limit = 0.5
[[sink]]
use = "jsonl"
path = "findings.jsonl"
[gateway]
retry_s = 0.02
retry_cap_s = 0.1
stop_s = {stop_s}
"""


def write_site(folder: Path, windows: int = 8, pause_s: float = 0.0, stop_s: float = 10.0, more: str = "") -> Path:
    path = folder / "tone.toml"
    path.write_text(SITE.format(windows=windows, pause_s=pause_s, stop_s=stop_s) + more)
    return path


def site_with(path: Path, **changes) -> Site:
    return dataclasses.replace(load_site(path), **changes)


def frame(i: int, asset: str = "fan", position: int | None = None, level: float = 1.0) -> Frame:
    samples = np.full(100, level, dtype=np.float32)
    return Frame(asset, i * 1_000_000_000, False, {"vibration": Waveform(samples, 100.0, "m/s2")}, "device", position)


@dataclass
class ScriptedSource:
    """Each call of `frames` plays the next act: frames, then an error to raise, or the end."""

    acts: list[list]

    async def frames(self):
        for item in self.acts.pop(0):
            if isinstance(item, Exception):
                raise item
            if isinstance(item, asyncio.Event):
                await item.wait()
            else:
                yield item


@dataclass
class ScriptedSink:
    """Raises the errors given, one a call, then takes everything; `enough` is set at so many findings."""

    errors: list[Exception] = field(default_factory=list)
    calls: int = 0
    taken: list[str] = field(default_factory=list)
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, findings):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        self.taken += [dumps(dict(finding)) for finding in findings]
        if len(self.taken) >= self.wanted > 0:
            self.enough.set()


def children(pid: int) -> list[int]:
    """Processes that this one has forked or started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def worker_of(gateway: int) -> int:
    """The worker of a gateway that was started by the command: the only child of its template."""
    ((worker,),) = (children(template) for template in children(gateway))
    return worker


__all__ = [
    "DecodeError",
    "ScriptedSink",
    "ScriptedSource",
    "SourceUnavailable",
    "children",
    "frame",
    "site_with",
    "worker_of",
    "write_site",
]
