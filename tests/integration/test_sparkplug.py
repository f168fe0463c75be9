"""Sparkplug B through a real broker, decoded by hand from the specification's field numbers."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest
from modbus_rig import Authority
from paho.mqtt import client as paho
from served import change, finding, parameter
from test_mqtt_broker import MOSQUITTO, MUTUAL, PLAIN, Broker, cut, free_port, publish_until_taken, subscribed

from inversion.app.journal import Entry
from inversion.app.sinks.mqtt import MqttSink

pytest.importorskip("google.protobuf")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs the broker mosquitto")
__all__ = ["free_port"]

BASE = "spBv1.0/plant"


@pytest.fixture
def broker(tmp_path, free_port):
    return Broker(tmp_path, PLAIN, free_port)


def edge(port, **options):
    return MqttSink("127.0.0.1", port, **{"sparkplug_group": "plant", "sparkplug_node": "gateway 1"} | options)


def fields(data):
    """(number, value) of a protobuf message: whole numbers, 8 and 4 bytes, or bytes (Protocol Buffers, Encoding)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            yield key >> 3, data[at : at + size]
            at += size


def decoded(data):
    """seq, and by name: (data type, value or None, whether historical, unit)."""
    seq, metrics = None, {}
    for number, value in fields(data):
        if number == 3:
            seq = value
        elif number == 2:
            told = dict(fields(value))
            content = next((convert(told[each]) for each, convert in CONTENT.items() if each in told), None)
            assert (content is None) == bool(told.get(7)), told
            unit = None
            if 9 in told:
                properties = dict(fields(told[9]))
                assert properties[1] == b"engUnit"
                unit = dict(fields(properties[2]))[8].decode()
            metrics[told[1].decode()] = (told[4], content, bool(told.get(5)), unit)
    return seq, metrics


CONTENT = {
    11: int,
    13: lambda eight: struct.unpack("<d", eight)[0],
    14: bool,
    15: bytes.decode,
}


def command(name="Node Control/Rebirth", value=1):
    """A payload with one Boolean metric."""
    metric = b"\x0a" + bytes([len(name)]) + name.encode() + b"\x20\x0b" + b"\x70" + bytes([value])
    return b"\x12" + bytes([len(metric)]) + metric


def next_of(heard, kind):
    """The next message of that kind: (topic, seq, metrics)."""
    while True:
        message = heard.get(timeout=10)
        if message.topic.startswith(f"{BASE}/{kind}/"):
            return message.topic, *decoded(message.payload)


def opened(sink, last=(), cycles=None):
    asyncio.run(sink.open(last, cycles or {}))


def tell(sink, *entries):
    asyncio.run(sink.write_records(entries))


def close(sink):
    asyncio.run(sink.close())


def test_births_come_before_data_and_a_death_at_the_end(broker):
    sink = edge(broker.port)
    with broker.running(), subscribed(broker) as heard:
        opened(sink)
        topic, seq, metrics = next_of(heard, "NBIRTH")
        assert (topic, seq) == (f"{BASE}/NBIRTH/gateway 1", 0)
        assert metrics["bdSeq"][:2] == (4, 0)
        assert metrics["Node Control/Rebirth"][:2] == (11, False)
        tell(sink, finding(1, asset="hall 1/fan"))
        topic, seq, metrics = next_of(heard, "DBIRTH")
        assert (topic, seq) == (f"{BASE}/DBIRTH/gateway 1/hall 1%2Ffan", 1)
        assert metrics["outer_spall/value"] == (10, 3.2, False, "mm")
        assert metrics["outer_spall/status"][1] == "resolved"
        tell(sink, finding(2, asset="hall 1/fan", outer_spall=parameter(1.0, 0.0, 2.0, resolvable=False)))
        _, seq, metrics = next_of(heard, "DDATA")
        assert seq == 2
        assert metrics["outer_spall/value"][1] is None
        assert (metrics["outer_spall/high"][1], metrics["outer_spall/status"][1]) == (2.0, "not resolvable")
        tell(sink, change("unacknowledged", 3, asset="hall 1/fan"))
        _, seq, metrics = next_of(heard, "DBIRTH")  # it had no alarm before
        assert (seq, metrics["alarms/too wide/calls"][1]) == (3, True)
        assert "outer_spall/value" in metrics
        tell(sink, Entry(4, "event", "", 4, "a1b2", 0, {"kind": "started", "text": "grüße"}))
        _, seq, metrics = next_of(heard, "NDATA")
        assert (seq, metrics["events/last"][1]) == (4, "grüße")
        close(sink)
        _, seq, metrics = next_of(heard, "NDEATH")
        assert (seq, list(metrics), metrics["bdSeq"][1]) == (None, ["bdSeq"], 0)


def test_sequence_numbers_wrap_and_what_is_not_the_newest_is_historical(broker):
    sink = edge(broker.port)
    with broker.running(), subscribed(broker) as heard:
        opened(sink)
        tell(sink, finding(0))
        entries = [finding(number) for number in range(1, 300)]
        tell(sink, *entries)
        told = [next_of(heard, "DDATA") for _ in entries]
        assert [seq for _, seq, _ in told] == [number % 256 for number in range(2, 301)]
        assert [metrics["sequence"][1:3] for _, _, metrics in told] == [(n, n != 299) for n in range(1, 300)]
        close(sink)


