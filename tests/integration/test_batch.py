"""`run_batch` on small recordings: what it writes, and what it never leaves behind."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from inversion.app.batch import BatchFailed, run_batch
from inversion.app.batch.staging import staging
from inversion.core import ConfigurationError

SITE = """
[site]
name = "levels"
[source]
use = "recording"
layout = "levels.layout.toml"
files = ["*.npz"]
window_s = 0.1
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
[tracking]
growth_per_sqrt_day = 1000.0
[[alarm]]
name = "too loud"
parameter = "level"
limit = 2.0
"""
LAYOUT = """
asset = "{asset}"
[reader]
use = "npz"
[sample_rate]
value = 1000.0
[channels.vibration]
variable = "vibration"
unit = "m/s2"
"""


def recording(path: Path, level: float, seconds: float = 1.0) -> Path:
    times = np.arange(round(1000 * seconds)) / 1000
    np.savez(path, vibration=(level * np.sqrt(2) * np.sin(2 * np.pi * 50 * times)).astype(np.float32))
    return path


@pytest.fixture
def site(tmp_path, acme) -> Path:
    (tmp_path / "levels.layout.toml").write_text(LAYOUT.replace("{asset}", "{stem}"))
    path = tmp_path / "levels.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


def text(console: Console) -> str:
    return console.file.getvalue()


def read(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "findings.jsonl").read_text().splitlines()]


def test_one_finding_a_window_in_the_order_of_the_files(site, tmp_path, quiet):
    paths = [recording(tmp_path / f"{name}.npz", level) for name, level in (("b", 30.0), ("a", 5.0), ("c", 10.0))]
    result = run_batch(site, paths, tmp_path / "out", console=quiet, report=False)
    findings = read(tmp_path / "out")
    assert Counter(f["asset"] for f in findings) == {"b": 10, "a": 10, "c": 10}
    assert [(f["asset"], f["position"]) for f in findings] == [(a, k) for a in "bac" for k in range(10)]
    schema = json.loads(package_files("inversion.core").joinpath("finding.schema.json").read_text())
    for finding in findings:
        Draft202012Validator(schema).validate(finding)
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["findings.jsonl", "summary.json"]
    assert "inverted 3 of 3 files" in text(quiet)


def test_the_console_says_what_was_found_alarms_first_where_there_are_many(site, tmp_path, quiet):
    calm = [recording(tmp_path / f"calm_{k:02d}.npz", 5.0, 0.2) for k in range(24)]
    run_batch(site, [*calm, recording(tmp_path / "loud.npz", 30.0, 0.2)], tmp_path / "out", console=quiet, report=False)
    said = text(quiet).splitlines()
    first = said.index("inverted 25 of 25 files") + 1
    assert said[first].startswith("loud.npz: level 3.")
    assert said[first].endswith("ALARM too loud")
    assert said[first + 1].startswith("calm_00.npz: level ")
    assert said[-1] == "and 5 more recordings, in summary.json and the report"


def test_the_summary_says_what_was_found(site, tmp_path, quiet):
    paths = [recording(tmp_path / "loud.npz", 30.0), recording(tmp_path / "calm.npz", 5.0)]
    result = run_batch(site, paths, tmp_path / "out", console=quiet, report=False)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary == result.summary
    loud, calm = summary["recordings"]
    assert (loud["windows"], loud["good_share"], loud["claimed"]) == (10, 1.0, ["level"])
    assert loud["parameters"]["level"]["low"] < 30 / 9.80665 < loud["parameters"]["level"]["high"]
    assert loud["alarms"] == [{"name": "too loud", "raised": 1, "state": "active"}]
    assert calm["alarms"] == [{"name": "too loud", "raised": 0, "state": "normal"}]
    assert summary["windows"] == 20
    assert len(summary["configuration"]["sha256"]) == 64


def test_the_same_findings_whatever_the_number_of_processes(site, tmp_path, quiet):
    paths = [recording(tmp_path / f"{k}.npz", 3.0 + k) for k in range(4)]
    for workers in (1, 2):
        run_batch(site, paths, tmp_path / str(workers), workers=workers, console=quiet, report=False)
    assert (tmp_path / "1/findings.jsonl").read_bytes() == (tmp_path / "2/findings.jsonl").read_bytes()


def test_files_of_one_asset_follow_one_another(site, tmp_path, quiet):
    (tmp_path / "levels.layout.toml").write_text(LAYOUT.replace("{asset}", "fan"))
    paths = [recording(tmp_path / f"{k}.npz", level) for k, level in enumerate((30.0, 30.0))]
    run_batch(site, paths, tmp_path / "out", console=quiet, report=False)
    raised = [r["alarms"][0]["raised"] for r in json.loads((tmp_path / "out/summary.json").read_text())["recordings"]]
    assert raised == [1, 0]
    assert {f["asset"] for f in read(tmp_path / "out")} == {"fan"}


def test_a_damaged_file_is_one_line_and_the_others_go_on(site, tmp_path, quiet):
    good = recording(tmp_path / "good.npz", 5.0)
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(good.read_bytes()[:400])
    short = recording(tmp_path / "short.npz", 5.0, seconds=0.05)
    absent = tmp_path / "absent.npz"
    result = run_batch(site, [damaged, good, short, absent], tmp_path / "out", console=quiet, report=False)
    assert result.exit_code == 1
    failed = result.summary["failed"]
    assert [Path(failure["file"]).name for failure in failed] == ["damaged.npz", "short.npz", "absent.npz"]
    assert "3 of 4 files gave nothing, as said above" in text(quiet)
    for failure in failed:
        assert Path(failure["file"]).name in failure["reason"]
        assert text(quiet).count(failure["reason"]) == 1
        assert "\n" not in failure["reason"]
    assert {f["asset"] for f in read(tmp_path / "out")} == {"good"}


def test_a_file_given_twice_is_inverted_once(site, tmp_path, quiet):
    path = recording(tmp_path / "a.npz", 5.0)
    assert run_batch(site, [path, path], tmp_path / "out", console=quiet, report=False).summary["windows"] == 10


def test_without_files_the_site_names_them(site, tmp_path, quiet):
    recording(tmp_path / "a.npz", 5.0)
    assert run_batch(site, [], tmp_path / "out", console=quiet, report=False).summary["windows"] == 10


def test_a_site_whose_files_are_nowhere_is_one_line(site, tmp_path, quiet):
    with pytest.raises(ConfigurationError, match=rf"^{site}: source\.files: no file matches '.*/\*\.npz'$"):
        run_batch(site, [], tmp_path / "out", console=quiet)
    assert not (tmp_path / "out").exists()


def test_tables_hold_the_findings_flat(site, tmp_path, quiet):
    from pyarrow import parquet

    path = recording(tmp_path / "a.npz", 5.0)
    result = run_batch(site, [path], tmp_path / "out", formats=["csv", "parquet"], console=quiet, report=False)
    assert [p.name for p in result.outputs] == ["findings.jsonl", "findings.csv", "findings.parquet", "summary.json"]
    findings = read(tmp_path / "out")
    with (tmp_path / "out/findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "out/findings.parquet").to_pylist()
    for finding, row, record in zip(findings, rows, table, strict=True):
        assert float(row["level_mean_g"]) == record["level_mean_g"] == finding["parameters"]["level"]["mean"]
        assert record["track_level_high_g"] == finding["track"]["level"]["high"]
        assert (record["start_ns"], record["level_resolvable"]) == (finding["start_ns"], True)
        assert (record["alarm_too_loud_state"], record["quality"]) == ("normal", "good")


def test_results_of_an_earlier_batch_are_replaced_as_a_whole(site, tmp_path, quiet):
    path = recording(tmp_path / "a.npz", 5.0)
    run_batch(site, [path], tmp_path / "out", formats=["csv"], console=quiet, report=False)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    run_batch(site, [path], tmp_path / "out", console=quiet, report=False)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["findings.jsonl", "notes.txt", "summary.json"]


def test_what_cannot_work_is_refused_before_anything_is_read(site, tmp_path, quiet):
    path = recording(tmp_path / "a.npz", 5.0)
    with pytest.raises(ConfigurationError, match="--format xml: no such format, there are: jsonl, parquet, csv"):
        run_batch(site, [path], tmp_path / "out", formats=["xml"], console=quiet)
    site.write_text(SITE.replace('use = "recording"', 'use = "acme_tone"').split("layout")[0] + SITE.split("0.1\n")[1])
    with pytest.raises(ConfigurationError, match='batch needs one source, with use = "recording", found ToneSource'):
        run_batch(site, [path], tmp_path / "out", console=quiet)
    assert not (tmp_path / "out").exists()


SCRIPT = """
import sys
from pathlib import Path
from inversion.app.batch import BatchFailed, run_batch
from inversion.app.batch.staging import staging
if __name__ == "__main__":
    try:
        run_batch(Path(sys.argv[1]), [Path(p) for p in sys.argv[3:]], Path(sys.argv[2]), report=False, workers=2)
    except BatchFailed as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def started(tmp_path: Path, site: Path, paths: list[Path], **options) -> subprocess.Popen:
    script = tmp_path / "batch_script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(site), str(tmp_path / "out"), *map(str, paths)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)


