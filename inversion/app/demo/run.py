"""Device, wire, gateway and verdict of the demo."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from inversion.app.configuration import Site, load_pipeline, load_site
from inversion.app.demo.machine import Wear, WearingMachine
from inversion.app.gateway import run_gateway
from inversion.core import InversionError, Sink
from sensors.modbus.simulator import Device, serve
from sensors.modbus.source import ModbusSource
from sensors.profile import Profile
from sensors.profilefile import load_profile

SITE = Path(__file__).with_name("site.toml")
_PARAMETER = "outer_spall"
_PROFILE = Path("demo_vibration")
_LIMIT_S = 60.0
_HOLD = 8  # windows of the spall at its last width, so that the verdict is not the luck of one


@dataclass(frozen=True)
class DemoResult:
    """What was simulated and what was inferred; widths in mm, times in s since the first capture.

    held: of the windows that resolved the width, those whose own 90 % interval held the truth
    """

    seed: int
    limit_mm: float
    true_mm: float
    tracked_mm: tuple[float, float] | None
    window_mm: tuple[float, float] | None
    first_unresolved: bool
    alarm_s: float | None
    alarm_true_mm: float | None
    windows: int
    resolved: int
    held: int

    @property
    def alarmed(self) -> bool:
        """Whether the alarm came in time."""
        return self.alarm_s is not None and self.alarm_s <= _LIMIT_S

    @property
    def bracketed(self) -> bool:
        """Whether the tracked interval holds the true width at the end."""
        return self.tracked_mm is not None and self.tracked_mm[0] <= self.true_mm <= self.tracked_mm[1]

    @property
    def covered(self) -> bool:
        """Whether the intervals of single windows hold the truth as well: 90 % should, three quarters must."""
        return 0 < 0.75 * self.resolved <= self.held

    @property
    def exit_code(self) -> int:
        """0 when the alarm came and the inferred width brackets the simulated truth."""
        return 0 if self.alarmed and self.bracketed and self.covered else 1

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "alarmed": self.alarmed, "bracketed": self.bracketed, "covered": self.covered}

    def lines(self) -> list[str]:
        """For people."""
        alarm = "did not come within 60 s"
        if self.alarm_s is not None:
            alarm = f"came after {self.alarm_s:.1f} s, when the spall was {self.alarm_true_mm:.2f} mm wide"
        start = "not resolvable" if self.first_unresolved else "resolvable"
        return [
            f"simulated: a spall on the outer race that grew to {self.true_mm:.2f} mm (seed {self.seed})",
            f"inferred: {_interval(self.tracked_mm)} tracked, {_interval(self.window_mm)} from the last window alone; "
            f"at the start it was {start}",
            f"of {self.windows} windows {self.resolved} resolved the width; in {self.held} of these the 90 % interval "
            "held the truth",
            f"alarm 'outer spall above limit' ({self.limit_mm:g} mm): {alarm}",
            "the inferred width brackets the truth" if self.bracketed else "the inferred width misses the truth",
        ]


@dataclass
class Watcher:
    """A sink that keeps what the verdict needs, and ends the demo."""

    machine: WearingMachine
    stop: asyncio.Event
    findings: list[Mapping[str, Any]] = field(default_factory=list)

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Sets `stop` after enough windows of the spall at its last width."""
        self.findings += findings
        full = [f for f in self.findings if self.machine.width_at(f["start_ns"]) >= self.machine.wear.last]
        if len(full) >= _HOLD:
            self.stop.set()


async def run_demo(stop: asyncio.Event, *, seed: int = 0, port: int = 0, show: bool = True) -> DemoResult:
    """Serves the machine on loopback, runs the gateway on it, and judges. Writes only into a temporary folder.

    port: 0 for any free one; show: whether the site's own sinks (the live table) see the findings
    Raises InversionError where the port is taken.
    """
    profile = load_profile(_PROFILE)
    model = load_pipeline(SITE).model
    machine = WearingMachine(
        geometry=model.geometry,  # type: ignore[attr-defined]
        wear=Wear(),
        clock=time.time_ns,
        rng=np.random.default_rng(seed),
        sample_rate=float(profile.waveforms[0].sample_rate),
    )
    watcher = Watcher(machine, stop)
    with TemporaryDirectory(prefix="inversion-demo-") as folder:
        async with _served(profile, machine, port) as device:
            site = _site(load_site(SITE), device.port, Path(folder), watcher, show)
            ending = asyncio.create_task(_end_in_time(stop))
            try:
                await run_gateway(site, stop)
            finally:
                ending.cancel()
    return _verdict(watcher.findings, machine, seed)


@asynccontextmanager
async def _served(profile: Profile, machine: WearingMachine, port: int) -> AsyncIterator[Device]:
    async with AsyncExitStack() as stack:
        try:
            device = await stack.enter_async_context(serve(profile, machine, port=port))
        except OSError as error:
            raise InversionError(f"demo: cannot serve on port {port}: {os.strerror(error.errno or 0)}") from error
        yield device


async def _end_in_time(stop: asyncio.Event) -> None:
    await asyncio.sleep(_LIMIT_S)
    stop.set()


def _site(site: Site, port: int, folder: Path, watcher: Watcher, show: bool) -> Site:
    (source,) = site.sources
    assert isinstance(source, ModbusSource)
    sinks: dict[str, Sink] = {**site.sinks} if show else {}
    return replace(
        site,
        sources=(replace(source, line=f"tcp://127.0.0.1:{port}"),),
        sinks={**sinks, "verdict": watcher},
        journal=folder / "demo.journal",
    )


def _verdict(findings: Sequence[Mapping[str, Any]], machine: WearingMachine, seed: int) -> DemoResult:
    truths = [1e3 * machine.width_at(finding["start_ns"]) for finding in findings]
    windows = [finding["parameters"][_PARAMETER] for finding in findings]
    tracks = [finding["track"][_PARAMETER] for finding in findings]
    resolved = [i for i, window in enumerate(windows) if window["resolvable"]]
    first = next((i for i, f in enumerate(findings) if f["alarms"][0]["state"] == "active"), None)
    began_ns = machine.began_ns or 0
    return DemoResult(
        seed=seed,
        limit_mm=findings[0]["alarms"][0]["limit"] if findings else 3.0,
        true_mm=truths[-1] if truths else 0.0,
        tracked_mm=_ends(tracks[-1]) if tracks and tracks[-1]["resolvable"] else None,
        window_mm=_ends(windows[-1]) if windows and windows[-1]["resolvable"] else None,
        first_unresolved=bool(windows) and not windows[0]["resolvable"],
        alarm_s=None if first is None else (findings[first]["start_ns"] - began_ns) / 1e9,
        alarm_true_mm=None if first is None else truths[first],
        windows=len(windows),
        resolved=len(resolved),
        held=sum(windows[i]["low"] <= truths[i] <= windows[i]["high"] for i in resolved),
    )


def _ends(value: Mapping[str, Any]) -> tuple[float, float]:
    return value["low"], value["high"]


def _interval(ends: tuple[float, float] | None) -> str:
    return "not resolvable" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f} mm (90 %)"
