"""asyncua's client reads, browses and subscribes; who attacks is bounded, who has no credential gets nothing."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import struct

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from gateway_site import ScriptedSource, frame, site_with, write_site
from served import change, finding, free_port, parameter, serving

from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.serving.opcua import NAMESPACE
from inversion.app.sinks.opcua import OpcUaSink

asyncua = pytest.importorskip("asyncua")
SecurityPolicyBasic256Sha256 = pytest.importorskip("asyncua.crypto.security_policies").SecurityPolicyBasic256Sha256
ua = asyncua.ua


def sink(**options):
    return OpcUaSink(**{"listen": "127.0.0.1:0"} | options)


def certified(folder, name, days=10):
    """Paths of a self-signed RSA certificate and its key."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [
        x509.UniformResourceIdentifier(f"urn:test:{name}"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.DNSName("localhost"),
    ]
    usage = x509.KeyUsage(True, True, True, True, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}-key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def client(port):
    return asyncua.Client(f"opc.tcp://127.0.0.1:{port}/inversion", timeout=10)


async def values(one, *paths):
    """(value, name of the status code) of the variables at these paths."""
    space = await one.get_namespace_index(NAMESPACE)
    told = []
    for path in paths:
        data = await one.get_node(ua.NodeId(path, space)).read_data_value(raise_on_bad_status=False)
        told.append((data.Value.Value, data.StatusCode.name))
    return told


def read(port, *paths):
    async def reading():
        async with client(port) as one:
            return await values(one, *paths)

    return asyncio.run(reading())


SPALL = "fan 3/outer_spall"


@pytest.fixture(scope="module")
def shared():
    """A start takes seconds, so those who only read share one server, which was told of a finding."""
    with serving(sink()) as served:
        served.tell(finding(7))
        yield served


def test_a_value_has_its_interval_and_what_does_not_hold_a_bad_code():
    with serving(sink(stale_s=60.0)) as served:
        port = served.sink.port
        served.tell(finding(7), change("unacknowledged", 8))
        assert read(port, f"{SPALL}/value", f"{SPALL}/low", f"{SPALL}/high", f"{SPALL}/unit", f"{SPALL}/status") == [
            (3.2, "Good"), (3.0, "Good"), (3.4, "Good"), ("mm", "Good"), ("resolved", "Good"),
        ]  # fmt: skip
        assert read(port, "fan 3/quality", "fan 3/sequence", "fan 3/stale") == [
            ("good", "Good"), (7, "Good"), (False, "Good"),
        ]  # fmt: skip
        alarm = "fan 3/alarms/too wide"
        assert [told for told, _ in read(port, f"{alarm}/state", f"{alarm}/calls", f"{alarm}/unacknowledged")] == [
            "unacknowledged", True, True,
        ]  # fmt: skip
        served.tell(finding(9, outer_spall=parameter(1.0, 0.0, 2.0, resolvable=False)))
        (none, code), (high, good) = read(port, f"{SPALL}/value", f"{SPALL}/high")
        assert (none, code, high, good) == (None, "BadNoDataAvailable", 2.0, "Good")
        served.tell(finding(10, quality="bad"))
        assert read(port, f"{SPALL}/value")[0][1] == "BadSensorFailure"
        served.tell(finding(11, ago_s=61.0))
        assert read(port, f"{SPALL}/value")[0][1] == "BadNoCommunication"


def test_nodes_are_browsed_and_names_with_slashes_stay_one_level(shared):
    async def browsed(port):
        async with client(port) as one:
            space = await one.get_namespace_index(NAMESPACE)
            found = {}
            for asset in await one.nodes.objects.get_children():
                name = await asset.read_browse_name()
                if name.NamespaceIndex == space:
                    found[name.Name] = [(await each.read_browse_name()).Name for each in await asset.get_children()]
            return found

    shared.tell(finding(asset="hall 1/fan"))
    told = asyncio.run(browsed(shared.sink.port))
    assert list(told) == ["fan 3", "hall 1/fan"]
    assert set(told["hall 1/fan"]) >= {"quality", "outer_spall", "alarms"}
    assert read(shared.sink.port, "hall 1%2Ffan/outer_spall/value") == [(3.2, "Good")]


