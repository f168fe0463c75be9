"""What `[site]`, `[journal]` and `[gateway]` of a configuration may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inversion.app.bounds import LONGEST_S, MOST_MB, check_within

#: Where a site does not say `commit_s`: routine findings wait until so many do, s at least and at most.
ENOUGH, LEAST_WAIT_S, MOST_WAIT_S = 8, 0.5, 4.0
_LONGEST_NAME = 100
_CENTURY_DAYS = 36_525.0


@dataclass(frozen=True)
class SiteOptions:
    """`[site]`. level: probability of the intervals that findings state."""

    name: str
    level: float = 0.9

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable() or "/" in self.name:
            raise ValueError(f"name must be a text without slashes and line breaks, got {self.name!r}")
        if len(self.name.encode()) > _LONGEST_NAME:
            raise ValueError(
                f"name must be at most {_LONGEST_NAME} bytes, got {len(self.name.encode())}: files have it"
            )
        why = "it is the probability that an interval holds the value, and is told no closer than that"
        check_within("level", self.level, 0.5, 0.999, "", why)


@dataclass(frozen=True)
class JournalOptions:
    """`[journal]`.

    path: the SQLite file; by default `<site>.journal` beside the configuration
    commit_s: how long routine findings wait for others before the disk is synced, s; alarms do not wait. By default
        until eight wait, half a second at least and four at most
    state_s: how old the stored track of a live asset may be after a crash, s
    keep_days, most_mb: how long, and in how much room, records are kept
    """

    path: Path | None = None
    commit_s: float | None = None
    state_s: float = 60.0
    keep_days: float = 366.0
    most_mb: float = 1024.0

    def __post_init__(self) -> None:
        if self.commit_s is not None:
            why = "what waits has reached no sink, and a power cut takes it"
            check_within("commit_s", self.commit_s, 0.0, 60.0, "s", why)
        check_within("state_s", self.state_s, 0.0, 3600.0, "s", "after a crash tracks go on from so long before")
        why = "what a sink has not fetched by then, or an alarm's history, is wanted later than that"
        check_within("keep_days", self.keep_days, 1.0, _CENTURY_DAYS, "days", why)
        check_within("most_mb", self.most_mb, 12.0, MOST_MB, "MB", "below it nothing is kept, beyond it no disk is")
        if self.path is not None and self.path.is_dir():
            raise ValueError(f"path must be a file, found the folder {self.path}")


@dataclass(frozen=True)
class GatewayOptions:
    """`[gateway]`.

    queue_frames: frames that wait for the worker before the sources are held back
    frame_timeout_s: a worker that needs longer for its frames is restarted; where one takes long, fewer go together
    retry_s, retry_cap_s: first and longest wait before a lost source, sink or journal is tried again, s
    sink_timeout_s: a sink that needs longer for one delivery has failed, s
    stop_s: how long a stop may take to finish the frames in hand, journal and deliver them, s
    """

    queue_frames: int = 16
    frame_timeout_s: float = 60.0
    retry_s: float = 1.0
    retry_cap_s: float = 60.0
    sink_timeout_s: float = 30.0
    stop_s: float = 20.0

    def __post_init__(self) -> None:
        check_within("queue_frames", self.queue_frames, 1, 10_000, "", "frames wait in memory")
        why = "a worker takes a second for its first frame, and one that hangs is not replaced before"
        check_within("frame_timeout_s", self.frame_timeout_s, 1.0, LONGEST_S, "s", why)
        why = "what is back is not noticed before, and who is asked more often does nothing else"
        for name in ("retry_s", "retry_cap_s"):
            check_within(name, getattr(self, name), 0.01, LONGEST_S, "s", why)
        if self.retry_s > self.retry_cap_s:
            raise ValueError(f"retry_s must be at most retry_cap_s, {self.retry_cap_s:g} s, got {self.retry_s:g} s")
        why = "a sink that hangs is not tried again before, and none answers sooner"
        check_within("sink_timeout_s", self.sink_timeout_s, 0.1, LONGEST_S, "s", why)
        why = "what a stop does not finish in time is lost, and a box that is shut down does not wait"
        check_within("stop_s", self.stop_s, 0.1, LONGEST_S, "s", why)
