"""Evidence of lines pooled over the windows of an asset: its mean at each order of the shaft.

A mean over windows scatters less, so that a fault stands out that no single window shows. Orders are those of the speed
that is said, corrected for all windows at once: what each would make of it scatters by a percent, and smears lines.
Nothing counts that is older than a span: the evidence lies in two halves of it, and the older half is dropped as a
whole. What is kept has one size however many windows there were.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.forward.bearing_claims import Claims, Evidence, claimed
from inversion.physics.bearing import BearingGeometry

FEWEST_WINDOWS = 4  # that may show together what none shows alone


@dataclass(frozen=True)
class Half:
    """Windows of half a span. began_ns: of the first; windows: how many; mean: (bins,) of their evidence."""

    began_ns: int
    windows: int
    mean: NDArray[np.float16]

    def joined(self, evidence: NDArray[np.float64]) -> Half:
        """With one more window."""
        more = (evidence - self.mean) / (self.windows + 1)
        return Half(self.began_ns, self.windows + 1, (self.mean + more).astype(np.float16))


@dataclass(frozen=True)
class Pool:
    """What is kept of an asset. at_ns: of the window that is looked at; nominal: orders a bin

    halves: the older one first, at most two
    """

    at_ns: int
    nominal: float = 0.0
    halves: tuple[Half, ...] = ()

    def joined(self, seen: Evidence) -> Pool:
        """With the evidence of the window that is looked at; the first one's bins are those of all."""
        bins, nominal = seen.of_lines.size, seen.nominal
        if self.halves:
            bins, nominal = self.halves[-1].mean.size, self.nominal
        own = np.arange(seen.of_lines.size) * seen.nominal
        evidence = np.interp(np.arange(bins) * nominal, own, seen.of_lines, right=0.0)
        *older, latest = self.halves or (Half(self.at_ns, 0, np.zeros(bins, np.float16)),)
        return replace(self, nominal=nominal, halves=(*older, latest.joined(evidence)))

    @property
    def windows(self) -> int:
        """How many windows are in it."""
        return sum(half.windows for half in self.halves)

    @property
    def span(self) -> str:
        """How many windows, of how long a time, for people."""
        minutes = (self.at_ns - self.halves[0].began_ns) / 60e9
        return f"{self.windows} windows of {minutes:.0f} min"

    def claims(self, bearing: BearingGeometry) -> Claims:
        """Which faults its windows show together; none of fewer than FEWEST_WINDOWS."""
        if self.windows < FEWEST_WINDOWS:
            return Claims({})
        shares = [half.windows / self.windows for half in self.halves]
        mean = sum(np.float32(share) * half.mean for share, half in zip(shares, self.halves, strict=True))
        return claimed(Evidence(np.asarray(mean, dtype=np.float32), self.nominal), bearing)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it; the evidence comes back to the byte."""
        halves = [
            {
                "began_ns": half.began_ns,
                "windows": half.windows,
                "mean": base64.b64encode(half.mean.astype("<f2", copy=False).tobytes()).decode("ascii"),
            }
            for half in self.halves
        ]
        return {"nominal": self.nominal, "halves": halves}


def pool_at(kept: Mapping[str, Any] | None, at_ns: int, span_s: float) -> Pool:
    """What `to_dict` wrote, as it is for a window that begins at `at_ns`: evidence older than the span is dropped.

    A half that has lasted half a span is closed. A clock that goes back drops nothing.
    """
    if kept is None:
        return Pool(at_ns)
    half_ns = span_s * 0.5e9
    halves = tuple(_half(each) for each in kept["halves"] if at_ns - each["began_ns"] <= 2 * half_ns)
    if halves and at_ns - halves[-1].began_ns > half_ns:
        halves = (halves[-1], Half(at_ns, 0, np.zeros_like(halves[-1].mean)))
    return Pool(at_ns, float(kept["nominal"]) if halves else 0.0, halves)


def _half(data: Mapping[str, Any]) -> Half:
    mean = np.frombuffer(base64.b64decode(data["mean"]), "<f2").astype(np.float16, copy=False)
    return Half(data["began_ns"], data["windows"], mean)