def test_who_subscribed_is_told_of_changes_and_of_what_becomes_stale():
    async def heard(served):
        queue: asyncio.Queue = asyncio.Queue()

        class Handler:
            def datachange_notification(self, node, value, data):
                queue.put_nowait((value, data.monitored_item.Value.StatusCode.name))

        async with client(served.sink.port) as one:
            space = await one.get_namespace_index(NAMESPACE)
            subscription = await one.create_subscription(50, Handler())
            await subscription.subscribe_data_change(one.get_node(ua.NodeId(f"{SPALL}/value", space)))
            told = [await asyncio.wait_for(queue.get(), 10)]
            await asyncio.to_thread(served.tell, finding(8, outer_spall=parameter(3.3)))
            told.append(await asyncio.wait_for(queue.get(), 10))
            told.append(await asyncio.wait_for(queue.get(), 10))
            await subscription.delete()
            return told

    with serving(sink(stale_s=3.0)) as served:
        served.tell(finding(7))
        first, second, (_, last) = asyncio.run(heard(served))
    assert (first, second, last) == ((3.2, "Good"), (3.3, "Good"), "BadNoCommunication")


def test_a_restart_shows_what_was_known():
    with serving(sink(), [finding(7)], {("fan 3", "too wide"): {"active": True, "acknowledged": False}}) as served:
        assert read(served.sink.port, f"{SPALL}/value", "fan 3/alarms/too wide/state") == [
            (3.2, "Good"), ("unacknowledged", "Good"),
        ]  # fmt: skip


def test_nobody_may_write_or_add_nodes(shared):
    async def tried(port):
        async with client(port) as one:
            space = await one.get_namespace_index(NAMESPACE)
            with pytest.raises(ua.UaStatusCodeError, match=r"BadUserAccessDenied|BadNotWritable"):
                await one.get_node(ua.NodeId(f"{SPALL}/value", space)).write_value(1.0)
            with pytest.raises((ua.UaStatusCodeError, ConnectionError, TimeoutError)):
                await one.nodes.objects.add_variable(ua.NodeId("mine", space), "mine", 1.0)

    asyncio.run(tried(shared.sink.port))
    assert read(shared.sink.port, f"{SPALL}/value") == [(3.2, "Good")]


async def secured(port, folder, password, server=None):
    one = client(port)
    certificate, key = certified(folder, "client")
    one.application_uri = "urn:test:client"
    one.set_user("operator")
    one.set_password(password)
    await one.set_security(
        asyncua.crypto.security_policies.SecurityPolicyBasic256Sha256,
        str(certificate),
        str(key),
        server_certificate=server,
    )
    async with one:
        return await values(one, f"{SPALL}/value")


def test_with_a_password_only_encrypted_and_a_replaced_certificate_is_used_at_the_next_connection(tmp_path):

    certificate, key = certified(tmp_path, "server")
    old = tmp_path / "old.pem"
    old.write_bytes(certificate.read_bytes())
    password = tmp_path / "password"
    password.write_text("canary-4711\n")
    options = {"certificate": certificate, "key": key, "username": "operator", "password_file": password}
    with serving(sink(**options)) as served:
        port = served.sink.port
        served.tell(finding())
        assert "canary" not in repr(served.sink)
        assert asyncio.run(secured(port, tmp_path, "canary-4711", str(old))) == [(3.2, "Good")]
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            asyncio.run(secured(port, tmp_path, "wrong"))
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            read(port, f"{SPALL}/value")  # neither encrypted nor named
        certified(tmp_path, "server")
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            asyncio.run(secured(port, tmp_path, "canary-4711", str(old)))
        assert asyncio.run(secured(port, tmp_path, "canary-4711", str(certificate))) == [(3.2, "Good")]
        password.write_text("another\n")
        assert asyncio.run(secured(port, tmp_path, "another")) == [(3.2, "Good")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"listen": "0.0.0.0:4840"}, "listen must be an address of this machine alone"),
        ({"listen": "0.0.0.0:4840", "certificate": "a", "key": "b"}, "listen must be an address of this machine alone"),
        ({"certificate": "a"}, "certificate and key belong together"),
        ({"username": "operator"}, "username and password_file belong together"),
        ({"username": "operator", "password_file": "a"}, "password_file needs certificate and key"),
        ({"stale_s": 0.0}, "stale_s must lie between"),
    ],
)
def test_what_would_let_anybody_in_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sink(**options)


