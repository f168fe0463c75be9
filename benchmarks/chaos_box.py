"""A gateway that blows are struck at, and the laws that must hold of its journal afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inversion.app.journal import Journal

_PATIENCE_S = 60.0
_SITE = """
[site]
name = "{name}"
[source]
{source}
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
[[alarm]]
{alarm}
parameter = "level"
limit = 0.05
[[sink]]
use = "jsonl"
path = "findings.jsonl"
[gateway]
retry_s = 0.05
retry_cap_s = 0.5
[journal]
commit_s = 0.1
"""
#: A recording that is replayed fast.
RECORDED = _SITE.format(
    name="chaos",
    source='use = "acme_tone"\nwindows = 2000\nstep = 0.01\npause_s = 0.004',
    alarm='name = "too loud"',
)


def live(name: str, pause_s: float) -> str:
    """A sensor without end, and an alarm that no step of the clock may hurry."""
    source = f'use = "acme_live"\npause_s = {pause_s}'
    return _SITE.format(name=name, source=source, alarm='name = "loud for long"\non_delay_s = 300')


@dataclass
class Box:
    """A folder with a site, and the gateway that runs in it. earlier: a folder before the plug-ins on its path"""

    folder: Path
    plugins: Path
    site: str = RECORDED
    earlier: str = ""
    gateway: subprocess.Popen[bytes] | None = None
    killed: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log.txt"
        (self.folder / "chaos.toml").write_text(self.site)

    @property
    def journal(self) -> Path:
        return self.folder / "chaos.journal"

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("inversion")), "run", str(self.folder / "chaos.toml")]
        with self.log.open("ab") as log:
            path = ":".join([*([self.earlier] if self.earlier else []), str(self.plugins)])
            environment = {**os.environ, "PYTHONPATH": path}
            self.gateway = subprocess.Popen(command, stderr=log, env=environment)

    def lines(self) -> list[bytes]:
        path = self.folder / "findings.jsonl"
        return path.read_bytes().splitlines() if path.exists() else []

    def more_lines(self, count: int) -> None:
        """Waits until the sink has so many more; the last may be half written."""
        wanted = len(self.lines()) + count
        self.until(lambda: len(self.lines()) >= wanted, f"{count} more findings")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"{what} did not come within {_PATIENCE_S:g} s: {self.log.read_text()[-500:]}")
            time.sleep(0.002)

    @property
    def template(self) -> int:
        assert self.gateway is not None
        return self._child_of(self.gateway.pid, "a template")

    @property
    def worker(self) -> int:
        return self._child_of(self.template, "a worker")

    def _child_of(self, pid: int, what: str) -> int:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        self.until(lambda: bool(children.read_text().split()), what)
        return int(children.read_text().split()[0])

    def kill(self) -> None:
        assert self.gateway is not None
        self.gateway.kill()
        self.gateway.wait()
        self.killed += 1

    def stop(self) -> int:
        assert self.gateway is not None
        self.gateway.send_signal(signal.SIGTERM)
        return self.gateway.wait(_PATIENCE_S)


def unbalanced(journal: Journal, drops: bool = False) -> list[str]:
    """Sinks whose produced is not delivered + buffered + dropped. drops: whether records may have been dropped."""
    return [
        f"{s.sink}: {s.produced} produced, {s.delivered} + {s.buffered} + {s.dropped}"
        for s in journal.standings()
        if s.produced != s.delivered + s.buffered + s.dropped or (s.dropped and not drops)
    ]


def in_order(bodies: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a live source's windows are all there, each once, in order."""
    return [int(body["source"].split()[-1]) for body in bodies] == list(range(len(bodies)))
