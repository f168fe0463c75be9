"""An edge node of Sparkplug B: births, data and deaths in their order, each asset a device.

Source: Sparkplug 3.0.0, chapters 5 (operational behavior) and 6 (payloads).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from inversion.app.journal import Entry
from inversion.app.serving.picture import Annunciation, Picture
from inversion.app.sparkplug.payload import BOOLEAN, DATETIME, DOUBLE, INT64, STRING, Metric, asks_for_rebirth, encoded

_REBIRTH_S = 1.0
_LAST_EVENT = "events/last"

#: Hands a message to the broker's connection; raises ConnectionError where there is none.
Publish = Callable[[str, bytes], None]


class Edge:
    """What is known of every device, and the numbers of messages. May be used from several threads."""

    def __init__(self, group: str, node: str) -> None:
        self._group, self._node = group, node
        self._alone = threading.RLock()
        self._picture = Picture(math.inf)
        self._devices: dict[str, dict[str, Metric]] = {}
        self._event = Metric(_LAST_EVENT, STRING, None, 0)
        self._bd_seq, self._seq = -1, 0
        self._reborn_s = -math.inf

    @property
    def commands(self) -> str:
        """Topic of what a host asks of this node."""
        return self._topic("NCMD")

    def recall(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Takes what the journal holds from before, for the births."""
        with self._alone:
            self._picture.recall(last, cycles, time.time_ns(), time.monotonic())
            for entry in last:
                self._known(entry.asset, self._of_finding(entry))
            for (asset, alarm), told in self._picture.alarms().items():
                self._known(asset, _of_alarm(alarm, told, _now_ms()))

    def will(self) -> tuple[str, bytes]:
        """The death certificate of the connection that is made next."""
        with self._alone:
            self._bd_seq = (self._bd_seq + 1) % 256
            return self.death()

    def death(self) -> tuple[str, bytes]:
        """The death certificate of the connection that there is."""
        return self._topic("NDEATH"), encoded([self._birth_number()], _now_ms(), None)

    def born(self, publish: Publish) -> None:
        """The birth certificates of the node and of all its devices."""
        with self._alone:
            self._seq = 255
            control = Metric("Node Control/Rebirth", BOOLEAN, False, _now_ms())
            self._say(publish, self._topic("NBIRTH"), [self._birth_number(), control, self._event], birth=True)
            for asset in self._devices:
                self._bear(publish, asset)

    def commanded(self, message: bytes, publish: Publish) -> None:
        """Is born again where a host asks for it, once a second at most."""
        if not asks_for_rebirth(message) or time.monotonic() - self._reborn_s < _REBIRTH_S:
            return
        self._reborn_s = time.monotonic()
        self.born(publish)

    def tell(self, entries: Sequence[Entry], publish: Publish) -> None:
        """Data of every record, in order; all but the newest of an asset are historical."""
        newest = {_subject(entry): entry.number for entry in entries}
        with self._alone:
            for entry in entries:
                self._tell(entry, newest[_subject(entry)] != entry.number, publish)

    def _tell(self, entry: Entry, historical: bool, publish: Publish) -> None:
        if entry.kind == "event":
            told = Metric(_LAST_EVENT, STRING, str(entry.body["text"]), entry.time_ns // 1_000_000, "", historical)
            self._event = replace(told, historical=False)
            self._say(publish, self._topic("NDATA"), [told])
            return
        self._picture.take([entry], time.time_ns(), time.monotonic())
        if entry.kind == "finding":
            metrics = self._of_finding(entry)
        else:
            alarm = str(entry.body["alarm"])
            metrics = _of_alarm(alarm, self._picture.alarm(entry.asset, alarm), entry.time_ns // 1_000_000)
        if self._known(entry.asset, metrics):
            self._bear(publish, entry.asset)
        else:
            told_now = [replace(each, historical=historical) for each in metrics]
            self._say(publish, self._topic("DDATA", entry.asset), told_now)

    def _known(self, asset: str, metrics: Sequence[Metric]) -> bool:
        """Remembers them; whether one is new, which only a birth may tell of."""
        device = self._devices.setdefault(asset, {})
        new = any(each.name not in device for each in metrics)
        device.update({each.name: each for each in metrics})
        return new

    def _bear(self, publish: Publish, asset: str) -> None:
        self._say(publish, self._topic("DBIRTH", asset), list(self._devices[asset].values()), birth=True)

    def _say(self, publish: Publish, topic: str, metrics: Sequence[Metric], birth: bool = False) -> None:
        self._seq = (self._seq + 1) % 256
        publish(topic, encoded(metrics, _now_ms(), self._seq, birth))

    def _of_finding(self, entry: Entry) -> list[Metric]:
        body, made_ms = entry.body, entry.time_ns // 1_000_000
        metrics = [
            Metric("quality", STRING, body["fit"]["quality"], made_ms),
            Metric("sequence", INT64, entry.sequence, made_ms),
            Metric("window_start", DATETIME, max(0, body["start_ns"] // 1_000_000), made_ms),
        ]
        for name in body["parameters"]:
            value, path = self._picture.value(entry.asset, name, time.monotonic()), _part(name)
            for part, number in (("value", value.mean), ("low", value.low), ("high", value.high)):
                told = None if math.isnan(number) else number
                metrics.append(Metric(f"{path}/{part}", DOUBLE, told, made_ms, value.unit))
            metrics.append(Metric(f"{path}/status", STRING, value.status.name.lower().replace("_", " "), made_ms))
        return metrics

    def _birth_number(self) -> Metric:
        return Metric("bdSeq", INT64, self._bd_seq, _now_ms())

    def _topic(self, kind: str, device: str = "") -> str:
        topic = f"spBv1.0/{self._group}/{kind}/{self._node}"
        return f"{topic}/{_part(device)}" if device else topic


def _of_alarm(alarm: str, told: Annunciation, time_ms: int) -> list[Metric]:
    path = f"alarms/{_part(alarm)}"
    return [
        Metric(f"{path}/state", STRING, told.state, time_ms),
        Metric(f"{path}/calls", BOOLEAN, told.calls, time_ms),
        Metric(f"{path}/unacknowledged", BOOLEAN, told.unacknowledged, time_ms),
    ]


def _subject(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.asset, str(entry.body.get("alarm", ""))


def _part(name: str) -> str:
    """A name as one part of a topic or of a metric's name."""
    return quote(name, safe=" ()[]{}<>=!*,;:@&'\"|~^`?$\\")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
