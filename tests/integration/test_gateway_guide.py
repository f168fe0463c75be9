"""What the guide to the gateway shows can be configured, is refused as it says, and its commands run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from inversion.app.configuration import load_pipeline, load_site
from inversion.core import ConfigurationError

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "gateway.md").read_text(encoding="utf-8")
WHOLE, ALARMS, OBSERVED, ENTRY = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
SITE = WHOLE.replace("profiles/fan.toml", "demo_vibration")
SECTIONS = ("site", "source", "forward", "engine", "tracking", "alarm", "sink", "journal", "limits", "evidence")


def written(folder: Path, text: str) -> Path:
    path = folder / "fan.toml"
    path.write_text(text)
    return path


def test_the_site_of_the_guide_is_one(tmp_path):
    path = written(tmp_path, SITE)
    assert list(load_site(path).sinks) == ["jsonl", "second copy"]
    assert [rule.name for rule in load_pipeline(path).rules] == ["outer spall above limit"]
    sections = {*SECTIONS, "alarm_desk", "observe", "log", "clock", "gateway"}
    assert set(re.findall(r"^\[+(\w+)", SITE, re.MULTILINE)) == sections


def test_every_alarm_of_the_guide_is_one(tmp_path):
    first, rest = SITE.index("[[alarm]]"), SITE.index("[[sink]]")
    path = written(tmp_path, SITE[:first] + SITE[rest:] + ALARMS)
    found = [rule.name for rule in load_pipeline(path).rules] + [rule.name for rule in load_site(path).silences]
    assert found == ["outer spall above limit", "outer spall grows", "loose sensor", "not heard of"]
    assert [state.name for state in load_pipeline(path).states] == ["stopped", "run-up"]


def test_the_hosts_of_a_proxy_are_taken(tmp_path):
    replaced = re.sub(r"\[observe\].*\n.*\n", OBSERVED, SITE, count=1)
    assert load_site(written(tmp_path, replaced)).observe.names == ("gateway.plant.example",)


def test_the_mistake_of_the_guide_is_told_so(tmp_path):
    shown = re.search(r"^configs/fan\.toml:(.*)$", GUIDE, re.MULTILINE)[1]
    path = written(tmp_path, SITE.replace("limit = 3.0", "limit = 30", 1))
    with pytest.raises(ConfigurationError) as refused:
        load_pipeline(path)
    assert str(refused.value) == f"{path}:{shown}"


def test_the_commands_that_need_nothing_run():
    shown = [words.split("#")[0].split() for words in re.findall(r"^inversion (.*)$", GUIDE, re.MULTILINE)]
    harmless = [words for words in shown if words[0] in ("check", "plugins")]
    assert len(harmless) >= 2
    for words in harmless:
        command = [str(Path(sys.executable).with_name("inversion")), *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{words}: {done.stderr}"
