"""Counts of a running gateway: what is cheap to keep, and is asked for from time to time."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Upper ends, s; one more cell holds what took longer.
EDGES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MOST_NAMES = 1000  # of assets or kinds; what comes beyond is counted under one name


@dataclass
class Histogram:
    """How often something took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Counts one more."""
        self.counts[bisect_left(EDGES_S, seconds)] += 1
        self.total_s += seconds


@dataclass
class Tally:
    """frames: by asset; events: by kind; findings: by asset and quality; stages: how long each took, by name

    refusals: of requests to see all this, by why
    """

    frames: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    stages: dict[str, Histogram] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)

    def frame(self, asset: str) -> None:
        """A frame has come."""
        self.frames[_bounded(self.frames, asset)] += 1

    def event(self, kind: str) -> None:
        """An event was noted."""
        self.events[_bounded(self.events, kind)] += 1

    def finding(self, asset: str, quality: str) -> None:
        """A finding was made."""
        key = (asset, quality)
        self.findings[key if key in self.findings or len(self.findings) < _MOST_NAMES else ("(others)", quality)] += 1

    def refusal(self, why: str) -> None:
        """A request was refused or cut off."""
        self.refusals[_bounded(self.refusals, why)] += 1

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Counts how long the block takes, also when it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.took(stage, time.perf_counter() - began)

    def took(self, stage: str, seconds: float) -> None:
        """A stage took so long once."""
        known = stage if stage in self.stages or len(self.stages) < _MOST_NAMES else "(others)"
        self.stages.setdefault(known, Histogram()).add(seconds)


def _bounded(counter: Counter[str], name: str) -> str:
    return name if name in counter or len(counter) < _MOST_NAMES else "(others)"
