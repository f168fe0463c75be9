"""`[log]`: what a gateway says on standard error, as text for people or as a line of JSON each."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

FORMATS = ("text", "json")
_TEXT = "%(asctime)s %(message)s"
_MORE = ("kind", "asset")  # given with what is journalled as an event


@dataclass(frozen=True)
class LogOptions:
    """format: "text" or "json" (one object a line, for a collector of logs)."""

    format: str = "text"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {self.format!r}")


class JsonLines(logging.Formatter):
    """`{"time": ..., "level": ..., "text": ..., "kind": ..., "asset": ...}`; a traceback is one field more."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"time": when, "level": record.levelname.lower(), "text": record.getMessage()}
        told |= {name: value for name in _MORE if (value := getattr(record, name, ""))}
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def write_as(options: LogOptions) -> None:
    """From now on the log is written so."""
    formatter = JsonLines() if options.format == "json" else logging.Formatter(_TEXT)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
