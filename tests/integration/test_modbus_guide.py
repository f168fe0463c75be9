"""What the guide shows works as it stands."""

import re
from pathlib import Path

from sensors.profilefile import load_profile

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "modbus.md").read_text(encoding="utf-8")


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
