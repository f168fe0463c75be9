"""Operators at a running gateway, and where none runs: list, acknowledge, shelve, history; and what waits for sinks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_site import worker_of, write_site

pytestmark = pytest.mark.usefixtures("acme")
COMMAND = str(Path(sys.executable).with_name("inversion"))
MORE = """
[[alarm]]
name = "silent"
condition = "silence"
after_s = 3600.0
[alarm_desk]
shelve_most_h = 8.0
"""


def tell(*words, code: int = 0) -> str:
    told = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, timeout=60)
    assert told.returncode == code, told.stderr
    return told.stdout if code == 0 else told.stderr


@contextmanager
def running(path: Path):
    gateway = subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.PIPE, text=True)
    try:
        while "unacknowledged" not in gateway.stderr.readline():
            assert gateway.poll() is None
        yield gateway
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.communicate(timeout=30)
    assert gateway.returncode == 0


def test_an_operator_and_a_running_gateway(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.05, more=MORE)
    with running(path):
        assert re.search(
            r"^unacknowledged +alarm +.* fan: too loud: P\(level above 0.5 g\)", tell("alarms", "list", path)
        )
        answer = tell("alarms", "ack", path, "fan", "too loud", "--comment", "seen", "--by", "kim")
        assert answer == "fan: too loud: unacknowledged -> acknowledged: by kim (seen)\n"
        assert tell("alarms", "list", path).startswith("acknowledged ")
        answer = tell("alarms", "ack", path, "fan", "too loud", code=1)
        assert answer == "refused: there is nothing to acknowledge: it is acknowledged\n"
        assert "acknowledged -> shelved until 20" in tell("alarms", "shelve", path, "fan", "too loud", "--for", "1h")
    assert tell("alarms", "list", path).startswith("shelved ")  # it survives the gateway
    changes = [json.loads(line) for line in tell("alarms", "history", path, "--json").splitlines()]
    assert [(body["to"], body["by"]) for body in changes][:2] == [
        ("unacknowledged", "process"),
        ("acknowledged", "kim"),
    ]
    assert changes[2]["to"] == "shelved"


def test_where_no_gateway_runs_the_request_is_done_at_once(tmp_path):
    path = write_site(tmp_path, more=MORE)
    tell("run", path)
    assert "unacknowledged -> acknowledged" in tell("alarms", "ack", path)
    assert "acknowledged -> out of service" in tell("alarms", "out-of-service", path, "fan", "too loud")
    assert "out of service -> unacknowledged" in tell("alarms", "in-service", path, "fan", "too loud")
    assert tell("alarms", "list", path, "--json").count("too loud") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("shelve", "fan", "too loud", "--for", "9h"), "shelve: must say for how long, at most 8 h; found 32400 s\n"),
        (
            ("shelve", "fan", "too loud", "--for", "ever"),
            "--for: must be a time such as 30min, 8h or 2d, found 'ever'\n",
        ),
        (("shelve", "fan", "too loud"), "Missing option '--for'"),
    ],
)
def test_shelving_must_end(tmp_path, words, says):
    path = write_site(tmp_path, more=MORE)
    verb, *rest = words
    assert says in tell("alarms", verb, path, *rest, code=2)


def test_without_a_journal_one_line(tmp_path):
    path = write_site(tmp_path)
    assert "no journal there yet; the gateway makes it when it starts" in tell("alarms", "list", path, code=1)
    assert "no journal there yet" in tell("buffer", path, code=1)


def test_what_is_in_the_buffer_adds_up(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    told = json.loads(tell("buffer", path, "--json"))
    (sink,) = told["sinks"]
    assert sink["produced"] == sink["delivered"] + sink["buffered"] + sink["dropped"] == told["records"]
    assert re.search(r"sink jsonl: \d+ produced = \d+ delivered \+ \d+ buffered \+ 0 dropped", tell("buffer", path))
    lines = [json.loads(line) for line in tell("buffer", path, "--print-after", "0").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, told["records"] + 1))
    assert {line["kind"] for line in lines} == {"finding", "alarm", "event"}


def test_a_sink_can_have_it_all_once_more(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    first = (tmp_path / "findings.jsonl").read_text()
    assert "no sink 'x' in this journal, there are: jsonl" in tell("buffer", path, "--again", "x", code=1)
    assert re.fullmatch(r"sink jsonl: will have \d+ records again\n", tell("buffer", path, "--again", "jsonl"))
    tell("run", path)
    assert (tmp_path / "findings.jsonl").read_text() == first + first


def test_examples_are_shown_in_every_help():
    for verb in ("list", "history", "ack", "shelve", "unshelve", "out-of-service", "in-service", "reset"):
        assert f"Example: inversion alarms {verb} " in tell("alarms", verb, "--help")
    assert "Example: inversion buffer " in tell("buffer", "--help")


def test_an_asset_that_falls_silent_alarms_and_comes_back(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.05, more=MORE.replace("3600.0", "0.5"))
    with running(path) as gateway:
        worker = worker_of(gateway.pid)
        os.kill(worker, signal.SIGSTOP)
        try:
            line = ""
            while "fan: silent: normal -> unacknowledged: nothing heard for" not in line:
                line = gateway.stderr.readline()
                assert gateway.poll() is None
        finally:
            os.kill(worker, signal.SIGCONT)
        began = time.monotonic()
        while "returned unacknowledged" not in tell("alarms", "list", path):
            assert time.monotonic() - began < 20
