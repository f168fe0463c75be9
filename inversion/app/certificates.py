"""Every certificate that a site uses: for how many days it is valid yet, said in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inversion.app.configuration import Site

SOON_DAYS = 30.0
_LOOK_S = 3600.0
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Certificate:
    """One file that somebody uses. option: "certificate" (our own) or "ca" (whom we trust, possibly several)"""

    used_by: str
    option: str
    path: Path

    def days_left(self, now_s: float) -> float:
        """Until it expires, of several the last one; now_s: UTC. Raises ValueError where it cannot be read."""
        from sensors.modbus.tls import all_valid_until

        ends = all_valid_until(self.path)
        last = max(ends) if self.option == "ca" else ends[0]
        return (last - datetime.fromtimestamp(now_s, UTC)).total_seconds() / _DAY_S


class Certificates:
    """note: takes kind and text, once when a certificate expires soon, has expired, is renewed or cannot be read."""

    def __init__(self, site: Site, note: Callable[[str, str], None]) -> None:
        self._site, self._note = site, note
        self._said: dict[Certificate, str] = {}

    def reload(self, site: Site) -> None:
        """Goes on with those of a changed site."""
        self._site = site
        self.look()

    async def watch(self) -> None:
        """Looks every hour, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Says what has changed since the last look."""
        now_s = time.time()
        for each in certificates(self._site):
            state, told = _judged(each, now_s)
            before = self._said.get(each, "")
            self._said[each] = state
            if state != before and (state or before):
                kind = state or "certificate_renewed"
                self._note(kind, f"{each.used_by}: {each.option} {each.path}: {told}")

    def days_left(self) -> list[tuple[Mapping[str, str], float]]:
        """Who uses which, as labels of a metric, and days; what cannot be read is left out, and was said."""
        now_s = time.time()
        found: list[tuple[Mapping[str, str], float]] = []
        for each in certificates(self._site):
            try:
                days = each.days_left(now_s)
            except ValueError:
                continue
            found.append(({"used_by": each.used_by, "option": each.option, "path": str(each.path)}, round(days, 3)))
        return found


def certificates(site: Site) -> Iterator[Certificate]:
    """Of all sources and sinks; a plug-in names its files `certificate` and `ca`."""
    several = len(site.sources) > 1
    users: list[tuple[str, object]] = [
        (f"source.{i}" if several else "source", source) for i, source in enumerate(site.sources)
    ]
    users += [(f"sink {name}", sink) for name, sink in site.sinks.items()]
    for name, user in users:
        for option in ("certificate", "ca"):
            path = getattr(user, option, None)
            if isinstance(path, Path):
                yield Certificate(name, option, path)


def _judged(certificate: Certificate, now_s: float) -> tuple[str, str]:
    """The kind of event that it is worth, empty where it is good, and words."""
    try:
        days = certificate.days_left(now_s)
    except ValueError as problem:
        return "certificate_unreadable", str(problem)
    if days <= 0:
        return "certificate_expired", f"expired {-days:.1f} days ago"
    if days < SOON_DAYS:
        return "certificate_expires", f"expires in {days:.1f} days"
    return "", f"good for {days:.0f} days"
