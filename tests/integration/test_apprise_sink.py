"""People hear of alarms by a real mail server and a real web hook: at once, once, and no secret is shown."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import logging
import socketserver
import threading
from contextlib import contextmanager

import pytest
from gateway_site import ScriptedSource, frame, site_with, write_site
from served import change, finding
from test_webhook import serving as web_server

from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.patience import Later
from inversion.app.sinks.apprise import AppriseSink

pytest.importorskip("apprise")
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # the library imports it
CANARY = "canary4711"


class Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client needs."""

    def handle(self):
        self.say("220 here")
        while line := self.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.say("354 go on")
                lines = []
                while (each := self.rfile.readline()) != b".\r\n":
                    lines.append(each)
                self.server.taken.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            elif verb == b"EHLO":
                self.say("250-here\r\n250 AUTH PLAIN LOGIN")
            elif verb == b"AUTH":
                self.say("235 welcome")
            else:
                self.say("250 ok")

    def say(self, what):
        self.wfile.write(what.encode() + b"\r\n")


@contextmanager
def mail_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        server.taken = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1], server.taken
        finally:
            server.shutdown()
            thread.join()


def sink(folder, url, **options):
    path = folder / "destination"
    path.write_text(f"{url}\n")
    return AppriseSink(**{"url_file": path} | options)


def tell(told, *entries):
    asyncio.run(told.write_records(entries))


def as_json(hook):
    return hook.replace("http://", f"json://operator:{CANARY}@")


def test_an_alarm_comes_by_mail(tmp_path):
    with mail_server() as (port, taken):
        url = f"mailto://operator:{CANARY}@127.0.0.1:{port}?from=gateway@plant.example&to=people@plant.example"
        tell(sink(tmp_path, url), finding(1), change("unacknowledged", 2))
    [mail] = taken
    assert mail["to"] == "people@plant.example"
    assert "fan 3: too wide: normal -> unacknowledged" in mail["subject"]
    assert "ALARM fan 3: too wide: normal -> unacknowledged" in mail.get_body().get_content()
    assert CANARY not in mail.as_string()


def test_an_alarm_comes_to_a_web_hook(tmp_path):
    with web_server([200]) as (hook, taken):
        tell(sink(tmp_path, as_json(hook)), change("unacknowledged", 2))
    [(_, body)] = taken
    assert json.loads(body)["message"] == "ALARM fan 3: too wide: normal -> unacknowledged"


@pytest.mark.parametrize(
    ("record", "options", "told"),
    [
        (finding(1), {}, False),
        (change("normal", before="acknowledged"), {}, True),
        (change("normal", before="acknowledged"), {"cleared": False}, False),
        (change("acknowledged", by="anna"), {}, False),
        (change("unacknowledged", announced=False), {}, False),
        (change("unacknowledged", severity="warning"), {}, True),
        (change("unacknowledged", severity="warning"), {"severity": "alarm"}, False),
        (change("shelved", by="anna"), {}, False),
        (change("latched unacknowledged", before="unacknowledged"), {}, True),
    ],
)
def test_only_what_people_must_hear_is_told(tmp_path, record, options, told):
    with web_server([200]) as (hook, taken):
        tell(sink(tmp_path, as_json(hook), **options), record)
    assert len(taken) == told


def test_a_second_message_waits_and_many_lines_are_counted(tmp_path):
    with web_server([200]) as (hook, taken):
        one = sink(tmp_path, as_json(hook), interval_s=1.0, most_lines=3)
        tell(one, change("unacknowledged", 1))
        with pytest.raises(Later) as later:
            tell(one, change("unacknowledged", 2))
        assert 0 < later.value.seconds <= 1.0
        tell(one, finding(3))  # nothing to tell, hence nothing to wait for
        one._pace.next_s = 0.0
        tell(one, *(change("unacknowledged", i) for i in range(2, 12)))
    _, second = (json.loads(body) for _, body in taken)
    assert second["title"] == "10 changes of alarms"
    assert second["message"].splitlines()[-1] == "and 7 more: inversion alarms list"
    assert len(second["message"].splitlines()) == 4


