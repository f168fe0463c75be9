"""What the guide to the sinks shows can be configured, and its commands run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_site import write_site

from inversion.app.configuration import load_site

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "sinks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[re.search(r'use = "(\w+)"', block)[1] for block in BLOCKS])
def test_each_sink_of_the_guide_is_one_of_a_site(acme, tmp_path, block):
    sinks = load_site(write_site(tmp_path, more=block)).sinks
    assert list(sinks) == ["jsonl", re.search(r'(?:name|use) = "([\w ]+)"\n(?!name)', block)[1]]


def test_all_sinks_that_need_options_are_shown():
    assert len(BLOCKS) == 9


def test_the_commands_run(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shown = re.findall(r"^\$ inversion (.*)$", GUIDE, re.MULTILINE)
    assert shown
    for words in shown:
        command = [str(Path(sys.executable).with_name("inversion")), *words.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{words}: {done.stderr}"
