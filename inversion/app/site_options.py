"""What `[site]`, `[journal]` and `[gateway]` of a configuration may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SiteOptions:
    """`[site]`. level: probability of the intervals that findings state."""

    name: str
    level: float = 0.9

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable() or "/" in self.name:
            raise ValueError(f"name must be a text without slashes and line breaks, got {self.name!r}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {self.level}")


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
        for name in ("commit_s", "state_s"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds >= 0:
                raise ValueError(f"{name} must be zero or more, got {seconds} s")
        if not self.keep_days > 0:
            raise ValueError(f"keep_days must be positive, got {self.keep_days}")
        if not self.most_mb >= 12:
            raise ValueError(f"most_mb must be at least 12, got {self.most_mb}")
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
        if self.queue_frames < 1:
            raise ValueError(f"queue_frames must be at least 1, got {self.queue_frames}")
        for name in ("frame_timeout_s", "retry_s", "retry_cap_s", "sink_timeout_s", "stop_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)} s")
