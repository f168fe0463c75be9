"""What the guide to empirical models shows works as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from inversion.app.configuration import load_calibration
from inversion.signal.features import KINDS, Feature

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "empirical.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
    for language, code in blocks:
        if language == "toml":
            (tmp_path / code.split("\n")[0].removeprefix("# ")).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, "empirical.md", "exec"), {})  # the guide is ours
    commands = [line.split()[1:] for kind, code in blocks if kind == "console" for line in code.splitlines()]
    assert [words[1] for words in commands] == ["calibrate", "batch", "validate", "train", "batch"]
    if find_spec("torch") is None:
        commands = commands[:3]  # the rest needs the extra `train`
    for words in commands:
        program = str(Path(sys.executable).with_name(words[0]))
        done = subprocess.run([program, *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    for results in ("results", "results_by_network")[: len(commands) // 2]:
        findings = (tmp_path / results / "findings.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(findings) == 30
        assert all(json.loads(line)["parameters"]["place"]["resolvable"] for line in findings)


def test_every_kind_and_option_of_a_feature_is_in_the_guide():
    for name in (*KINDS, *(option.name for option in fields(Feature) if option.name not in ("name", "channel"))):
        assert re.search(rf"`{name}\b", GUIDE), name


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "configs" / "calibration").glob("*.toml")))
def test_every_shipped_calibration_is_good(name):
    calibration, _ = load_calibration(ROOT / "configs" / "calibration" / name)
    assert calibration.feature