def test_a_hostile_text_stays_on_its_line(tmp_path):
    hostile = change("unacknowledged", 1)
    hostile.body["text"] = "fan\r\nBcc: everybody@example\r\n\r\nclick here"
    with mail_server() as (port, taken):
        tell(sink(tmp_path, f"mailto://127.0.0.1:{port}?from=a@plant.example&to=b@plant.example"), hostile)
    assert taken[0]["bcc"] is None
    assert taken[0].get_body().get_content().count("click here") == 1


@pytest.mark.parametrize("status", [401, 500])
def test_a_destination_that_takes_nothing_fails_and_its_secret_is_nowhere(tmp_path, status, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    refused = pytest.raises(ConnectionError, match="JSON: the destination did not take the message")
    with web_server([status]) as (hook, taken), refused as told:
        one = sink(tmp_path, as_json(hook))
        tell(one, change("unacknowledged", 2))
    assert taken
    assert CANARY not in caplog.text + repr(one) + str(told.value) + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"json://operator:{CANARY}@203.0.113.7/", "JSON: the destination must be one over TLS, or this machine"),
        (f"jsons://operator:{CANARY}@203.0.113.7/?verify=no", "JSON: the destination's certificate must be verified"),
        (
            f"mailto://operator:{CANARY}@127.0.0.1?smtp=203.0.113.7&from=a@b.example",
            "E-Mail: the destination must be one over TLS",
        ),
        (f"mailto://operator:{CANARY}@203.0.113.7", "E-Mail: the destination must be one over TLS"),
        (f"nonsense://{CANARY}", "the destination's address is none that apprise knows"),
        ("", "url_file is empty"),
    ],
)
def test_an_address_that_would_show_its_secret_is_refused(tmp_path, url, said, caplog):
    with pytest.raises(ConnectionError, match=said) as told:
        tell(sink(tmp_path, url), change("unacknowledged"))
    assert CANARY not in str(told.value) + caplog.text


def test_an_address_may_come_by_the_environment_and_a_missing_one_is_said(tmp_path, monkeypatch):
    with web_server([200]) as (hook, taken):
        one = AppriseSink(url_environment="ALARM_CHAT")
        with pytest.raises(ConnectionError, match="ALARM_CHAT is empty"):
            tell(one, change("unacknowledged"))
        monkeypatch.setenv("ALARM_CHAT", as_json(hook))
        tell(one, change("unacknowledged"))
    assert len(taken) == 1
    with pytest.raises(ConnectionError, match="url_file cannot be read: No such file"):
        tell(AppriseSink(url_file=tmp_path / "none"), change("unacknowledged"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "url_file or url_environment must be given"),
        ({"url_environment": "A", "severity": "all"}, "severity must be warning or alarm"),
        ({"url_environment": "A", "interval_s": 0.0}, "interval_s must lie between 1 and 3,600 s"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AppriseSink(**options)


def test_in_a_gateway_what_comes_soon_after_waits_in_the_journal_and_no_other_sink_waits(acme, tmp_path, caplog):
    """Two assets alarm at once: one message; then a third, held back, is still in the journal at the end."""
    caplog.set_level(logging.DEBUG)
    told, stop = asyncio.Event(), asyncio.Event()
    acts = [frame(1, level=9.8), told, *(frame(i, "pump", level=9.8) for i in range(2, 6)), stop]
    with web_server([200]) as (hook, taken):
        one = sink(tmp_path, as_json(hook), interval_s=3600.0)
        site = site_with(write_site(tmp_path), sources=(ScriptedSource([acts]),))
        site = site_with(site.path, sources=site.sources, sinks={**site.sinks, "chat": one})

        async def watched():
            running = asyncio.create_task(run_gateway(site, stop))
            async with asyncio.timeout(60):
                while not taken:
                    await asyncio.sleep(0.01)
                told.set()
                while (tmp_path / "findings.jsonl").read_bytes().count(b"\n") < 5:
                    await asyncio.sleep(0.01)
            stop.set()
            return await running

        assert asyncio.run(watched()) == 0
    assert len(taken) == 1
    with open_journal(site.journal, 0) as journal:
        standing = {each.sink: each for each in journal.standings()}["chat"]
        events = [event.kind for event in journal.events()]
    assert standing.produced == standing.delivered + standing.buffered + standing.dropped
    assert standing.buffered >= 1
    assert "sink_failed" not in events
    assert CANARY not in caplog.text
    assert CANARY not in "".join(
        path.read_bytes().decode("latin-1") for path in tmp_path.rglob("tone*") if path.is_file()
    )
