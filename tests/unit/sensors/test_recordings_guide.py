"""What the guide shows works as it stands."""

import re
from pathlib import Path

from sensors.layout import ChannelLayout, StartLayout, ValueLayout
from sensors.readers.delimited import DelimitedReader

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "recordings.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for language, code in re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "toml":
            (tmp_path / code.split("\n")[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    for language, code in re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "python":
            exec(compile(code, "recordings.md", "exec"), {})  # the guide is ours
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["pump7 0 drive_end 2027 m/s2 GOOD", "pump7 0 shaft_hz 1 Hz GOOD"]
    assert len(lines) == 4


def test_every_key_is_in_the_guide():
    for cls in (ChannelLayout, ValueLayout, StartLayout, DelimitedReader):
        for name in cls.__dataclass_fields__:
            assert f"`{name}" in GUIDE, name
