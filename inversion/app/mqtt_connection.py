"""A connection to an MQTT 5 broker for one sink: made at the first message, made again when it is lost."""

from __future__ import annotations

import ssl
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from inversion.app.journal import Entry

if TYPE_CHECKING:
    from inversion.app.sinks.mqtt import MqttSink
    from inversion.app.sparkplug.edge import Edge
    from inversion.app.sparkplug.host import Host

_AGAIN_S = (1, 60)  # first and longest wait before a lost connection is made again
_IN_FLIGHT = 64

#: Topic, text, whether it is retained, properties.
Message = tuple[str, str, bool, Properties | None]


class Connection:
    """One connection, made at the first message; the library's thread makes it again when it is lost."""

    def __init__(self, sink: MqttSink) -> None:
        self._sink = sink
        self._client: paho.Client | None = None
        self._ready = threading.Event()
        self._problem = "no answer"
        self.edge: Edge | None = None
        self.host: Host | None = None
        self._left = False  # since the primary host went offline
        if sink.sparkplug_group:
            from inversion.app.sparkplug.edge import Edge
            from inversion.app.sparkplug.host import Host

            self.edge = Edge(sink.sparkplug_group, sink.sparkplug_node)
            self.host = Host(sink.sparkplug_host) if sink.sparkplug_host else None

    def tell(self, entries: Sequence[Entry]) -> None:
        """By Sparkplug; its messages have quality of service 0, one of ours behind them is confirmed after them."""
        assert self.edge is not None
        self.publish([])
        self.edge.tell(entries, self._say)
        self.publish([(f"{self._sink.prefix}/delivered", str(entries[-1].number) if entries else "", False, None)])

    def _say(self, topic: str, payload: bytes) -> None:
        if self._client is None or not self._ready.is_set():
            raise ConnectionError(f"the connection to the broker at {self._where} was lost")
        self._hand_over(self._client, topic, payload)

    def _hand_over(self, client: paho.Client, topic: str, payload: bytes) -> None:
        if client.publish(topic, payload, qos=0).rc != paho.MQTT_ERR_SUCCESS:
            raise ConnectionError(f"the connection to the broker at {self._where} was lost")

    def publish(self, messages: Sequence[Message]) -> None:
        """Raises ConnectionError where no connection is had in time, TimeoutError where nothing is confirmed."""
        if self._left and self._client is not None:
            self._client.loop_stop()
            self._client, self._left = None, False
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
            topic, payload, kept = self._last_words()
            self._client.publish(topic, payload, qos=1, retain=kept).wait_for_publish(self._sink.timeout_s)
        self._client.disconnect()
        self._client.loop_stop()
        self._client = None
        self._ready.clear()

    def _start(self) -> paho.Client:
        sink = self._sink
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=sink.client_id, protocol=paho.MQTTv5)
        client.reconnect_delay_set(*_AGAIN_S)
        client.max_queued_messages_set(_IN_FLIGHT)
        client.on_connect, client.on_disconnect = self._connected, self._lost
        client.on_connect_fail = self._failed
        client.on_message = self._commanded
        if sink.secured:
            client.tls_set_context(self._context())  # raises where the files are none; afterwards they are read anew
        client.on_pre_connect = lambda connecting, _: self._prepare(connecting)
        self._identify(client)
        clean = paho.MQTT_CLEAN_START_FIRST_ONLY if self.edge is None else True
        port = sink.port or (8883 if sink.secured else 1883)
        client.connect_async(sink.host, port, sink.keepalive_s, clean_start=clean)
        client.loop_start()
        return client

    def _last_words(self) -> tuple[str, bytes, bool]:
        """Topic, payload, and whether it is retained, of what is said at the end."""
        return (*self.edge.death(), False) if self.edge is not None else (self._status, b"offline", True)

    def _prepare(self, client: paho.Client) -> None:
        if self.edge is not None:
            client.will_set(*self.edge.will(), qos=1, retain=False)
        else:
            client.will_set(self._status, b"offline", qos=1, retain=True)
        try:
            self._identify(client)
            if self._sink.secured:
                context = self._context()
                client._ssl_context = None  # else the library takes no other, and trusts for ever whom it trusted once
                client.tls_set_context(context)
        except ConnectionError as problem:
            self._problem = str(problem)

    def _identify(self, client: paho.Client) -> None:
        if self._sink.username:
            password = self._sink.password
            client.username_pw_set(self._sink.username, password.text() if password.given else None)

    def _context(self) -> ssl.SSLContext:
        sink, context = self._sink, ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if sink.ca is not None:
                context.load_verify_locations(sink.ca)
            if sink.certificate is not None:
                context.load_cert_chain(sink.certificate, sink.key)
        except (OSError, ssl.SSLError) as problem:
            raise ConnectionError(f"certificate or key cannot be used: {problem}") from problem
        return context

    def _connected(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._problem = f"refused: {reason}"
            return
        if self.edge is None:
            client.publish(self._status, b"online", qos=1, retain=True)
        else:
            client.subscribe(self.edge.commands, qos=1)
            if self.host is not None and not self._left:
                self.host.online = False  # until it says so to this connection
                self._problem = f"host {self.host.name!r} is not online"
                client.subscribe(self.host.topic, qos=1)
                return
            self._bear(client)
        self._ready.set()

    def _bear(self, client: paho.Client) -> None:
        assert self.edge is not None
        with suppress(ConnectionError):  # lost again: the next connection has births of its own
            self.edge.born(lambda topic, payload: self._hand_over(client, topic, payload))

    def _commanded(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        if self.host is not None and message.topic == self.host.topic:
            if self.host.heard(bytes(message.payload)):
                self._turned(client)
        elif self.edge is not None and self._ready.is_set():
            with suppress(ConnectionError):
                self.edge.commanded(
                    bytes(message.payload), lambda topic, payload: self._hand_over(client, topic, payload)
                )

    def _turned(self, client: paho.Client) -> None:
        """The primary host is there, or there no more: then this node dies, and leaves the broker."""
        assert self.edge is not None
        assert self.host is not None
        if self.host.online:
            self._bear(client)
            self._ready.set()
            return
        self._problem, self._left = f"host {self.host.name!r} is not online", True
        if self._ready.is_set():
            self._ready.clear()
            topic, payload = self.edge.death()
            client.publish(topic, payload, qos=1)
            client.disconnect()

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
