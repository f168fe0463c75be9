"""Findings reach a real broker (mosquitto), over mutual TLS too; nothing is lost while it is away."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
from contextlib import contextmanager

import pytest
from modbus_rig import Authority
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from inversion.app.journal import Entry
from inversion.app.sinks.mqtt import MqttSink

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs the broker mosquitto")

PLAIN = "listener {port} 127.0.0.1\nallow_anonymous true\n"
MUTUAL = """\
listener {port} 127.0.0.1
cafile {ca}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
"""
PASSWORD = "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"


class Broker:
    """mosquitto as its own process, which can be ended and started again at the same port."""

    def __init__(self, folder, text, free_port, **files):
        self.port = free_port
        self._path = folder / "mosquitto.conf"
        self._path.write_text("user root\n" + text.format(port=free_port, **files))

    @contextmanager
    def running(self):
        with subprocess.Popen([MOSQUITTO, "-c", self._path], stderr=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stderr:
                    if "running" in line:
                        break
                else:
                    pytest.fail("the broker did not start")
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.stderr.read()


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def broker(tmp_path, free_port):
    return Broker(tmp_path, PLAIN, free_port)


@contextmanager
def subscribed(broker, tls=None):
    """A queue of all that is published."""
    heard: queue.Queue = queue.Queue()
    ready: queue.Queue = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda *_: client.subscribe("#", qos=1)
    client.on_subscribe = lambda *_: ready.put(None)
    client.on_message = lambda _, __, message: heard.put(message)
    if tls is not None:
        client.tls_set_context(tls)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        ready.get(timeout=10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def entry(kind="finding", sequence=1, asset="fan 3", **body):
    return Entry(sequence, kind, asset, sequence, "a1b2", 0, {"asset": asset, **body})


def publish(sink, *entries):
    asyncio.run(sink.write_records(entries))


def close(sink):
    asyncio.run(sink.close())


def heard_of(heard, topic):
    while True:
        message = heard.get(timeout=10)
        if message.topic == topic:
            return message


def test_records_arrive_with_their_names(broker):
    sink = MqttSink("127.0.0.1", broker.port, prefix="plant/line 1")
    with broker.running(), subscribed(broker) as heard:
        publish(sink, entry(start="now"), entry("alarm", 2, alarm="too wide"), entry("event", 3, text="a sink failed"))
        assert heard.get(timeout=10).payload == b"online"
        finding = heard_of(heard, "plant/line 1/asset/fan 3/finding")
        assert json.loads(finding.payload) == {"asset": "fan 3", "start": "now"}
        assert dict(finding.properties.UserProperty) == {"journal": "a1b2", "asset": "fan 3", "sequence": "1"}
        assert json.loads(heard_of(heard, "plant/line 1/asset/fan 3/alarm/too wide").payload)["alarm"] == "too wide"
        assert json.loads(heard_of(heard, "plant/line 1/event").payload)["text"] == "a sink failed"
        close(sink)
        assert heard_of(heard, "plant/line 1/status").payload == b"offline"


def test_the_newest_finding_is_retained_and_names_cannot_leave_their_level(broker):
    sink = MqttSink("127.0.0.1", broker.port)
    with broker.running():
        publish(sink, entry(asset="a/+/#", value=1), entry(asset="a/+/#", sequence=2, value=2))
        with subscribed(broker) as heard:
            message = heard_of(heard, "inversion/asset/a%2F%2B%2F%23/finding")
            assert message.retain
            assert json.loads(message.payload)["value"] == 2
        close(sink)


def test_a_broker_that_is_away_fails_the_delivery_and_gets_it_later(broker):
    """The gateway tries a delivery again; here the test does. Each record comes at least once."""
    sink = MqttSink("127.0.0.1", broker.port, timeout_s=0.3)
    with pytest.raises(ConnectionError, match=f"no connection to the broker at 127.0.0.1:{broker.port}: .*refused"):
        publish(sink, entry(value=1))
    with broker.running():
        publish_until_taken(sink, entry(value=1))
    with pytest.raises((ConnectionError, TimeoutError)):
        publish(sink, entry(sequence=2, value=2))
    with broker.running(), subscribed(broker) as heard:
        publish_until_taken(sink, entry(sequence=2, value=2))
        message = heard_of(heard, "inversion/asset/fan 3/finding")
        assert json.loads(message.payload)["value"] == 2
        close(sink)


def publish_until_taken(sink, *entries, tries=30):
    for _ in range(tries):
        try:
            return publish(sink, *entries)
        except (ConnectionError, TimeoutError):
            continue
    pytest.fail("the broker came back, but the sink did not")


def test_a_lost_gateway_is_said_by_its_last_will(broker):
    sink = MqttSink("127.0.0.1", broker.port)
    with broker.running(), subscribed(broker) as heard:
        publish(sink, entry())
        assert heard_of(heard, "inversion/status").payload == b"online"
        cut(sink)
        assert heard_of(heard, "inversion/status").payload == b"offline"


def cut(sink):
    """The process is gone, as the broker sees it: the connection ends without a farewell."""
    client = sink._connection._client
    client.on_pre_connect = lambda *_: client.disconnect()
    client.socket().shutdown(2)
    client.loop_stop()


def test_mutual_tls_and_a_certificate_that_is_replaced_on_disk(tmp_path, free_port):
    """The first certificate has expired: refused. Its replacement at the same path is used, without a new sink."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker")
    broker = Broker(tmp_path, MUTUAL, free_port, ca=authority.ca, certificate=certificate, key=key)
    ours, our_key = authority.issue("gateway", days=-1)
    sink = MqttSink("127.0.0.1", free_port, ca=authority.ca, certificate=ours, key=our_key, timeout_s=0.5)
    watcher = ssl.create_default_context(cafile=authority.ca)
    watcher.load_cert_chain(*authority.issue("watcher"))
    with broker.running(), subscribed(broker, watcher) as heard:
        with pytest.raises(ConnectionError):
            publish(sink, entry())
        authority.issue("gateway")
        publish_until_taken(sink, entry(value=7))
        assert json.loads(heard_of(heard, "inversion/asset/fan 3/finding").payload)["value"] == 7
        close(sink)


