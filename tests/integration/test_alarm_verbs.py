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


@contextmanager
def running_again(path: Path):
    """On an alarm that stands already."""
    gateway = subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.PIPE, text=True)
    try:
        while "started" not in gateway.stderr.readline():
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
        (("shelve", "fan", "too loud", "--for", "9h"), "shelve: must say for how long, at most 8 h; found 9 h\n"),
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


def test_every_record_is_printed_however_many_there_are_and_a_sink_that_is_gone_is_said_to_be(tmp_path):
    path = write_site(tmp_path, windows=1500)
    tell("run", path)
    path.write_text(path.read_text().replace('use = "jsonl"', 'use = "jsonl"\nname = "copy"'))
    tell("run", path)
    records = json.loads(tell("buffer", path, "--json"))["records"]
    numbers = [json.loads(line)["number"] for line in tell("buffer", path, "--print-after", "0").splitlines()]
    assert numbers == list(range(1, records + 1))
    assert records > 1500
    gone, there = tell("buffer", path).splitlines()[-1], tell("buffer", path).splitlines()[-2]
    assert gone.startswith("sink jsonl: ")
    assert gone.endswith(" dropped (not of this site any more)")
    assert there.startswith("sink copy: ")
    assert there.endswith(" 0 dropped")


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
    path = write_site(tmp_path, windows=10_000, pause_s=0.05, more=MORE.replace("3600.0", "1.0"))
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


LEARNING = """
[[alarm]]
name = "other than at first"
parameter = "level"
limit = 9.9
[alarm.baseline]
windows = 5
least = 0.01
"""


def limits(folder: Path) -> list[float]:
    """That were in force, each once in a row."""
    lines = (folder / "findings.jsonl").read_text().splitlines()
    found = [json.loads(line)["alarms"][1]["limit"] for line in lines if line.endswith("}")]
    return [limit for k, limit in enumerate(found) if k == 0 or found[k - 1] != limit]


def test_a_limit_is_learned_survives_a_restart_and_is_learned_anew_after_a_repair(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.05, more=LEARNING)
    with running(path) as gateway:
        while "other than at first: normal -> unacknowledged" not in gateway.stderr.readline():
            assert gateway.poll() is None
    first, learned = limits(tmp_path)
    assert (first, 0.5 < learned < 3.0) == (9.9, True)
    with running_again(path):
        answer = tell("alarms", "relearn", path, "fan", "--comment", "new bearing", "--by", "kim")
        assert answer == "fan: other than at first: learned anew: by kim (new bearing)\n"
        end = time.monotonic() + 30
        while len(limits(tmp_path)) < 4:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert limits(tmp_path)[:3] == [9.9, learned, 9.9]
    assert learned < limits(tmp_path)[3] < 9.9
    events = [json.loads(line)["body"] for line in tell("buffer", path, "--print-after", 0).splitlines()]
    [event] = [body for body in events if body.get("kind") == "relearn"]
    assert (event["by"], event["comment"], event["alarms"]) == ("kim", "new bearing", ["other than at first"])


def test_a_limit_is_learned_anew_where_no_gateway_runs(tmp_path):
    path = write_site(tmp_path, windows=30, more=LEARNING)
    tell("run", path)
    assert len(limits(tmp_path)) == 2
    assert tell("alarms", "relearn", path, "fan", "other than at first").startswith("fan: other than at first: learned")
    path.write_text(path.read_text().replace("windows = 30", "windows = 40"))
    tell("run", path)
    assert limits(tmp_path)[2] == 9.9


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("fan", "too loud"), "no alarm 'too loud' with a baseline (there are: other than at first)"),
        (("pump",), "nothing was learned of 'pump' (there are: none)"),
    ],
)
def test_what_cannot_be_learned_anew_is_refused(tmp_path, words, says):
    path = write_site(tmp_path, windows=1, more=LEARNING)
    tell("run", path)
    assert tell("alarms", "relearn", path, *words, code=1) == f"refused: relearn: {says}\n"
