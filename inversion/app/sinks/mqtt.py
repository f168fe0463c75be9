"""Findings, alarms and events to an MQTT 5 broker, over TLS with a certificate of our own where there is one.

Topics, each under the site's prefix; names of assets and alarms are percent-encoded where MQTT reserves a character:

    PREFIX/status                       "online" or, as the last will, "offline"; retained
    PREFIX/asset/ASSET/finding          the finding by its JSON contract; the newest is retained
    PREFIX/asset/ASSET/alarm/ALARM      a change of an alarm by its JSON contract; the newest is retained
    PREFIX/event                        what else happened; not retained

Every message has the user properties `journal`, `asset`, `sequence`, which name its record for ever: after a crash or a
lost connection a record may come twice (quality of service 1), and a subscriber can tell.

With a `sparkplug_group` it is an edge node of Sparkplug B instead (`inversion/app/sparkplug/edge.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from inversion.app.bounds import LONGEST_S, check_within
from inversion.app.journal import Entry
from inversion.app.mqtt_connection import Connection, Message
from inversion.app.secret import Secret
from inversion.core import dumps
from sensors.hostname import proper_host

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class MqttSink:
    """Publishes every record with quality of service 1 and waits until the broker has it.

    port: by default 8883 with TLS, 1883 without; prefix: of all topics
    ca, certificate, key: PEM files; any of them turns TLS on. They are read anew at each connection, so a certificate
        that is replaced on disk is used at the next one
    username, password_file or password_environment: only over TLS, or on this machine; the first line of the file, or
        the variable of the environment, is the password
    sparkplug_group, sparkplug_node: both given, Sparkplug B is spoken: an asset is a device of the node
    sparkplug_host: id of a primary host; while it is not online everything waits in the journal
    """

    host: str
    port: int | None = None
    prefix: str = "inversion"
    client_id: str = ""
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    username: str = ""
    password_file: Path | None = None
    password_environment: str = ""
    keepalive_s: int = 30
    timeout_s: float = 10.0
    sparkplug_group: str = ""
    sparkplug_node: str = ""
    sparkplug_host: str = ""

    def __post_init__(self) -> None:
        try:
            proper_host(self.host)
        except ValueError as problem:
            raise ValueError(f"host {problem}") from None
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"port must lie between 1 and 65535, got {self.port}")
        if not self.prefix or self.prefix.startswith("$") or any(each in self.prefix for each in "+#\0"):
            raise ValueError(f"prefix must be a topic without +, # and a leading $, got {self.prefix!r}")
        if self.prefix.endswith("/"):
            raise ValueError(f"prefix must not end with a slash, which follows anyway, got {self.prefix!r}")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together, found only one of them")
        if self.password.given and not self.username:
            raise ValueError(f"{'password_file' if self.password_file else 'password_environment'} needs a username")
        if self.password.given and not self.secured and self.host not in _LOOPBACK:
            raise ValueError("a password is sent only over TLS or to this machine; give tls = true, or ca")
        why = "so long, and half as long again, the broker takes to tell that this gateway is gone"
        check_within("keepalive_s", self.keepalive_s, 5, 3600, "s", why)
        check_within("timeout_s", self.timeout_s, 0.1, LONGEST_S, "s", "a broker that hangs holds all up so long")
        named = (self.sparkplug_group, self.sparkplug_node)
        if all(named) != any(named) or any(each in "".join(named) for each in "+#/\0"):
            raise ValueError(f"sparkplug_group and sparkplug_node belong together, without +, # and /, got {named}")
        if self.sparkplug_host and (not any(named) or any(each in self.sparkplug_host for each in "+#/\0")):
            raise ValueError("sparkplug_host goes with sparkplug_group and sparkplug_node, without +, # and /")
        if any(named) and (find_spec("google") is None or find_spec("google.protobuf") is None):
            raise ValueError("sparkplug_group needs protobuf: pip install 'edge-inversion[sparkplug]'")

    @property
    def password(self) -> Secret:
        """Where it stands."""
        return Secret("password", self.password_file, self.password_environment)

    @property
    def secured(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or self.ca is not None or self.certificate is not None

    @property
    def takes(self) -> tuple[tuple[str, str, str], ...]:
        """What no other sink may have: a client id, whatever port of its broker is used, and names on that broker."""
        host = "this machine" if self.host.lower() in _LOOPBACK else self.host.lower().removesuffix(".")
        broker = f"at the broker {host}:{self.port or (8883 if self.secured else 1883)}"
        taken = []
        if self.client_id:
            what = f"client id {self.client_id!r} at {host}"
            taken.append(("client_id", what, "a broker ends the elder of two connections of one id, each time anew"))
        if self.sparkplug_group:
            node = f"edge node {self.sparkplug_group}/{self.sparkplug_node} {broker}"
            taken.append(("sparkplug_node", node, "hosts would see one node with two sequences of numbers"))
        else:
            what = f"prefix {self.prefix!r} {broker}"
            taken.append(
                ("prefix", what, "every message would come twice, and the end of one would be told as the end of both")
            )
        return tuple(taken)

    async def open(self, last: Sequence[Entry], cycles: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Of Sparkplug: is born, with what was known before. Raises ConnectionError."""
        if self._connection.edge is not None:
            self._connection.edge.recall(last, cycles)
            await asyncio.to_thread(self._connection.tell, ())

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, without names of their records. Raises ConnectionError or TimeoutError."""
        if self._connection.edge is not None:
            now_ns = time.time_ns()
            await self.write_records([Entry(0, "finding", str(f["asset"]), 0, "", now_ns, f) for f in findings])
            return
        messages = [(self._finding_topic(finding), dumps(dict(finding)), True, None) for finding in findings]
        await asyncio.to_thread(self._connection.publish, messages)

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises ConnectionError or TimeoutError; what the broker has by then may come a second time."""
        if self._connection.edge is not None:
            await asyncio.to_thread(self._connection.tell, entries)
        else:
            await asyncio.to_thread(self._connection.publish, [self._message(entry) for entry in entries])

    async def close(self) -> None:
        """Says "offline" and ends the connection."""
        await asyncio.to_thread(self._connection.close)

    @cached_property
    def _connection(self) -> Connection:
        return Connection(self)

    def _message(self, entry: Entry) -> Message:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = [
            ("journal", entry.journal),
            ("asset", entry.asset),
            ("sequence", str(entry.sequence)),
        ]
        if entry.kind == "finding":
            topic, kept = self._finding_topic(entry.body), True
        elif entry.kind == "alarm":
            topic, kept = f"{self.prefix}/asset/{_level(entry.asset)}/alarm/{_level(entry.body['alarm'])}", True
        else:
            topic, kept = f"{self.prefix}/event", False
        return topic, dumps(dict(entry.body)), kept, properties

    def _finding_topic(self, finding: Mapping[str, Any]) -> str:
        return f"{self.prefix}/asset/{_level(finding['asset'])}/finding"


def _level(name: str) -> str:
    """A name as one level of a topic."""
    return quote(name, safe=" ()[]{}<>=!*,;:@&'\"|~^`?$\\") or "-"