@pytest.mark.filterwarnings(  # the library leaves the socket of a refused handshake to the collector
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_whom_we_trusted_once_we_trust_no_more_once_the_file_is_another(tmp_path, free_port):
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    certificate, key = authority.issue("broker")
    ours, our_key = authority.issue("gateway")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.ca.read_bytes())
    broker = Broker(tmp_path, MUTUAL, free_port, ca=authority.ca, certificate=certificate, key=key)
    sink = MqttSink("127.0.0.1", free_port, ca=trusted, certificate=ours, key=our_key, timeout_s=0.5)
    with broker.running():
        publish_until_taken(sink, entry(value=1))
    trusted.write_bytes(Authority(tmp_path / "other", "other").ca.read_bytes())
    with broker.running():
        for _ in range(6):  # longer than it waits before it connects again
            with pytest.raises((ConnectionError, TimeoutError)):
                publish(sink, entry(sequence=2, value=2))
        assert "unable to get local issuer" in sink._connection._problem or "self-signed" in sink._connection._problem
        trusted.write_bytes(authority.ca.read_bytes())
        publish_until_taken(sink, entry(sequence=2, value=2))
        close(sink)


@pytest.mark.filterwarnings(  # the library leaves the socket of a refused handshake to the collector
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_a_broker_with_a_foreign_certificate_gets_nothing(tmp_path, free_port):
    (tmp_path / "foreign").mkdir()
    foreign = Authority(tmp_path / "foreign", "foreign")
    certificate, key = foreign.issue("broker")
    broker = Broker(tmp_path, MUTUAL, free_port, ca=foreign.ca, certificate=certificate, key=key)
    sink = MqttSink("127.0.0.1", free_port, ca=Authority(tmp_path).ca, timeout_s=1.0)
    with broker.running(), pytest.raises(ConnectionError, match=r"self-signed certificate|unable to get"):
        publish(sink, entry())
    close(sink)


def test_a_password_comes_from_a_variable(tmp_path, free_port, monkeypatch):
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "gateway", "right"], check=True, capture_output=True)
    broker = Broker(tmp_path, PASSWORD, free_port, passwords=passwords)
    monkeypatch.setenv("BROKER_PASSWORD", "right")
    options = {"username": "gateway", "password_environment": "BROKER_PASSWORD"}
    sink = MqttSink("127.0.0.1", free_port, timeout_s=1.0, **options)
    with broker.running():
        publish_until_taken(sink, entry())
        close(sink)


def test_a_wrong_password_is_refused_and_never_shown(tmp_path, free_port):
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", passwords, "gateway", "right"], check=True, capture_output=True)
    broker = Broker(tmp_path, PASSWORD, free_port, passwords=passwords)
    secret.write_text("canary-4711\n")
    sink = MqttSink("127.0.0.1", free_port, username="gateway", password_file=secret, timeout_s=1.0)
    with broker.running():
        with pytest.raises(ConnectionError, match=r"Not authorized|Bad user name") as refused:
            publish(sink, entry())
        assert "canary" not in str(refused.value) + repr(sink)
        secret.write_text("right\n")
        publish_until_taken(sink, entry())
        close(sink)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": ""}, "host must be the name or address of a host"),
        ({"port": 0}, "port must lie between 1 and 65535, got 0"),
        ({"prefix": "a/#"}, "prefix must be a topic"),
        ({"certificate": "a.pem"}, "certificate and key belong together"),
        ({"password_file": "secret"}, "password_file needs a username"),
        ({"password_environment": "SECRET"}, "password_environment needs a username"),
        ({"host": "192.0.2.1", "username": "a", "password_environment": "B"}, "only over TLS or to this machine"),
        ({"host": "192.0.2.1", "username": "a", "password_file": "secret"}, "only over TLS or to this machine"),
    ],
)
def test_what_cannot_be_or_would_show_a_password_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MqttSink(**{"host": "127.0.0.1"} | options)