def test_a_host_may_ask_for_rebirth_and_nonsense_changes_nothing(broker):
    sink = edge(broker.port)
    host = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    with broker.running(), subscribed(broker) as heard:
        opened(sink)
        tell(sink, finding(1))
        next_of(heard, "DBIRTH")
        host.connect("127.0.0.1", broker.port)
        host.loop_start()
        topic = f"{BASE}/NCMD/gateway 1"
        for payload in (b"\xff" * 100, b"", command(value=0), command("else"), b"\x12\xff\xff\xff\xff\x0f", command()):
            host.publish(topic, payload, qos=1).wait_for_publish(10)
        _, seq, metrics = next_of(heard, "NBIRTH")
        assert (seq, metrics["bdSeq"][1]) == (0, 0)
        _, seq, metrics = next_of(heard, "DBIRTH")
        assert (seq, metrics["outer_spall/value"][1]) == (1, 3.2)
        tell(sink, finding(2))
        assert next_of(heard, "DDATA")[1] == 2
        host.disconnect()
        host.loop_stop()
        close(sink)


def test_a_lost_node_dies_by_its_last_will_of_the_same_number(broker):
    sink = edge(broker.port)
    with broker.running(), subscribed(broker) as heard:
        opened(sink)
        born = next_of(heard, "NBIRTH")[2]["bdSeq"][1]
        cut(sink)
        assert next_of(heard, "NDEATH")[2]["bdSeq"][1] == born


def test_a_broker_that_was_away_hears_what_it_missed_from_a_node_of_the_next_number(broker):
    sink = edge(broker.port, timeout_s=0.5)
    with pytest.raises(ConnectionError, match="no connection to the broker"):
        opened(sink)
    with broker.running():
        publish_until_taken(sink, finding(1))
    with pytest.raises((ConnectionError, TimeoutError)):
        tell(sink, finding(2))
    host = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    with broker.running(), subscribed(broker) as heard:
        publish_until_taken(sink, finding(2), finding(3))
        told = []
        while 3 not in told:
            told.append(next_of(heard, "DDATA")[2]["sequence"][1])
        assert {2, 3} <= set(told)
        host.connect("127.0.0.1", broker.port)
        host.loop_start()
        host.publish(f"{BASE}/NCMD/gateway 1", command(), qos=1).wait_for_publish(10)
        births = [next_of(heard, "NBIRTH")]
        assert births[0][1] == 0
        assert births[0][2]["bdSeq"][1] >= 1
        host.disconnect()
        host.loop_stop()
        close(sink)


def test_a_restart_is_born_with_what_was_known(broker):
    sink = edge(broker.port)
    with broker.running(), subscribed(broker) as heard:
        cycles = {("fan 3", "too wide"): {"active": True, "acknowledged": False}}
        opened(sink, [finding(7)], cycles)
        _, seq, metrics = next_of(heard, "DBIRTH")
        assert (seq, metrics["sequence"][1], metrics["alarms/too wide/state"][1]) == (1, 7, "unacknowledged")
        close(sink)


def test_nothing_is_told_while_the_primary_host_is_offline(broker):
    sink = edge(broker.port, sparkplug_host="scada", timeout_s=0.5)
    host = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)

    def say(online, stamp):
        told = json.dumps({"online": online, "timestamp": stamp}).encode()
        for payload in (b"OFFLINE", b"[]", told):
            host.publish("spBv1.0/STATE/scada", payload, qos=1, retain=True).wait_for_publish(10)

    with broker.running(), subscribed(broker) as heard:
        with pytest.raises(ConnectionError, match="host 'scada' is not online"):
            opened(sink)
        host.connect("127.0.0.1", broker.port)
        host.loop_start()
        say(online=False, stamp=1000)
        with pytest.raises(ConnectionError, match="host 'scada' is not online"):
            tell(sink, finding(1))
        assert not [each for each in heard.queue if each.topic.startswith(f"{BASE}/")]
        say(online=True, stamp=2000)
        first = next_of(heard, "NBIRTH")[2]["bdSeq"][1]
        publish_until_taken(sink, finding(1))
        say(online=False, stamp=1500)  # it was said before, and came late
        tell(sink, finding(2))
        say(online=False, stamp=3000)
        assert next_of(heard, "NDEATH")[2]["bdSeq"][1] == first
        with pytest.raises(ConnectionError, match="host 'scada' is not online"):
            tell(sink, finding(3))
        say(online=True, stamp=4000)
        publish_until_taken(sink, finding(3))
        assert next_of(heard, "NBIRTH")[2]["bdSeq"][1] == first + 1
        while next_of(heard, "DDATA")[2]["sequence"][1] != 3:
            pass
        host.disconnect()
        host.loop_stop()
        close(sink)


def test_a_host_without_a_node_is_refused():
    for options in ({"sparkplug_group": "", "sparkplug_node": ""}, {"sparkplug_host": "a/b"}):
        with pytest.raises(ValueError, match=r"^sparkplug_host goes with"):
            edge(1883, **{"sparkplug_host": "scada"} | options)


def test_over_mutual_tls(tmp_path, free_port):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("broker")
    broker = Broker(tmp_path, MUTUAL, free_port, ca=authority.ca, certificate=certificate, key=key)
    ours, our_key = authority.issue("gateway")
    sink = edge(free_port, ca=authority.ca, certificate=ours, key=our_key)
    with broker.running():
        opened(sink)
        tell(sink, finding(1))
        close(sink)


@pytest.mark.parametrize(
    "options", [{"sparkplug_node": ""}, {"sparkplug_group": ""}, {"sparkplug_group": "a/b"}, {"sparkplug_node": "a+"}]
)
def test_names_that_are_no_level_of_a_topic_are_refused(options):
    with pytest.raises(ValueError, match="sparkplug_group and sparkplug_node belong together"):
        edge(1883, **options)
