"""The command as people and systemd call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from gateway_site import children, worker_of, write_site

from inversion.app.journal import open_journal
from inversion.app.simulate import Simulation

COMMAND = str(Path(sys.executable).with_name("inversion"))
CONFIGS = Path(__file__).parents[2] / "configs"
VERBS = ("demo", "run", "batch", "simulate", "check", "inspect", "plugins")

pytestmark = pytest.mark.usefixtures("acme")


def command(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


def line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb):
    told = command(verb, "--help")
    assert told.returncode == 0
    assert f"Example: inversion {verb}" in told.stdout


def test_help_is_quick():
    """No verb's libraries are loaded for the help: numpy alone would cost more than all of it."""
    code = "import sys, inversion.app.verbs; print(*sorted({'numpy', 'pydantic', 'rich'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_check_says_what_would_be_done_and_touches_nothing(tmp_path):
    path = write_site(tmp_path)
    told = command("check", path)
    assert (told.returncode, told.stderr) == (0, "")
    assert "source: ToneSource" in told.stdout
    assert "alarm: too loud: when P(level above 0.5 g) reaches 0.9 for 0 s" in told.stdout
    assert list(tmp_path.iterdir()) == [path]
    planned = json.loads(command("check", path, "--json").stdout)
    assert planned["engine"] == "acme_direct"
    assert planned["parameters"] == {"level": "0 to 10 g, vibration level, RMS"}


def test_check_says_how_far_an_alarm_looks_ahead(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 0.5\nwithin_days = 14"))
    told = command("check", path)
    assert "alarm: too loud: when P(level above 0.5 g within 14 days) reaches 0.9 for 0 s" in told.stdout


@pytest.mark.parametrize("verb", ["check", "run", "buffer"])
def test_a_site_that_would_spoil_its_own_work_is_refused_before_anything_is_written(tmp_path, verb):
    path = write_site(tmp_path, more='[[sink]]\nuse = "jsonl"\nname = "again"\npath = "./findings.jsonl"\n')
    told = command(verb, path)
    found = tmp_path / "findings.jsonl"
    assert (told.returncode, told.stdout) == (2, "")
    says = f"sink.1.path: must be a file of its own, found {found}: that is what sink.0.path (line 20) writes"
    assert told.stderr == f"{path}:28: {says}\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_wrong_configuration_is_one_line_and_exit_code_2(tmp_path, verb):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 50"))
    told = command(verb, path)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == f"{path}:17: alarm.0.limit: must lie inside the range of level, 0 to 10 g, found 50\n"


def test_check_tells_every_complaint_once(tmp_path):
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("windows =", "windos =").replace("limit =", "limt ="))
    told = command("check", path)
    assert told.returncode == 2
    assert [line.split(": ")[1] for line in told.stderr.splitlines()] == [
        "source.windos",
        "alarm.0.limit",
        "alarm.0.limt",
    ]


def test_plugins_lists_a_third_partys(plugin_folder):
    told = command("plugins")
    assert "acme_tone  acme.source:ToneSource  (acme-level)" in told.stdout
    listed = {(one["group"], one["name"]) for one in json.loads(command("plugins", "--json").stdout)}
    assert {("inversion.engine", "acme_direct"), ("inversion.sink", "jsonl"), ("sensors.reader", "mat")} <= listed


def test_sigterm_in_the_middle_then_resume_gives_exactly_the_uninterrupted_output(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    assert command("run", write_site(tmp_path / "whole", windows=40)).returncode == 0
    path = write_site(tmp_path / "parts", windows=40, pause_s=0.02)
    findings = tmp_path / "parts" / "findings.jsonl"
    for enough, number in ((5, signal.SIGTERM), (15, signal.SIGINT)):
        with subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.DEVNULL) as running:
            while line_count(findings) < enough:
                assert running.poll() is None
                time.sleep(0.01)
            running.send_signal(number)
            assert running.wait(20) == 0
        assert enough <= line_count(findings) < 40
    assert command("run", path).returncode == 0
    assert findings.read_bytes() == (tmp_path / "whole" / "findings.jsonl").read_bytes()