HELLO = struct.pack("<4sI5I", b"HELF", 28 + 4, 0, 65535, 65535, 0, 0) + struct.pack("<I", 0)


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 100,
        b"MSGF" + struct.pack("<I", 0xFFFFFFFF) + b"x" * 1_000_000,
        HELLO + b"MSGC" + struct.pack("<I", 60_000) + b"y" * 500_000,
        b"\0" * 100_000,
    ],
    ids=["http", "four gigabytes", "never ending", "zeros"],
)
def test_who_sends_nonsense_is_cut_off_and_others_are_served(hostile, shared):
    with socket.create_connection(("127.0.0.1", shared.sink.port), 20) as attacker:
        with pytest.raises(ConnectionError):
            send_until_cut(attacker, hostile)
        assert read(shared.sink.port, f"{SPALL}/value") == [(3.2, "Good")]


def send_until_cut(plug, data):
    for _ in range(20):
        plug.sendall(data)
    plug.shutdown(socket.SHUT_WR)
    while plug.recv(4096):
        pass
    raise ConnectionError("the server ended it")


def test_so_many_connections_at_once():
    with serving(sink(connections=3)) as served:
        served.tell(finding())
        port = served.sink.port
        parked = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(10)]
        try:
            ends = [each for each in parked if ended(each)]
            assert len(ends) == 7
        finally:
            for each in parked:
                each.close()


def ended(plug):
    plug.settimeout(0.5)
    try:
        return plug.recv(1) == b""
    except TimeoutError:
        return False


BLOCK_OF_SITE = '[[sink]]\nuse = "opcua"\nlisten = "127.0.0.1:{port}"\n'


def test_a_gateway_serves_once_the_port_is_free_and_nobody_waits_for_that(acme, tmp_path, caplog):
    caplog.set_level("INFO")
    port, go_on = free_port(), asyncio.Event()
    acts = [*(frame(i, level=9.80665) for i in range(4)), go_on]
    path = write_site(tmp_path, more=BLOCK_OF_SITE.format(port=port))
    site = site_with(path, sources=(ScriptedSource([acts]),))
    lines = tmp_path / "findings.jsonl"

    async def watched():
        with socket.create_server(("127.0.0.1", port)):
            running = asyncio.create_task(run_gateway(site, asyncio.Event()))
            async with asyncio.timeout(60):
                while (
                    not lines.exists() or lines.read_bytes().count(b"\n") < 4 or "sink opcua: failed" not in caplog.text
                ):
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            while True:
                try:
                    async with client(port) as one:
                        told = await values(one, "fan/level/value", "fan/alarms/too loud/calls", "fan/sequence")
                except (OSError, ua.UaError, TimeoutError):
                    await asyncio.sleep(0.05)
                    continue
                if told[1][0]:
                    break
        go_on.set()
        assert await running == 0
        return told

    (level, code), _, _ = asyncio.run(watched())
    assert (level, code) == (pytest.approx(1.0, rel=0.1), "Good")
    with open_journal(site.journal, 0) as journal:
        kinds = [event.kind for event in journal.events() if event.kind.startswith("sink_")]
    assert kinds == ["sink_failed", "sink_back"]
