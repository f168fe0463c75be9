"""The balancing guide runs as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from inversion.app.balance.case import BalanceCase, Plane, Rotor, Sensor
from inversion.forward.unbalanced_rotor import UnbalancedRotor

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "balancing.md").read_text(encoding="utf-8")


def test_the_commands_run_in_order(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for language, code in re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL):
        if language == "toml" and code.startswith("# "):
            (tmp_path / code.split("\n")[0].removeprefix("# ")).write_text(code, encoding="utf-8")
    commands = re.findall(r"^\$ (inversion .*)$", GUIDE, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        name, *words = command.split()
        program = str(Path(sys.executable).with_name(name))
        done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "correction" in done.stdout or '"planes"' in done.stdout
    assert (tmp_path / "var" / "generator.html").stat().st_size > 1_000_000


def test_every_key_of_a_case_is_in_the_guide():
    for cls in (BalanceCase, Sensor, Plane, Rotor):
        for name in cls.__dataclass_fields__:
            assert f"`{name}" in GUIDE or f"[{name}]" in GUIDE or f"\n{name} = " in GUIDE, name


def test_the_forward_model_of_the_guide_can_be_built():
    text = re.findall(r"```toml\n(\[forward\].*?)```", GUIDE, re.DOTALL)[0]
    options = tomllib.loads(text)["forward"]
    assert options.pop("use") == "unbalanced_rotor"
    assert len(UnbalancedRotor(**options).space) == 4
