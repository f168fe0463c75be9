"""Days left of every certificate are a metric; soon, expired, unreadable and renewed are said once each."""

from __future__ import annotations

import asyncio

import pytest
from gateway_site import ScriptedSink, ScriptedSource, frame, site_with, write_site
from modbus_rig import Authority
from served import free_port
from test_observed_gateway import get

from inversion.app.certificates import Certificates
from inversion.app.check import plan
from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.observe.options import ObserveOptions
from inversion.app.sinks.modbus_server import ModbusServerSink
from inversion.app.sinks.mqtt import MqttSink
from inversion.app.sinks.webhook import WebhookSink
from inversion.core import ConfigurationError
from sensors.modbus.tls import all_valid_until


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def sinks(authority, days):
    certificate, key = authority.issue("gateway", days=days)
    return {
        "mqtt": MqttSink("127.0.0.1", ca=authority.ca, certificate=certificate, key=key),
        "plc": ModbusServerSink(("fan",), ("level",), certificate=certificate, key=key, ca=authority.ca),
        "hook": WebhookSink("https://127.0.0.1/", ca=authority.ca),
    }


def test_every_user_of_a_certificate_is_watched_and_each_change_is_said_once(acme, tmp_path, authority):
    noted = []
    site = site_with(write_site(tmp_path), sinks=sinks(authority, days=10))
    watched = Certificates(site, lambda kind, text: noted.append((kind, text.split(":")[0])))
    watched.look()
    watched.look()
    soon = ["sink mqtt", "sink mqtt", "sink plc", "sink plc", "sink hook"]  # the authority's expires in 10 days as well
    assert noted == [("certificate_expires", who) for who in soon]
    noted.clear()
    authority.issue("gateway", days=365)
    watched.look()
    assert noted == [("certificate_renewed", "sink mqtt"), ("certificate_renewed", "sink plc")]
    noted.clear()
    authority.issue("gateway", days=-1)
    watched.look()
    assert noted == [("certificate_expired", "sink mqtt"), ("certificate_expired", "sink plc")]
    noted.clear()
    (tmp_path / "gateway.pem").write_text("nothing")
    watched.look()
    assert noted == [("certificate_unreadable", "sink mqtt"), ("certificate_unreadable", "sink plc")]
    assert {told["used_by"] for told, _ in watched.days_left() if told["option"] == "certificate"} == set()


def test_of_several_whom_we_trust_the_last_one_counts(acme, tmp_path, authority):
    certificate, _ = authority.issue("old", days=-5)
    later, _ = authority.issue("new", days=400)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(certificate.read_bytes() + later.read_bytes())
    assert len(all_valid_until(bundle)) == 2
    site = site_with(write_site(tmp_path), sinks={"hook": WebhookSink("https://127.0.0.1/", ca=bundle)})
    [(_, days)] = Certificates(site, print).days_left()
    assert days == pytest.approx(400, abs=0.1)


def test_a_gateway_shows_the_days_and_journals_the_warning(acme, tmp_path, authority):
    port, stop = free_port(), asyncio.Event()
    certificate, key = authority.issue("plc", days=12)
    plc = ModbusServerSink(
        ("fan",), ("level",), listen="127.0.0.1:0", certificate=certificate, key=key, ca=authority.ca
    )
    site = site_with(
        write_site(tmp_path),
        sources=(ScriptedSource([[frame(0), stop]]),),
        sinks={"plc": plc, "there": ScriptedSink()},
        observe=ObserveOptions(f"127.0.0.1:{port}"),
    )

    async def watched():
        running = asyncio.create_task(run_gateway(site, stop))
        async with asyncio.timeout(60):
            while True:
                try:
                    _, told = await asyncio.to_thread(get, port, "/metrics")
                    break
                except OSError:
                    await asyncio.sleep(0.01)
        stop.set()
        assert await running == 0
        return told

    told = asyncio.run(watched())
    [line] = [each for each in told.splitlines() if "days_left{" in each and 'option="certificate"' in each]
    assert line.startswith('inversion_certificate_days_left{used_by="sink plc",option="certificate",path="')
    assert float(line.split()[-1]) == pytest.approx(12, abs=0.1)
    with open_journal(site.journal, 0) as journal:
        events = [event.text for event in journal.events() if event.kind == "certificate_expires"]
    assert any(text.startswith(f"sink plc: certificate {certificate}: expires in 1") for text in events)


@pytest.mark.parametrize(("days", "complaint"), [(10, ""), (-1, "expired on"), (None, "cannot be read: No such file")])
def test_check_says_what_a_sink_could_not_use(acme, tmp_path, authority, days, complaint):
    certificate, key = tmp_path / "none.pem", tmp_path / "none.key"
    if days is not None:
        certificate, key = authority.issue("gateway", days=days)
    block = f'[[sink]]\nuse = "mqtt"\nhost = "127.0.0.1"\ncertificate = "{certificate}"\nkey = "{key}"\n'
    site = write_site(tmp_path, more=block)
    if not complaint:
        plan(site)
        return
    with pytest.raises(ConfigurationError, match=rf"sink\.1\.certificate: .*{complaint}"):
        plan(site)


def test_check_says_whose_key_and_which_authority_cannot_be_used(acme, tmp_path, authority):
    certificate, key = authority.issue("gateway")
    _, other = authority.issue("other")
    block = (
        f'[[sink]]\nuse = "mqtt"\nhost = "127.0.0.1"\ncertificate = "{certificate}"\nkey = "{{key}}"\nca = "{{ca}}"\n'
    )
    for keyed, ca, says in (
        (
            other,
            authority.ca,
            r"sink\.1\.key: .*other\.key is no key, without a password, of .*gateway\.pem: key values",
        ),
        (tmp_path / "none", authority.ca, r"sink\.1\.key: .*none cannot be read: No such file"),
        (key, key, r"sink\.1\.ca: .*gateway\.key"),
        (key, tmp_path / "none", r"sink\.1\.ca: .*none cannot be read: No such file"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            plan(write_site(tmp_path, more=block.format(key=keyed, ca=ca)))
    plan(write_site(tmp_path, more=block.format(key=key, ca=authority.ca)))
