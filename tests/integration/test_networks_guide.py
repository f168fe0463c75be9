"""The guide to networks shows what there is: its commands run, its sites are good, its JSON follows the schema."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from inversion.app.configuration import load_pipeline
from inversion.engines.checked import CheckedInverter
from inversion.store.network import shipped_networks

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/networks.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "inversion/core/finding.schema.json").read_text(encoding="utf-8"))
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)

pytestmark = [
    pytest.mark.skipif("rolling_bearing_v1" not in shipped_networks(), reason="no network is shipped yet"),
]


@pytest.fixture
def place(tmp_path):
    """A folder with the configurations and the guide's site."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (site,) = [code for kind, code in BLOCKS if kind == "toml" and code.startswith("# pump.toml")]
    (tmp_path / "pump.toml").write_text(site)
    return tmp_path


def test_the_commands_run_and_the_network_answers(place):
    commands = [
        line.removeprefix("$ ").split() for kind, code in BLOCKS if kind == "console" for line in code.splitlines()
    ]
    assert [words[1] for words in commands] == ["inspect", "simulate", "check", "batch"]
    for words in commands:
        program = str(Path(sys.executable).with_name(words[0]))
        done = subprocess.run([program, *words[1:]], cwd=place, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        assert "rolling_bearing_v1" in done.stdout or words[1] in ("simulate", "batch")
    findings = [json.loads(line) for line in (place / "results/findings.jsonl").read_text().splitlines()]
    assert {finding["network"]["precision"] for finding in findings} == {"full"}
    resolved = [finding["parameters"]["outer_impact"]["resolvable"] for finding in findings]
    assert sum(resolved) > len(resolved) / 2


def test_the_checked_engine_shown_is_one(place):
    (engine,) = [code for kind, code in BLOCKS if kind == "toml" and code.startswith("[engine]")]
    text = (place / "pump.toml").read_text()
    (place / "pump.toml").write_text(text[: text.index("[engine]")] + engine)
    inverter = load_pipeline(place / "pump.toml").inverter
    assert isinstance(inverter, CheckedInverter)
    assert inverter.names == ("Network", "LeastSquares")
    assert [each.network for each in inverter.networks] == ["rolling_bearing_v1"]


def test_the_answer_shown_follows_the_schema():
    (shown,) = [code for kind, code in BLOCKS if kind == "json"]
    schema = {"$ref": "#/$defs/network", "$defs": SCHEMA["$defs"]}
    Draft202012Validator(schema).validate(json.loads("{" + shown + "}")["network"])
