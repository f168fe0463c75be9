"""The desk in a running gateway: fed by findings, clocks and requests; everything it says goes to the journal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inversion.alerts.conduct import LONGEST_S
from inversion.app.alarm_options import DEGRADED, OWN, STOPPED
from inversion.app.alarms import relearn
from inversion.app.alarms.desk import AlarmDesk
from inversion.app.alarms.requests import answered, named_assets
from inversion.app.configuration import Site
from inversion.app.intake import Intake
from inversion.app.journal import Journal, Record
from inversion.app.ledger import Ledger
from inversion.core import ConfigurationError

_LOOK_S = 0.25  # between two looks at the clock and at what operators ask
_STALE = "refused: the gateway was started anew before it could answer; ask again"
_NS = 1_000_000_000
_NEWEST = 1000  # changes of alarms that tell whether there is a flood

log = logging.getLogger("inversion.gateway")


#: States by asset, which may be changed, and of which parameters they are (their fingerprint).
Known = tuple[dict[str, Any], str]


class DeskKeeper:
    """intake: knows when an asset was heard of last, and who is awaited; known: what the worker knows."""

    def __init__(
        self, site: Site, journal: Journal, ledger: Ledger, intake: Intake, known: Callable[[], Known]
    ) -> None:
        self._journal, self._ledger, self._intake = journal, ledger, intake
        ledger.stepped = self._clock_set
        self._gateway = f"gateway {site.name}"
        self._desk = _desk(site, {})
        self._learning, self._known = site.learning, known
        self._forget: dict[str, set[str]] = {}
        self._deaf = False

    async def restore(self, site: Site) -> None:
        """Life cycles, the last findings and a flood, from the journal; what the clock did meanwhile is told.

        Awaited from now on are the assets that the site names, and, where a source does not say what it measures, those
        that were heard of in the last month.
        """
        self._desk = _desk(site, await self._ledger.ask(self._journal.cycles))
        settings = await self._ledger.ask(self._journal.settings)
        before = settings[-1].setting if settings else None
        await self._journalled(self._desk.resume(before, self._ledger.setting, self._ledger.now_ns()))
        last = await self._ledger.ask(self._journal.last_entries)
        self._desk.know([entry.body for entry in last])
        self._desk.recall_flood([entry.body for entry in await self._ledger.ask(self._journal.alarms, _NEWEST)])
        await self._journalled(self._desk.end_removed(self._ledger.now_ns()))
        stale = await self._ledger.ask(self._journal.asked)
        if stale:  # what stands now is not what they saw who asked
            await self._ledger.put(answers=dict.fromkeys((number for number, _ in stale), _STALE), urgent=True)
        self._intake.expect(named_assets(site))
        if not all(isinstance(getattr(source, "asset", None), str) for source in site.sources):
            since_ns = self._ledger.now_ns() - round(LONGEST_S * _NS)
            self._intake.expect(entry.asset for entry in last if entry.time_ns >= since_ns)

    def listen_no_more(self) -> None:
        """The sources are told to end: from now on silence means nothing."""
        self._deaf = True

    def _clock_set(self, by_ns: int) -> None:
        self._desk.clock_set(by_ns)

    async def reload(self, site: Site) -> None:
        """Goes on with the alarms of a changed site."""
        self._learning = site.learning
        self._desk = self._desk.successor({**site.latching, **OWN}, site.silences, site.alarm_desk)
        self._intake.expect(named_assets(site))
        await self._journalled(self._desk.end_removed(self._ledger.now_ns()))

    async def judge(
        self, findings: Sequence[Mapping[str, Any]], states: Mapping[str, dict[str, Any]], fingerprint: str
    ) -> list[Record]:
        """Journals findings with what they change, and returns that."""
        now_ns = self._ledger.now_ns()
        for asset in self._forget.keys() & states.keys():  # of windows that were in the worker when it was asked for
            states[asset].update(relearn.forgotten(states[asset], self._forget.pop(asset)))
        changes = self._desk.judge(findings, now_ns)
        records = [Record("finding", finding["asset"], now_ns, finding) for finding in findings]
        await self._journalled([*records, *changes], states, fingerprint, urgent=bool(changes))
        return changes

    async def degraded(self, step: str, why: str) -> None:
        """The gateway does less than it should, or all of it again ("full")."""
        context = {"condition": "supervision", "reason": f"{step}: {why}"}
        records: list[Record] = []
        for alarm, severity, stands in (
            (DEGRADED, "warning", step != "full"),
            (STOPPED, "alarm", step == "acquisition only"),
        ):
            told = {**context, "severity": severity}
            records += self._desk.say((self._gateway, alarm), stands, told, self._ledger.now_ns())
        await self._journalled(records)

    async def run(self) -> None:
        """What the clocks and the operators do to alarms, until cancelled."""
        seen = -1
        while True:
            now_ns = self._ledger.now_ns()
            heard = {} if self._deaf else self._intake.heard
            records = self._desk.tick(heard, time.monotonic_ns(), now_ns, self._intake.awaited)
            await self._journalled(records)
            changed = await self._ledger.ask(self._journal.changed)
            if changed != seen:
                seen = changed
                await self._answer()
            await asyncio.sleep(_LOOK_S)

    async def _answer(self) -> None:
        for number, body in await self._ledger.ask(self._journal.asked):
            if body["verb"] == relearn.VERB:
                answer = await self._relearn(body)
            else:
                answer, records = answered(self._desk, body, self._ledger.now_ns(), self._intake.heard, self._gateway)
                await self._journalled(records)
            await self._ledger.put(answers={number: answer}, urgent=True)

    async def _relearn(self, body: Mapping[str, Any]) -> str:
        states, fingerprint = self._known()
        try:
            names = relearn.alarms_meant(body, self._learning, states)
        except ConfigurationError as problem:
            return f"refused: {problem}"
        asset = str(body["asset"])
        states[asset] = relearn.forgotten(states[asset], names)
        self._forget.setdefault(asset, set()).update(names)
        record = relearn.event(body, names, self._ledger.now_ns())
        await self._journalled([record], {asset: states[asset]}, fingerprint)
        return str(record.body["text"])

    async def _journalled(
        self,
        records: Sequence[Record],
        states: Mapping[str, Any] | None = None,
        fingerprint: str = "",
        *,
        urgent: bool = True,
    ) -> None:
        """Says what people must hear, and takes all of it for the journal."""
        if not (records or states or self._desk.changed):
            return
        for record in records:
            if record.kind == "event" or (record.kind == "alarm" and record.body["announced"]):
                kind = record.body.get("kind", record.kind)
                log.info(record.body["text"], extra={"kind": kind, "asset": record.asset})
        cycles, self._desk.changed = self._desk.changed, {}
        await self._ledger.put(records, states=states, fingerprint=fingerprint, cycles=cycles, urgent=urgent)


def _desk(site: Site, cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> AlarmDesk:
    return AlarmDesk({**site.latching, **OWN}, site.silences, site.alarm_desk, cycles)
