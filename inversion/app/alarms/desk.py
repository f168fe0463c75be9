"""The alarm desk: what findings, the clock and people do to every alarm of every asset.

The worker says whether a condition stands (`alarms` of a finding); the desk keeps the life cycle of ANSI/ISA-18.2 and
says what changed, one record a change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inversion.alerts import SilenceRule, lifecycle
from inversion.alerts.flood import Flood, announce, pass_time
from inversion.alerts.lifecycle import LifeCycle
from inversion.app.alarm_options import OWN, DeskOptions
from inversion.app.alarms.telling import change, of_finding, of_silence
from inversion.app.clock.clock import STEP_NS, Setting
from inversion.app.journal import Event, Record

Key = tuple[str, str]
_NS = 1_000_000_000


class AlarmDesk:
    """Life cycles by (asset, alarm).

    latching: of every alarm of the site, by name: whether it stays until it is reset
    cycles: as the journal has them; those of alarms that the site does not have any more end (`end_removed`)
    `changed` holds the life cycles that the journal does not have yet; whoever stores them clears it.
    """

    def __init__(
        self,
        latching: Mapping[str, bool],
        silences: Sequence[SilenceRule],
        options: DeskOptions,
        cycles: Mapping[Key, Mapping[str, Any]],
    ) -> None:
        self._latching, self._silences, self.options = latching, silences, options
        known = {key: LifeCycle.from_dict(cycle) for key, cycle in cycles.items()}
        self.cycles = {key: cycle for key, cycle in known.items() if self._of_this_site(key)}
        self._removed = {key: cycle for key, cycle in known.items() if key not in self.cycles}
        self.changed: dict[Key, Mapping[str, Any]] = {}
        self._context: dict[Key, Mapping[str, Any]] = {}
        self._touched: set[Key] = set()  # by the clock as it is set now, or was set earlier since the start
        self._flood = Flood()

    def successor(
        self, latching: Mapping[str, bool], silences: Sequence[SilenceRule], options: DeskOptions
    ) -> AlarmDesk:
        """A desk for changed alarms, with the life cycles of those that remain."""
        cycles = {key: cycle.to_dict() for key, cycle in self.cycles.items()}
        after = AlarmDesk(latching, silences, options, cycles)
        after.changed, after._context, after._flood = self.changed, self._context, self._flood
        after._touched = self._touched
        return after

    def end_removed(self, now_ns: int) -> list[Record]:
        """Alarms that stood, or were put aside, when they were taken out of the site: nothing else would end them."""
        records = []
        why = {"by": "configuration", "comment": "not of this site any more"}
        for key, cycle in self._removed.items():
            if cycle.state != "normal":
                after, context = LifeCycle(since_ns=now_ns), self._context.get(key, {})
                self.changed[key] = after.to_dict()
                records.append(change(key, cycle.state, after, context, **why, announced=True, now_ns=now_ns))
        self._removed = {}
        return records

    def resume(self, before: Setting | None, now: Setting, now_ns: int) -> list[Record]:
        """What the clock did while no gateway ran. before: how it was set when the life cycles were stored

        How much of a shelving is left cannot be told where the box was started anew and its clock is not known, or was
        not: it ends.
        """
        self._touched = set(self.cycles)
        if before is not None and before.boot == now.boot:
            self.clock_set(now.offset_ns - before.offset_ns)
            return []
        self._touched = set()
        if now.trusted and (before is None or before.trusted):
            return []
        shelved = [key for key, cycle in self.cycles.items() if cycle.shelved_until_ns is not None]
        ended = [(key, lifecycle.unshelve(self.cycles[key], now_ns)) for key in shelved]
        return [record for key, cycle in ended for record in self._become(key, cycle, "clock", now_ns)]

    def clock_set(self, by_ns: int) -> None:
        """Moves the times of what was told since the start: a shelving lasts as long as was said."""
        for key in self._touched if abs(by_ns) > STEP_NS else ():
            cycle = self.cycles[key]
            until_ns = None if cycle.shelved_until_ns is None else cycle.shelved_until_ns + by_ns
            self.cycles[key] = replace(cycle, since_ns=cycle.since_ns + by_ns, shelved_until_ns=until_ns)
            self.changed[key] = self.cycles[key].to_dict()
        self._flood = replace(self._flood, times_ns=tuple(time_ns + by_ns for time_ns in self._flood.times_ns))

    def recall_flood(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """The flood that these changes of alarms, the oldest first, have left behind."""
        for body in changes:
            if body["to"] == "unacknowledged":
                severity = str(body.get("severity", "alarm"))
                self._flood, _ = announce(self.options.flood, self._flood, severity, int(body["time_ns"]))

    def know(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Recalls what the last findings said, so that what people do to an alarm is told with it."""
        for finding in findings:
            for alarm in finding["alarms"]:
                self._context[finding["asset"], alarm["name"]] = of_finding(finding, alarm)

    def must_be(self, key: Key, assets: Collection[str], gateway: str) -> None:
        """Raises KeyError for an alarm that cannot come: its name, or that of its asset, is another.

        assets: that sources name, or that were heard of; gateway: what the gateway calls itself in its own alarms
        """
        asset, alarm = key
        if alarm not in self._latching:
            raise KeyError(f"no alarm {alarm!r}, there are: {', '.join(self._latching)}")
        known = {gateway} if alarm in OWN else {*assets, *(each for each, name in self._context if name not in OWN)}
        if key not in self.cycles and asset not in known:
            raise KeyError(f"no asset {asset!r} has the alarm {alarm!r}, there are: {', '.join(sorted(known))}")

    def judge(self, findings: Sequence[Mapping[str, Any]], now_ns: int) -> list[Record]:
        """What these findings change, in order."""
        records: list[Record] = []
        for finding in findings:
            self.know([finding])
            for alarm in finding["alarms"]:
                key = (finding["asset"], alarm["name"])
                stands = alarm["state"] in ("active", "clearing")
                records += self._sense(key, stands, bool(alarm.get("suppressed")), now_ns)
        return records

    def tick(
        self, heard: Mapping[str, int], monotonic_ns: int, now_ns: int, awaited: Collection[str] = ()
    ) -> list[Record]:
        """What the clocks change: shelvings that end, assets that are silent (last heard of, monotonic), a flood.

        awaited: assets that were not heard of since the gateway was started; it begins to wait for them then, but
        only they themselves end an alarm on their silence
        """
        records: list[Record] = []
        for key, cycle in list(self.cycles.items()):
            records += self._become(key, lifecycle.expire(cycle, now_ns), "clock", now_ns)
        for rule in self._silences:
            for asset in rule.assets or tuple(heard):
                if asset in heard:
                    key = (asset, rule.name)
                    stood = asset in awaited and self.cycles.get(key, LifeCycle()).active
                    silent_s = max((monotonic_ns - heard[asset]) / _NS, rule.after_s if stood else 0.0)
                    self._context[key] = of_silence(rule, silent_s)
                    records += self._sense(key, stood or rule.silent(heard[asset], monotonic_ns), False, now_ns)
        return records + self._flood_over(now_ns)

    def say(self, key: Key, stands: bool, context: Mapping[str, Any], now_ns: int) -> list[Record]:
        """What an alarm that no finding judges changes; context: severity, condition and reason."""
        self._context[key] = context
        return self._sense(key, stands, False, now_ns)

    def act(self, key: Key, move: Callable[[LifeCycle], LifeCycle], by: str, comment: str, now_ns: int) -> list[Record]:
        """What an operator changes. Raises NotAllowed."""
        return self._become(key, move(self.cycles.get(key, LifeCycle())), by, now_ns, comment)

    def _of_this_site(self, key: Key) -> bool:
        asset, alarm = key
        meant = next((rule.assets for rule in self._silences if rule.name == alarm), ())
        return alarm in self._latching and (not meant or asset in meant)

    def _sense(self, key: Key, stands: bool, suppressed: bool, now_ns: int) -> list[Record]:
        before = self.cycles.get(key, LifeCycle())
        after = lifecycle.sense(before, stands, suppressed, self._latching.get(key[1], False), now_ns)
        return self._become(key, after, "process", now_ns)

    def _become(self, key: Key, after: LifeCycle, by: str, now_ns: int, comment: str = "") -> list[Record]:
        before = self.cycles.get(key, LifeCycle())
        if after == before:
            return []
        self.cycles[key] = after
        self.changed[key] = after.to_dict()
        self._touched.add(key)
        if after.state == before.state:
            return []
        context = self._context.get(key, {})
        told, records = self._announced(after, by, str(context.get("severity", "alarm")), now_ns)
        record = change(key, before.state, after, context, by=by, comment=comment, announced=told, now_ns=now_ns)
        return [*records, record]

    def _announced(self, after: LifeCycle, by: str, severity: str, now_ns: int) -> tuple[bool, list[Record]]:
        """Whether people are told now, and what is to be said of a flood that begins."""
        if after.state != "unacknowledged":
            return not (self._flood.on and by == "process" and severity == "warning"), []
        was_on = self._flood.on
        self._flood, told = announce(self.options.flood, self._flood, severity, now_ns)
        if self._flood.on and not was_on:
            count, within_s = len(self._flood.times_ns), self.options.flood.window_s
            text = f"alarm flood: {count} alarms within {within_s:g} s; warnings wait"
            return told, [Event(now_ns, "alarm_flood", text).record()]
        return told, []

    def _flood_over(self, now_ns: int) -> list[Record]:
        before, self._flood = self._flood, pass_time(self.options.flood, self._flood, now_ns)
        if not before.on or self._flood.on:
            return []
        standing = sum(cycle.standing for cycle in self.cycles.values())
        text = f"alarm flood over: {before.held} warnings were not announced; {standing} alarms stand"
        return [Event(now_ns, "alarm_flood_over", text).record()]
