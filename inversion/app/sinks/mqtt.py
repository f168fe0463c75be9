"""Findings, alarms and events to an MQTT 5 broker, over TLS with a certificate of our own where there is one.

Topics, each under the site's prefix; names of assets and alarms are percent-encoded where MQTT reserves a character:

    PREFIX/status                       "online" or, as the last will, "offline"; retained
    PREFIX/asset/ASSET/finding          the finding by its JSON contract; the newest is retained
    PREFIX/asset/ASSET/alarm/ALARM      a change of an alarm by its JSON contract; the newest is retained
    PREFIX/event                        what else happened; not retained

Every message has the user properties `journal`, `asset`, `sequence`, which name its record for ever: after a crash or a
lost connection a record may come twice (quality of service 1), and a subscriber can tell.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from inversion.app.journal import Entry
from inversion.core import dumps

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_AGAIN_S = (1, 60)  # first and longest wait before a lost connection is made again
_IN_FLIGHT = 64


@dataclass(frozen=True)
class MqttSink:
    """Publishes every record with quality of service 1 and waits until the broker has it.

    port: by default 8883 with TLS, 1883 without; prefix: of all topics
    ca, certificate, key: PEM files; any of them turns TLS on. They are read anew at each connection, so a certificate
        that is replaced on disk is used at the next one
    username, password_file: only over TLS, or on this machine; the first line of the file is the password
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
    keepalive_s: int = 30
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("host must be given")
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"port must lie between 1 and 65535, got {self.port}")
        if not self.prefix or self.prefix.startswith("$") or any(each in self.prefix for each in "+#\0"):
            raise ValueError(f"prefix must be a topic without +, # and a leading $, got {self.prefix!r}")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together, found only one of them")
        if self.password_file is not None and not self.username:
            raise ValueError("password_file needs a username")
        if self.password_file is not None and not self.secured and self.host not in _LOOPBACK:
            raise ValueError("a password is sent only over TLS or to this machine; give tls = true, or ca")
        if not 5 <= self.keepalive_s <= 3600 or not self.timeout_s > 0:
            raise ValueError("keepalive_s must lie between 5 and 3600, timeout_s must be positive")

    @property
    def secured(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or self.ca is not None or self.certificate is not None

    async def write(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Findings alone, without names of their records. Raises ConnectionError or TimeoutError."""
        messages = [(self._finding_topic(finding), dumps(dict(finding)), True, None) for finding in findings]
        await asyncio.to_thread(self._connection.publish, messages)

    async def write_records(self, entries: Sequence[Entry]) -> None:
        """Raises ConnectionError or TimeoutError; what the broker has by then may come a second time."""
        await asyncio.to_thread(self._connection.publish, [self._message(entry) for entry in entries])

    async def close(self) -> None:
        """Says "offline" and ends the connection."""
        await asyncio.to_thread(self._connection.close)

    @cached_property
    def _connection(self) -> _Connection:
        return _Connection(self)

    def _message(self, entry: Entry) -> _Message:
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


_Message = tuple[str, str, bool, Properties | None]


def _level(name: str) -> str:
    """A name as one level of a topic."""
    return quote(name, safe=" ()[]{}<>=!*,;:@&'\"|~^`?$\\") or "-"


class _Connection:
    """One connection, made at the first message; the library's thread makes it again when it is lost."""

    def __init__(self, sink: MqttSink) -> None:
        self._sink = sink
        self._client: paho.Client | None = None
        self._ready = threading.Event()
        self._problem = "no answer"

    def publish(self, messages: Sequence[_Message]) -> None:
        """Raises ConnectionError where no connection is had in time, TimeoutError where nothing is confirmed."""
        if self._client is None:
            self._client = self._start()
        deadline = time.monotonic() + self._sink.timeout_s
        if not self._ready.wait(self._sink.timeout_s):
            raise ConnectionError(f"no connection to the broker at {self._where}: {self._problem}")
        for first in range(0, len(messages), _IN_FLIGHT):
            sent = [
                self._client.publish(topic, text.encode(), qos=1, retain=kept, properties=properties)
                for topic, text, kept, properties in messages[first : first + _IN_FLIGHT]
            ]
            for each in sent:
                if each.rc != paho.MQTT_ERR_SUCCESS:
                    raise ConnectionError(f"the connection to the broker at {self._where} was lost")
                each.wait_for_publish(max(0.0, deadline - time.monotonic()))
                if not each.is_published():
                    raise TimeoutError(f"the broker at {self._where} confirmed nothing for {self._sink.timeout_s:g} s")

    def close(self) -> None:
        if self._client is None:
            return
        if self._ready.is_set():
            self._client.publish(self._status, b"offline", qos=1, retain=True).wait_for_publish(self._sink.timeout_s)
        self._client.disconnect()
        self._client.loop_stop()
        self._client = None
        self._ready.clear()

    def _start(self) -> paho.Client:
        sink = self._sink
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=sink.client_id, protocol=paho.MQTTv5)
        client.will_set(self._status, b"offline", qos=1, retain=True)
        client.reconnect_delay_set(*_AGAIN_S)
        client.max_queued_messages_set(_IN_FLIGHT)
        client.on_connect, client.on_disconnect = self._connected, self._lost
        client.on_connect_fail = self._failed
        if sink.secured:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._load(context)  # raises where the files are none; afterwards they are read anew
            client.tls_set_context(context)
        client.on_pre_connect = lambda connecting, _: self._prepare(connecting, context if sink.secured else None)
        self._identify(client)
        client.connect_async(sink.host, sink.port or (8883 if sink.secured else 1883), sink.keepalive_s)
        client.loop_start()
        return client

    def _prepare(self, client: paho.Client, context: ssl.SSLContext | None) -> None:
        try:
            self._identify(client)
            if context is not None:
                self._load(context)
        except ConnectionError as problem:
            self._problem = str(problem)

    def _identify(self, client: paho.Client) -> None:
        if self._sink.username:
            client.username_pw_set(self._sink.username, self._password())

    def _load(self, context: ssl.SSLContext) -> None:
        sink = self._sink
        try:
            if sink.ca is not None:
                context.load_verify_locations(sink.ca)
            if sink.certificate is not None:
                context.load_cert_chain(sink.certificate, sink.key)
        except (OSError, ssl.SSLError) as problem:
            raise ConnectionError(f"certificate or key cannot be used: {problem}") from problem

    def _password(self) -> str | None:
        if self._sink.password_file is None:
            return None
        try:
            lines = self._sink.password_file.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise ConnectionError(f"password_file cannot be read: {problem}") from problem
        return lines[0].strip() if lines else ""

    def _connected(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._problem = f"refused: {reason}"
            return
        client.publish(self._status, b"online", qos=1, retain=True)
        self._ready.set()

    def _lost(self, _: Any, __: Any, ___: Any, reason: ReasonCode, ____: Any) -> None:
        if self._ready.is_set() and reason.is_failure:  # else it was refused, and that was said
            self._problem = f"lost: {reason}"
        self._ready.clear()

    def _failed(self, _: Any, __: Any) -> None:
        problem = sys.exc_info()[1]
        self._problem = (
            problem.verify_message if isinstance(problem, ssl.SSLCertVerificationError) else str(problem or "no answer")
        )

    @property
    def _status(self) -> str:
        return f"{self._sink.prefix}/status"

    @property
    def _where(self) -> str:
        return f"{self._sink.host}:{self._sink.port or (8883 if self._sink.secured else 1883)}"
