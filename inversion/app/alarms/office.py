"""What the alarm verbs do: read the journal beside the gateway, leave requests in it, or answer them where none is."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inversion.alerts.lifecycle import STATES, LifeCycle, expire
from inversion.app.alarm_options import OWN
from inversion.app.alarms import relearn
from inversion.app.alarms.desk import AlarmDesk
from inversion.app.alarms.requests import answered, check_request, named_assets
from inversion.app.alarms.telling import condition
from inversion.app.clock import Clock
from inversion.app.clock.telling import setting_record, stamped
from inversion.app.configuration import Site, load_site
from inversion.app.journal import Batch, Journal, JournalError, open_journal, read_journal
from inversion.app.journal.file import held_by
from inversion.core import ConfigurationError, InversionError

_PATIENCE_S = 10.0
_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_FIRST = ("unacknowledged", "latched unacknowledged", "returned unacknowledged", "acknowledged", "latched acknowledged")


def seconds(text: str) -> float:
    """`8h` as 28800. Raises ConfigurationError."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|min|h|d)", text)
    if found is None:
        raise ConfigurationError(f"--for: must be a time such as 30min, 8h or 2d, found {text!r}")
    return float(found[1]) * _UNITS_S[found[2]]


def listed(path: Path, every: bool) -> list[dict[str, Any]]:
    """One row an alarm, those that wait for an operator first."""
    site = load_site(path)
    with read_journal(site.journal) as journal:
        cycles = journal.cycles()
        newest = {(entry.asset, entry.body["alarm"]): entry.body for entry in journal.alarms(10_000)}
    rows = []
    for (asset, alarm), told in cycles.items():
        cycle = expire(LifeCycle.from_dict(told), time.time_ns())  # no gateway may have run since its shelving ended
        if (alarm in site.latching or alarm in OWN) and (every or cycle.state != "normal"):
            body = newest.get((asset, alarm), {})
            rows.append({"asset": asset, "alarm": alarm, "state": cycle.state, **_about(cycle, body)})
    order = {state: i for i, state in enumerate((*_FIRST, *(s for s in STATES if s not in _FIRST)))}
    return sorted(rows, key=lambda row: (order[row["state"]], row["severity"], -row["since_ns"]))


def listed_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows for people."""
    if not rows:
        return ["no alarm stands"]
    return [
        f"{row['state']:24} {row['severity']:8} {_clock(row['since_ns'])}  {row['asset']}: {row['alarm']}"
        + (f": {row['condition']}" if row["condition"] else "")
        + (f" (until {_clock(row['until_ns'])})" if row["until_ns"] else "")
        for row in rows
    ]


def changes(path: Path, most: int, asset: str | None) -> list[dict[str, Any]]:
    """The newest changes of alarms, in order."""
    with read_journal(load_site(path).journal) as journal:
        return [dict(entry.body) for entry in journal.alarms(most, asset)]


def request(path: Path, body: Mapping[str, Any]) -> str:
    """The answer to a request: of the running gateway, or of this process where none runs.

    Raises InversionError where it was refused, and where a gateway runs but does not answer.
    """
    site = load_site(path)
    check_request(body, site.alarm_desk.shelve_most_h * 3600)
    if not site.journal.exists():
        raise JournalError(f"{site.journal}: no journal there yet; the gateway makes it when it starts")
    answer = _by_the_gateway(site, body) if held_by(site.journal) is not None else _here(site, body)
    if answer.startswith("refused: "):
        raise InversionError(answer)
    return answer


def _by_the_gateway(site: Site, body: Mapping[str, Any]) -> str:
    with read_journal(site.journal) as journal:
        number = journal.ask(time.time_ns(), body)
        for _ in range(int(_PATIENCE_S / 0.05)):
            answer = journal.answer(number)
            if answer is not None:
                return answer
            time.sleep(0.05)
    raise InversionError(f"the gateway has not answered within {_PATIENCE_S:g} s; it will when it can")


def _here(site: Site, body: Mapping[str, Any]) -> str:
    with open_journal(site.journal, time.time_ns()) as journal:
        desk = _desk(site, journal)
        clock, settings = Clock(site.clock), journal.settings()
        before = settings[-1].setting if settings else None
        records = desk.resume(before, clock.setting, clock.now_ns())
        if clock.setting != before:
            records = [setting_record(before, clock.setting, clock.now_ns()), *records]
        batch = Batch(records)
        if body["verb"] == relearn.VERB:
            answer = _relearned(site, journal, body, batch, clock.now_ns())
        else:
            answer, changes = answered(desk, body, clock.now_ns(), named_assets(site), f"gateway {site.name}")
            batch.records += changes
        batch.records, batch.cycles = [stamped(record, clock) for record in batch.records], dict(desk.changed)
        journal.append(batch)
        return answer


def _relearned(site: Site, journal: Journal, body: Mapping[str, Any], batch: Batch, now_ns: int) -> str:
    asset = str(body.get("asset") or "")
    stored = journal.state(asset)
    try:
        names = relearn.alarms_meant(body, site.learning, [asset] if stored else [])
    except ConfigurationError as problem:
        return f"refused: {problem}"
    if stored is not None:
        batch.fingerprint, batch.states = stored[0], {asset: relearn.forgotten(stored[1], names)}
    batch.records.append(relearn.event(body, names, now_ns))
    return str(batch.records[-1].body["text"])


def _desk(site: Site, journal: Journal) -> AlarmDesk:
    desk = AlarmDesk({**site.latching, **OWN}, site.silences, site.alarm_desk, journal.cycles())
    desk.know(journal.last_findings())
    return desk


def _about(cycle: LifeCycle, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "severity": body.get("severity", "alarm"),
        "since_ns": cycle.since_ns,
        "until_ns": cycle.shelved_until_ns,
        "condition": condition(body),
    }


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"
