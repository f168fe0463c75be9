"""A webhook posts signed records to a real server; only 2xx counts as received."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import hmac
import json
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from gateway_site import site_with, write_site
from modbus_rig import Authority

from inversion.app.gateway import run_gateway
from inversion.app.journal import Entry
from inversion.app.sinks.webhook import WebhookSink


@contextmanager
def serving(answers, tls=None):
    """A server that keeps what it is sent and answers by this list of statuses, the last one for ever."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ENTRIES = [
    Entry(7, "finding", "fan", 5, "a1b2", 0, {"asset": "fan"}),
    Entry(8, "alarm", "fan", 6, "a1b2", 0, {"asset": "fan", "alarm": "too wide"}),
    Entry(9, "event", "", 7, "a1b2", 0, {"text": "grüße"}),
]


def post(sink, entries=ENTRIES):
    asyncio.run(sink.write_records(entries))


def test_records_of_the_kinds_asked_for_are_posted_in_order():
    with serving([204]) as (url, taken):
        post(WebhookSink(url))
        post(WebhookSink(url, kinds=("finding",)))
        post(WebhookSink(url, kinds=("event",)), ENTRIES[:1])
    sent = [json.loads(body)["records"] for _, body in taken]
    assert [[(each["kind"], each["sequence"]) for each in records] for records in sent] == [
        [("alarm", 6), ("event", 7)],
        [("finding", 5)],
    ]
    assert sent[0][1] == {
        "journal": "a1b2", "asset": "", "sequence": 7, "kind": "event", "body": {"text": "grüße"},
    }  # fmt: skip


@pytest.mark.parametrize("how", ["answer", "reset"])
def test_what_is_too_large_for_a_receiver_comes_in_smaller_posts(acme, tmp_path, how):
    """After an outage, more waits than many receivers take at a time (100 kB where nobody has said otherwise)."""
    got = []

    class Small(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            if length > 20_000 and how == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            body = self.rfile.read(length)
            if length <= 20_000:
                got.extend(each["sequence"] for each in json.loads(body)["records"])
            self.send_response(413 if length > 20_000 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Small)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        path = write_site(tmp_path, windows=60)
        sinks = {"hook": WebhookSink(url, kinds=("finding",))}
        assert asyncio.run(run_gateway(site_with(path, sinks={}), asyncio.Event())) == 0
        assert asyncio.run(run_gateway(site_with(path, sinks=sinks), asyncio.Event())) == 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(got) == 60
    assert got == sorted(set(got))


def test_the_signature_covers_time_and_body_and_follows_the_file(tmp_path):
    secret = tmp_path / "secret"
    with serving([200]) as (url, taken):
        sink = WebhookSink(url, secret_file=secret)
        for word in ("first", "second"):
            secret.write_text(f"{word}\n")
            post(sink)
    for (headers, body), word in zip(taken, (b"first", b"second"), strict=True):
        signed = headers["X-Inversion-Timestamp"].encode() + b"." + body
        assert headers["X-Inversion-Signature"] == "sha256=" + hmac.new(word, signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("status", [301, 307, 400, 500, 503])
def test_any_other_answer_is_a_failure_and_no_redirect_is_followed(status):
    refused = pytest.raises(ConnectionError, match=rf"127.0.0.1:\d+ answered {status}")
    with serving([status]) as (url, taken), refused:
        post(WebhookSink(url))
    assert len(taken) == 1


def test_nobody_there_and_a_secret_that_is_missing_are_said(tmp_path):
    missing = pytest.raises(ConnectionError, match="secret_file cannot be read: No such file")
    with serving([200]) as (url, taken), missing:
        post(WebhookSink(url, secret_file=tmp_path / "none"))
    assert not taken
    with pytest.raises(ConnectionError, match=r"127.0.0.1:\d+: .*refused"):
        post(WebhookSink(url))


def test_over_tls_only_a_known_server_gets_records(tmp_path):
    authority = Authority(tmp_path)
    context = authority.server_side(*authority.issue("server"))
    context.verify_mode = 0
    with serving([200], context) as (url, taken):
        with pytest.raises(ConnectionError, match="certificate"):
            post(WebhookSink(url))
        post(WebhookSink(url, ca=authority.ca))
    assert len(taken) == 1


def test_a_replaced_authority_is_used_at_the_next_post(tmp_path):
    authority = Authority(tmp_path)
    (tmp_path / "old").mkdir()
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(Authority(tmp_path / "old").ca.read_bytes())
    context = authority.server_side(*authority.issue("server"))
    context.verify_mode = 0
    with serving([200], context) as (url, taken):
        sink = WebhookSink(url, ca=trusted)
        with pytest.raises(ConnectionError, match="certificate"):
            post(sink)
        trusted.write_bytes(authority.ca.read_bytes())
        post(sink)
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "fan.example/hook"}, "must begin with https"),
        ({"url": "http://192.0.2.1/hook"}, "must be https, or http to this machine"),
        ({"url": "https://me:canary@fan.example/"}, "must hold no user and no password"),
        ({"kinds": ("findings",)}, "kinds must be some of finding, alarm, event"),
        ({"timeout_s": 0.0}, "timeout_s must lie between"),
    ],
)
def test_addresses_that_would_leak_are_refused_without_repeating_them(options, message):
    with pytest.raises(ValueError, match=message) as refused:
        WebhookSink(**{"url": "https://fan.example/hook"} | options)
    assert "canary" not in str(refused.value)


def test_the_settings_hold_no_secret(tmp_path):
    (tmp_path / "secret").write_text("canary")
    sink = WebhookSink("https://fan.example/hook", secret_file=tmp_path / "secret")
    assert "canary" not in repr(sink) + repr(dataclasses.asdict(sink))
