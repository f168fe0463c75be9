"""The guide on tracking shows what there is: its command runs, its JSON and its settings are valid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft202012Validator

from inversion.alerts import AlertRule
from inversion.tracking import Tracker

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/tracking.md").read_text(encoding="utf-8")


def block(kind: str, start: str = "") -> str:
    """The first block of this language that begins with these words."""
    return re.search(rf"```{kind}\n({re.escape(start)}.*?)```", GUIDE, re.DOTALL)[1]


def test_the_command_runs_and_the_wearing_machine_alarms():
    words = block("console").removeprefix("$ ").split()
    told = subprocess.run([sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert (told.returncode, told.stderr) == (0, "")
    assert re.search(r"^all laws +\d\d", told.stdout, re.MULTILINE)
    held = re.search(r"of (\d+) resolved windows the width was held in (\d+)%, the time in (\d+)%", told.stdout)
    assert int(held[1]) > 30
    assert int(held[2]) >= 85
    assert int(held[3]) >= 85
    passed, alarm = (float(re.search(rf"{words} on day ([\d.]+)", told.stdout)[1]) for words in ("3 mm", "alarm"))
    assert passed <= alarm < passed + 3
    width = float(re.search(r"alarm on day [\d.]+ at ([\d.]+) mm", told.stdout)[1])
    assert 3.0 <= width < 3.45  # sooner than the whole path on which an entry may be felt


def test_the_track_shown_follows_the_schema():
    schema = json.loads((ROOT / "inversion/core/finding.schema.json").read_text(encoding="utf-8"))
    shown = json.loads("{" + block("json") + "}")
    Draft202012Validator({"$ref": "#/$defs/track", "$defs": schema["$defs"]}).validate(shown)


def test_the_settings_shown_are_settings():
    Tracker(**tomllib.loads(block("toml", "[tracking]"))["tracking"])


def test_the_alarm_shown_is_an_alarm():
    [alarm] = tomllib.loads(block("toml", "[[alarm]]"))["alarm"]
    assert AlertRule(**alarm).within_days == 14
