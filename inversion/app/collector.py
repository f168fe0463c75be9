"""Evidence in a running gateway: kept for the findings that raised an alarm, for all, or for none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from inversion.app.configuration import Site
from inversion.app.evidence import Bundle, save
from inversion.app.journal import Record
from inversion.app.supervisor import Note
from sensors import Frame

_STANDS = ("active", "clearing")


class Collector:
    """Saves what a finding was made of; a disk that is full costs the evidence, never the finding."""

    def __init__(self, site: Site, note: Note) -> None:
        self._note = note
        self._failed = False
        self.reload(site)

    def reload(self, site: Site) -> None:
        """Goes on with a configuration that was read again."""
        self._options, self._level = site.evidence, site.level
        self._folder = site.journal.with_suffix(".evidence")
        self._site = (site.path.resolve(), site.path.read_text(encoding="utf-8"))

    def before(self, frames: Sequence[Frame], states: Mapping[str, Any]) -> dict[str, Any]:
        """States of the assets of these frames as they are now."""
        return {frame.asset: states[frame.asset] for frame in frames if frame.asset in states}

    async def keep(
        self,
        frames: Sequence[Frame],
        states: Mapping[str, Any],
        findings: Sequence[Mapping[str, Any]],
        changes: Sequence[Record],
        fingerprint: str,
    ) -> None:
        """Keeps what is wanted of one request to the worker."""
        raised = {(c.asset, c.body.get("start_ns")) for c in changes if c.body.get("to") == "unacknowledged"}
        raised |= _risen(findings, states)
        for finding in findings:
            asset, start_ns = finding["asset"], finding["start_ns"]
            if self._options.keep != "all" and (self._options.keep == "none" or (asset, start_ns) not in raised):
                continue
            own = [frame for frame in frames if frame.asset == asset]
            last = next(i for i, frame in enumerate(own) if frame.start_ns == start_ns)
            known = {asset: states[asset]} if asset in states else {}
            bundle = Bundle(own[: last + 1], known, finding, self._site, self._level, fingerprint)
            try:
                synced = self._options.keep == "alarm"  # it is journalled that this one is there
                path = await asyncio.to_thread(save, bundle, self._folder, self._options.most_mb, synced)
            except OSError as error:
                if not self._failed:
                    self._note("evidence_lost", f"{self._folder}: evidence cannot be kept: {error.strerror}", asset)
                self._failed = True
                continue
            self._failed = False
            if self._options.keep == "alarm":
                self._note("evidence", f"{asset}: evidence: {path}", asset)


def _risen(findings: Sequence[Mapping[str, Any]], states: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Asset and time of every finding with which a condition begins to stand, also where nobody is told (shelved)."""
    standing = {
        (asset, name)
        for asset, state in states.items()
        for name, alert in state.get("alerts", {}).items()
        if alert["phase"] in _STANDS
    }
    found = set()
    for finding in findings:
        for alarm in finding["alarms"]:
            key = (finding["asset"], alarm["name"])
            if alarm["state"] not in _STANDS:
                standing.discard(key)
            elif key not in standing:
                standing.add(key)
                found.add((finding["asset"], finding["start_ns"]))
    return found