def test_a_killed_gateway_loses_nothing_that_was_journalled(tmp_path):
    (tmp_path / "whole").mkdir()
    assert command("run", write_site(tmp_path / "whole", windows=40)).returncode == 0
    path = write_site(tmp_path, windows=40, pause_s=0.02)
    findings = tmp_path / "findings.jsonl"
    with subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.DEVNULL) as running:
        while line_count(findings) < 10:
            assert running.poll() is None
            time.sleep(0.01)
        running.kill()
    assert command("run", path).returncode == 0
    lines = findings.read_bytes().splitlines(keepends=True)
    once = list(dict.fromkeys(lines))  # at least once: a delivery that the cursor had not seen comes again
    assert once == (tmp_path / "whole" / "findings.jsonl").read_bytes().splitlines(keepends=True)
    with open_journal(tmp_path / "tone.journal", 0) as journal:
        assert [entry.body["position"] for entry in journal.after(0, 100) if entry.kind == "finding"] == list(range(40))


def test_template_and_worker_end_with_a_killed_gateway(tmp_path):
    path = write_site(tmp_path, windows=1000, pause_s=0.02)
    findings = tmp_path / "findings.jsonl"
    with subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.DEVNULL) as running:
        while line_count(findings) < 1:
            assert running.poll() is None
            time.sleep(0.01)
        others = [*children(running.pid), worker_of(running.pid)]
        handles = [os.pidfd_open(other) for other in others]
        running.kill()
    try:
        assert all(signal_of_end(handle, 10) for handle in handles)
    finally:
        for handle in handles:
            os.close(handle)


def signal_of_end(handle: int, timeout_s: float) -> bool:
    """Whether the process of a pidfd ended in time."""
    import select

    return bool(select.select([handle], [], [], timeout_s)[0])


def test_two_gateways_on_one_journal_the_second_says_one_line(tmp_path):
    path = write_site(tmp_path, windows=1000, pause_s=0.02)
    with subprocess.Popen([COMMAND, "run", str(path)], stderr=subprocess.DEVNULL) as first:
        while line_count(tmp_path / "findings.jsonl") < 1:
            assert first.poll() is None
            time.sleep(0.01)
        told = command("run", path)
        first.terminate()
        assert first.wait(20) == 0
    journal = tmp_path / "tone.journal"
    assert told.stderr == f"{journal}: another gateway writes this journal (process {first.pid})\n"
    assert told.returncode == 1


def test_a_file_that_never_was_a_journal_says_one_line(tmp_path):
    path = write_site(tmp_path)
    (tmp_path / "tone.journal").write_bytes(b"no database" * 1000)
    told = command("run", path)
    assert told.returncode == 1
    assert told.stderr.startswith(
        f"{tmp_path / 'tone.journal'}: must be a journal, found a file that is no SQLite database"
    )
    assert told.stderr.count("\n") == 1


def test_simulate_has_the_defaults_of_the_simulation(tmp_path):
    told = command("simulate", "--out", tmp_path / "rec.npz", "--seconds", 0.1, "--json")
    truth = json.loads(told.stdout)
    defaults = asdict(Simulation(seconds=0.1))
    assert {name: truth[name] for name in defaults} == defaults
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rec.json", "rec.npz"]


def test_what_cannot_be_simulated_is_one_line(tmp_path):
    told = command("simulate", "--out", tmp_path / "rec.npz", "--width-mm", "-1")
    assert (told.returncode, told.stderr) == (2, "simulate: width_mm must be 0 to 39.04, got -1\n")


def test_batch_prints_what_it_wrote(tmp_path):
    assert command("simulate", "--out", tmp_path / "rec.npz", "--seconds", 3).returncode == 0
    arguments = (CONFIGS / "simulated.toml", tmp_path / "rec.npz", "--out", tmp_path / "out", "--no-report")
    told = command("batch", *arguments, "--format", "csv")
    assert told.returncode == 0, told.stderr
    assert {Path(line).name for line in told.stdout.splitlines()} >= {"findings.jsonl", "findings.csv", "summary.json"}
    assert json.loads(command("batch", *arguments, "--json").stdout)["windows"] == 2