def test_a_full_disk_is_one_line_and_nothing_is_left(site, tmp_path):
    """A limit on the size of a file stands in for the disk: the write fails in the same place."""
    paths = [recording(tmp_path / f"{k}.npz", 5.0, seconds=60.0) for k in range(2)]
    with started(
        tmp_path, site, paths, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    ) as p:
        _, complaint = p.communicate(timeout=120)
    assert p.returncode == 1
    assert complaint.splitlines()[-1] == f"cannot write to {tmp_path / 'out'}: File too large"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "everybody", "code"),
    [(signal.SIGINT, True, 130), (signal.SIGTERM, False, 143)],  # a terminal tells the whole group, systemd may not
)
def test_a_stop_leaves_no_results_and_no_processes(site, tmp_path, number, everybody, code):
    paths = [recording(tmp_path / f"{k}.npz", 5.0, seconds=1.0) for k in range(400)]
    with started(tmp_path, site, paths) as p:
        assert p.stderr.readline().startswith("inverted 40 of")  # it is in the middle
        (os.killpg if everybody else os.kill)(p.pid, number)
        _, rest = p.communicate(timeout=60)  # ends when the last process that holds this pipe is gone
    assert p.returncode == code
    assert "Traceback" not in rest
    assert list((tmp_path / "out").iterdir()) == []


