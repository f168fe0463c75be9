"""What the documents show can be done, and what they name exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
SLOW = ("demo", "run")  # they have tests of their own


def commands(text: str) -> list[list[str]]:
    """The `$ inversion ...` lines of the console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line.split() for line in lines if line.startswith("inversion ")]


def test_the_commands_of_the_readme_run_one_after_the_other(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shown = [words for words in commands(README) if words[1] not in SLOW]
    assert {words[1] for words in shown} == {"simulate", "batch", "check", "plugins"}
    for words in shown:
        program = str(Path(sys.executable).with_name(words[0]))
        done = subprocess.run([program, *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    listed = set(re.findall(r"^\| `(\w+\.\w+)`", README, re.MULTILINE)) | {"report.html"}
    written = {path.name for path in (tmp_path / "results").iterdir()}
    assert written == {"findings.jsonl", "summary.json", "report.html"} <= listed
    [recording] = json.loads((tmp_path / "results" / "summary.json").read_text())["recordings"]
    assert recording["claimed"] == ["outer_impact", "outer_spall"]


def test_the_commands_that_are_not_run_here_exist():
    for words in commands(README):
        program = str(Path(sys.executable).with_name(words[0]))
        assert subprocess.run([program, words[1], "--help"], capture_output=True, timeout=60).returncode == 0


def test_the_answer_shown_has_the_shape_of_the_contract():
    schema = json.loads((ROOT / "inversion/core/finding.schema.json").read_text())["$defs"]["parameter"]
    shown = json.loads("{" + re.search(r"```json\n(.*?)```", README, re.DOTALL)[1] + "}")
    assert list(shown["outer_spall"]) == schema["required"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
    inside = [link for link in links if not link.startswith("https://")]
    assert [link for link in inside if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_places_that_are_named_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    places = re.findall(r"`((?:sensors|inversion|configs|tests)/[\w./]*)`", text)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_make_targets_that_are_shown_exist():
    targets = set(re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in DOCUMENTS:
        for target in re.findall(r"^\$ make ([\w./]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE):
            assert target in targets


def test_the_picture_is_a_picture():
    drawing = ElementTree.parse(ROOT / "docs" / "pictures" / "width.svg").getroot()
    assert drawing.tag.endswith("svg")
    assert len(drawing.findall("{*}circle")) + len(drawing.findall("{*}polygon")) == 50
