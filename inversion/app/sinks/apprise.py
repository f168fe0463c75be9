"""Changes of alarms to people: e-mail, chat, telephone; whatever the library apprise can reach."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inversion.app.bounds import check_within
from inversion.app.journal import Entry
from inversion.app.patience import Later
from inversion.app.secret import Secret

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_RAISED = ("unacknowledged",)
_CLEARED = ("normal", "returned unacknowledged", "latched unacknowledged", "latched acknowledged")


@dataclass(frozen=True)
class AppriseSink:
    """One message for what came since the last one, to one destination; another destination is another sink.

    url_file, url_environment: where the destination's address stands, since it holds secrets: the first line of a
        file, read at each message, or the name of a variable of the environment
    severity: "warning" for all alarms, "alarm" for those only; cleared: whether their end is told too
    interval_s: least time between two messages; what comes before waits in the journal and goes in one message
    most_lines: of one message; the rest is counted
    """

    url_file: Path | None = None
    url_environment: str = ""
    severity: str = "warning"
    cleared: bool = True
    interval_s: float = 60.0
    most_lines: int = 20
    wants: tuple[str, ...] = field(default=("alarm",), init=False)

    def __post_init__(self) -> None:
        if (self.url_file is None) == (not self.url_environment):
            raise ValueError("url_file or url_environment must be given, one of them: an address holds secrets")
        _ = Secret("url", self.url_file, self.url_environment)
        if find_spec("apprise") is None:
            raise ValueError("needs apprise, which is not installed: pip install 'edge-inversion[apprise]'")
        if self.severity not in ("warning", "alarm"):
            raise ValueError(f"severity must be warning or alarm, got {self.severity!r}")
        check_within("interval_s", self.interval_s, 1.0, 3600.0, "s", "so long an alarm may wait for the next message")
        check_within("most_lines", self.most_lines, 1, 1000, "", "what is beyond is only counted")

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings are not told."""

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises Later where the last message was not long ago, ConnectionError where the destination takes none."""
        told = [_line(entry) for entry in entries if self._worth_telling(entry)]
        if told:
            await asyncio.to_thread(self._notify, told)

    def _worth_telling(self, entry: Entry) -> bool:
        body = entry.body
        if entry.kind != "alarm" or not body["announced"] or body["by"] not in ("process", "clock"):
            return False
        if self.severity == "alarm" and body.get("severity", "alarm") != "alarm":
            return False
        return body["to"] in _RAISED or (self.cleared and body["to"] in _CLEARED)

    def _notify(self, told: Sequence[str]) -> None:
        with self._pace.alone:  # a delivery that was given up for lost may still be at it
            left_s = self._pace.next_s - time.monotonic()
            if left_s > 0:
                raise Later(left_s)
            shown = list(told[: self.most_lines])
            if len(told) > len(shown):
                shown.append(f"and {len(told) - len(shown)} more: inversion alarms list")
            title = told[0][:120] if len(told) == 1 else f"{len(told)} changes of alarms"
            self._send(title, "\n".join(shown))
            self._pace.next_s = time.monotonic() + self.interval_s

    def _send(self, title: str, body: str) -> None:
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # what it logs may hold secrets
        plugin = apprise.Apprise.instantiate(self._url(), asset=apprise.AppriseAsset(app_id="inversion"))
        if plugin is None:
            raise ConnectionError("the destination's address is none that apprise knows")
        kind = str(plugin.service_name)
        hosts = {str(getattr(plugin, name, "") or "") for name in ("host", "smtp_host")}
        if not hosts <= {"", *_LOOPBACK}:
            if plugin.protocol and not plugin.secure:
                raise ConnectionError(f"{kind}: the destination must be one over TLS, or this machine")
            if not plugin.verify_certificate:
                raise ConnectionError(f"{kind}: the destination's certificate must be verified")
        if not plugin.notify(body=body, title=title, notify_type=apprise.NotifyType.WARNING):
            raise ConnectionError(f"{kind}: the destination did not take the message")

    def _url(self) -> str:
        return Secret("url", self.url_file, self.url_environment).text()

    @cached_property
    def _pace(self) -> _Pace:
        return _Pace()


@dataclass
class _Pace:
    """next_s: monotonic, before which nothing is sent."""

    next_s: float = 0.0
    alone: threading.Lock = field(default_factory=threading.Lock)


def _line(entry: Entry) -> str:
    """`ALARM fan 3: too wide: ...`; what could begin another line, or another head of a mail, is a space."""
    severity = "WARNING" if entry.body.get("severity") == "warning" else "ALARM"
    text = "".join(each if each.isprintable() else " " for each in str(entry.body["text"]))
    return f"{severity if entry.body['to'] in _RAISED else 'cleared'} {text}"
