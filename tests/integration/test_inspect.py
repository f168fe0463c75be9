"""`inversion inspect`, and networks in `check` and `plugins`, as the command prints them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_networks import grid_network, write_tiny

from inversion.store.network import shipped_networks

sys.path.append(str(Path(__file__).parents[1] / "unit" / "engines"))
from scale_model import Plain

COMMAND = str(Path(sys.executable).with_name("inversion"))


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("networks") / "tiny_v1"
    write_tiny(made, Plain(), grid_network(Plain(), cells=50), failures=("none known",))
    return made


def test_it_tells_card_graphs_and_operators(folder):
    told = command("inspect", folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("tiny_v1: for the forward model plain (")
    for word in ("Softmax", "full", "lite", "operator set", "fingerprint", "none known", "Parameters"):
        assert word in told.stdout


def test_it_tells_the_same_as_json(folder):
    told = json.loads(command("inspect", folder, "--json").stdout)
    assert told["name"] == "tiny_v1"
    assert told["graphs"]["full"]["operators"]["Softmax"] == 1
    assert told["graphs"]["lite"]["bytes"] == (folder / "lite.onnx").stat().st_size
    assert told["card"]["parameter"][0]["name"] == "x"


def test_a_damaged_one_is_one_line(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "lite.onnx").write_bytes(b"short")
    told = command("inspect", tmp_path)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith(f"{tmp_path}/lite.onnx: not the file that card.toml describes")
    assert told.stderr.count("\n") == 1


def test_an_unknown_name_is_one_line():
    told = command("inspect", "no_such_network_v1")
    assert told.returncode == 2
    assert told.stderr.startswith("network must be a folder with a card.toml or one of those shipped (")


def test_plugins_lists_the_shipped_networks():
    listed = [one["name"] for one in json.loads(command("plugins", "--json").stdout) if one["group"] == "networks"]
    assert listed == list(shipped_networks())


@pytest.mark.parametrize("name", shipped_networks())
def test_every_shipped_network_passes_inspection(name):
    assert command("inspect", name).returncode == 0
