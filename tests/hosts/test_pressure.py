"""Pressure and cpuset on real control groups of version 2, on an ordinary kernel in an emulated machine."""

from __future__ import annotations

import json

import pytest
from emulated import ROOT, boot, reason

pytestmark = pytest.mark.skipif(bool(reason()), reason=reason() or "there")

PROGRAM = """
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, {hosts!r})
sys.path.append({tests!r})
from limited import BUSY, inside, share_of_a_core
from inversion.app.limits import Limits, make_group
from inversion.app.observe.report import _of_limits

GROUPS = Path("/sys/fs/cgroup")
(GROUPS / "cgroup.subtree_control").write_text("+cpu +memory +pids +cpuset")
group = make_group(Limits(cpu="25%", cpuset="1", memory="64MiB"), "inversion-1")
seen = {{"cpus": (group.folder / "cpuset.cpus").read_text(), "before": vars(group.usage())}}
with inside(group, BUSY) as process:
    while process.pid not in group.members():
        time.sleep(0.05)
    status = Path(f"/proc/{{process.pid}}/status").read_text()
    seen["allowed"] = [line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list")]
    seen["share"] = share_of_a_core(process.pid, 12.0)
    seen["usage"] = vars(group.usage())
    seen["metrics"] = [list(each.values) for each in _of_limits(group.usage()) if each.name.endswith("pressure")]
group.remove()
try:
    make_group(Limits(cpuset="7"), "inversion-1").remove()
except Exception as problem:
    seen["refused"] = f"{{type(problem).__name__}}: {{problem}}"
seen["left"] = [each.name for each in GROUPS.iterdir() if each.name.startswith("inversion-")]
print("SEEN", json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict:
    program = PROGRAM.format(hosts=str(ROOT / "tests" / "hosts"), tests=str(ROOT))
    told = boot(tmp_path_factory.mktemp("machine"), program)
    lines = [line for line in told.splitlines() if "SEEN " in line]
    assert lines, told[-3000:]
    return json.loads(lines[0].partition("SEEN ")[2])


def test_a_worker_runs_on_the_processor_that_it_was_given(seen):
    assert seen["cpus"] == "1\n"
    assert seen["allowed"] == ["1"]


def test_a_processor_that_is_not_there_is_refused_with_one_line(seen):
    assert seen["refused"].startswith("LimitsUnavailable: ")
    assert "cpuset.cpus" in seen["refused"]
    assert seen["left"] == []


def test_what_stood_still_for_its_quota_is_pressure(seen):
    """It wanted a whole core and had a quarter: something waited in most of the last ten seconds."""
    assert seen["before"]["cpu_pressure"] == 0.0
    assert seen["share"] == pytest.approx(0.25, abs=0.03)
    assert 0.3 < seen["usage"]["cpu_pressure"] <= 1.0
    assert (seen["usage"]["memory_pressure"], seen["usage"]["io_pressure"]) == (0.0, 0.0)
    assert seen["metrics"][0][0] == [{"resource": "cpu"}, seen["usage"]["cpu_pressure"]]
