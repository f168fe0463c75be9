"""What a gateway says: text or JSON lines, each state once; and no secret anywhere, whatever fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from gateway_site import write_site

pytestmark = pytest.mark.usefixtures("acme")
COMMAND = str(Path(sys.executable).with_name("inversion"))
CANARY = "canary-4711"


def run(path: Path) -> str:
    told = subprocess.run([COMMAND, "run", str(path)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    return told.stderr


def test_text_is_for_people_and_each_state_is_said_once(tmp_path):
    lines = run(write_site(tmp_path)).splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \S", line) for line in lines), lines
    said = [line[24:] for line in lines]
    assert len(said) == len(set(said)), said
    assert sum("too loud" in line for line in said) == 1


def test_json_is_one_object_a_line_with_kind_and_asset(tmp_path):
    lines = [json.loads(line) for line in run(write_site(tmp_path, more='[log]\nformat = "json"\n')).splitlines()]
    assert all({"time", "level", "text"} <= set(line) <= {"time", "level", "text", "kind", "asset"} for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    by_kind = {line.get("kind"): line for line in lines}
    assert by_kind["started"]["text"] == "gateway tone: started"
    assert (by_kind["alarm"]["asset"], by_kind["alarm"]["text"][:28]) == ("fan", "fan: too loud: normal -> una")


def test_another_format_is_refused_with_its_place(tmp_path):
    path = write_site(tmp_path, more='[log]\nformat = "xml"\n')
    told = subprocess.run([COMMAND, "run", str(path)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert re.fullmatch(r".*tone\.toml:\d+: log\.format: .*must be one of text, json; got 'xml'\n", told.stderr)


SECRETS = """
[[sink]]
use = "mqtt"
host = "127.0.0.1"
port = 1
username = "kim"
password_file = "secret"
timeout_s = 0.2
[[sink]]
use = "webhook"
url = "http://127.0.0.1:1/"
secret_file = "secret"
[[sink]]
use = "webhook"
name = "signed"
url = "http://127.0.0.1:1/"
secret_environment = "HOOK_SECRET"
[evidence]
keep = "all"
[observe]
listen = "127.0.0.1:{port}"
[log]
format = "{form}"
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_in_any_log_dump_metric_or_file(tmp_path, form, free_port):
    """All sinks fail again and again while the gateway runs; then all it said, wrote or handed on is searched."""
    (tmp_path / "secret").write_text(f"{CANARY}\n")
    path = write_site(tmp_path, windows=40, pause_s=0.02, stop_s=1.0, more=SECRETS.format(form=form, port=free_port))
    environment = {**os.environ, "HOOK_SECRET": CANARY}
    gateway = subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.PIPE, text=True, env=environment)
    said, metrics = "", ""
    while any(f"sink {name}: failed" not in said for name in ("webhook", "mqtt", "signed")):
        line = gateway.stderr.readline()
        assert line
        said += line
    for page in ("metrics", "readyz", "healthz", "secret"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/{page}", timeout=10) as answer:
                metrics += answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                metrics += refused.read().decode()
    children = [gateway.pid]
    for pid in children:
        children += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    assert len(children) >= 3
    metrics += "".join(Path(f"/proc/{pid}/environ").read_text() for pid in children)
    for pid in children:  # of what is in their memory no dump is made
        assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())
    gateway.terminate()
    said += gateway.communicate(timeout=120)[1]
    assert "inversion_up" in metrics
    assert re.search(r"inversion_written_bytes_total \d", metrics)
    assert 'inversion_memory_bytes{process="template"}' in metrics
    dumps = (
        ["check", path],
        ["check", path, "--json"],
        ["buffer", path, "--print-after", "0"],
        ["alarms", "list", path],
    )
    for words in dumps:
        told = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, timeout=60)
        said += told.stdout + told.stderr
    written = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "secret"]
    assert {".journal", ".bundle", ".jsonl"} <= {file.suffix for file in written}
    assert CANARY not in said + metrics
    assert [file for file in written if CANARY.encode() in file.read_bytes()] == []
