"""What the guide shows works as it stands."""

import re
from pathlib import Path

from inversion.app.fieldbus.plan import plan_site, told
from inversion.app.fieldbus.verbs import VERBS
from sensors.profilefile import load_profile

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "modbus.md").read_text(encoding="utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)[1]


def test_the_profile_with_all_keys_loads(tmp_path):
    path = tmp_path / "fan.toml"
    path.write_text(block("toml"), encoding="utf-8")
    profile = load_profile(path)
    assert profile.capture is not None
    assert [number for number, _ in profile.capture.waveforms[0].pages()] == [0, 1, 2]


def test_the_simulator_example_runs(capsys):
    exec(compile(block("python"), "modbus.md", "exec"), {"__name__": "guide"})
    assert "sample_rate=51200.0, unit='m/s2'" in capsys.readouterr().out


def test_the_plan_that_the_guide_shows_is_what_the_command_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = re.search(r"inversion plan (\S+)\n```\n```\n(.*?)```", GUIDE, re.DOTALL)
    assert told(plan_site(Path(shown[1]))) == shown[2].splitlines()


def test_every_verb_that_the_guide_names_exists():
    known = {verb.__name__ for verb, _ in VERBS} | {"batch", "check", "demo", "simulate"}
    assert set(re.findall(r"inversion ([a-z]+)", GUIDE)) <= known
