"""What the guide to training shows works as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from inversion.app.train import STAGES
from inversion.training.network.recipe import Recipe

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "training.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path):
    pytest.importorskip("torch", reason="needs the extra `train`")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    blocks = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
    for language, code in blocks:
        if language in ("toml", "csv"):
            first, rest = code.split("\n", 1)
            (tmp_path / first.removeprefix("# ")).write_text(rest, encoding="utf-8")
    commands = [line.split()[1:] for kind, code in blocks if kind == "console" for line in code.splitlines()]
    assert [words[1] for words in commands] == ["train", "inspect", "train", *["simulate"] * 4, "adapt"]
    for words in commands:
        program = str(Path(sys.executable).with_name(words[0]))
        done = subprocess.run([program, *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    assert (tmp_path / "var/networks/pump_v1/card.toml").exists()


def test_every_stage_and_table_is_in_the_guide():
    tables = [each.name for each in fields(Recipe)]
    assert all(f"`{stage}`" in GUIDE for stage in STAGES)
    assert all(f"`[{name}]`" in GUIDE for name in tables)