def test_processes_end_with_a_parent_that_is_killed(site, tmp_path):
    paths = [recording(tmp_path / f"{k}.npz", 5.0, seconds=1.0) for k in range(400)]
    with started(tmp_path, site, paths) as p:
        assert p.stderr.readline().startswith("inverted 40 of")
        p.kill()
        _, rest = p.communicate(timeout=60)
    assert "Traceback" not in rest
    assert not (tmp_path / "out" / "findings.jsonl").exists()
    [left] = (tmp_path / "out").iterdir()
    console = Console(file=io.StringIO(), width=500)
    run_batch(site, paths[:1], tmp_path / "out", console=console, report=False)
    assert f"{left}: left by a batch that was killed, removed" in console.file.getvalue()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"findings.jsonl", "summary.json"}


def test_what_a_living_batch_is_writing_stays(tmp_path):
    said = []
    with staging(tmp_path, said.append) as first:
        (first.folder / "findings.jsonl").write_text("half")
        with staging(tmp_path, said.append) as second:
            assert second.folder != first.folder
        assert (first.folder / "findings.jsonl").exists()
    assert said == []
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_takes_only_its_own_asset_with_it(site, tmp_path, quiet, monkeypatch):
    (tmp_path / "sudden.py").write_text(
        "import os\n"
        "import acme.model\n"
        "observe = acme.model.Level.observe\n"
        "def dying(self, frames):\n"
        "    if frames[0].asset == 'fatal':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return observe(self, frames)\n"
        "acme.model.Level.observe = dying\n"
    )
    (tmp_path / "sitecustomize.py").write_text("import sudden\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    paths = [recording(tmp_path / f"{name}.npz", 5.0) for name in ("one", "fatal", "two")]
    result = run_batch(site, paths, tmp_path / "out", workers=1, console=quiet, report=False)
    assert [r["asset"] for r in result.summary["recordings"]] == ["one", "two"]
    assert "killed by SIGKILL, perhaps out of memory" in result.summary["failed"][0]["reason"]


def test_a_folder_that_cannot_be_written_is_one_line(site, tmp_path, quiet):
    path = recording(tmp_path / "a.npz", 5.0)
    (tmp_path / "out").write_text("a file is in the way")
    with pytest.raises(BatchFailed, match=r"cannot write to .*out: File exists"):
        run_batch(site, [path], tmp_path / "out", console=quiet, report=False)


def test_the_report_is_written_beside_the_results(site, tmp_path, quiet):
    paths = [recording(tmp_path / f"{name}.npz", 5.0) for name in ("a", "b")]
    result = run_batch(site, paths, tmp_path / "out", console=quiet)
    assert [p.name for p in result.outputs] == ["findings.jsonl", "report.html", "summary.json"]
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert page.index("<h2>a</h2>") < page.index("<h2>b</h2>")
    assert page.count("level 0.51 g") == 4


def test_without_plotly_the_other_results_are_written(site, tmp_path, quiet, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    result = run_batch(site, [recording(tmp_path / "a.npz", 5.0)], tmp_path / "out", console=quiet)
    assert [p.name for p in result.outputs] == ["findings.jsonl", "summary.json"]
    assert text(quiet).count("pip install 'edge-inversion[report]'") == 1
    assert result.exit_code == 0


def test_a_disk_that_fills_at_the_end_leaves_the_earlier_results(site, tmp_path, quiet, monkeypatch):
    path = recording(tmp_path / "a.npz", 5.0)
    run_batch(site, [path], tmp_path / "out", console=quiet)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("inversion.app.batch.run.write_report", full)
    with pytest.raises(BatchFailed, match=r"cannot write to .*out: No space left on device"):
        run_batch(site, [path], tmp_path / "out", console=quiet)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_terminal_shows_a_bar_with_the_time_left(site, tmp_path):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120, legacy_windows=False)
    run_batch(site, [recording(tmp_path / "a.npz", 5.0)], tmp_path / "out", console=terminal, report=False)
    shown = terminal.file.getvalue()
    assert "1 of 1 files" in shown
    assert "100 %" in shown
    assert "left" in shown
