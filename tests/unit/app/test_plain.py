"""What was configured comes back from plain data equal to what it was; what cannot come back is refused."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inversion.app.configuration import load_parts, load_site
from inversion.app.plain import NotPlain, decode, encode
from inversion.app.reading import told_site
from inversion.core import ConfigurationError, InversionError
from sensors import Quality

ROOT = Path(__file__).parents[3]
SITES = ["configs/cwru.toml", "configs/cwru_replay.toml", "configs/demo.toml", "configs/modbus.toml"]


class Side(Enum):
    LEFT = "left"


@dataclass(frozen=True)
class Leaf:
    side: Side
    paths: tuple[Path, ...]
    by_name: dict[str, float]
    seen: list[int] = field(default_factory=list, init=False)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
)


def through(thing):
    return decode(json.loads(json.dumps(encode(thing))))


@given(values)
def test_values_come_back(value):
    back = through(value)
    assert back == value
    assert type(back) is type(value)


def test_dataclasses_enumerations_and_paths_come_back():
    leaf = Leaf(Side.LEFT, (Path("/a/b"), Path("c")), {"low": -math.inf, "high": 1.5})
    leaf.seen.append(3)
    back = through(leaf)
    assert back == Leaf(Side.LEFT, leaf.paths, leaf.by_name)
    assert through(Quality.BAD) is Quality.BAD


@pytest.mark.parametrize("name", SITES)
def test_every_shipped_site_comes_back(name):
    site, parts = load_site(ROOT / name), load_parts(ROOT / name)
    assert through(site) == site
    assert through(parts) == parts


@pytest.mark.parametrize("thing", [{1, 2}, b"bytes", object(), lambda: None, Leaf])
def test_what_has_no_form_is_refused(thing):
    with pytest.raises(NotPlain, match="has no form as plain data"):
        encode(thing)


def test_a_class_that_no_other_process_finds_is_refused():
    @dataclass(frozen=True)
    class Local:
        x: int

    with pytest.raises(NotPlain, match="cannot be found"):
        encode(Local(1))


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"is": "os:system", "value": "true"},
        {"is": "subprocess:Popen", "fields": {"args": "true"}},
        {"is": "builtins:list", "value": {}},
        {"is": "tests:Nothing", "fields": {}},
    ],
)
def test_data_that_are_no_such_form_make_nothing(data):
    with pytest.raises((NotPlain, ImportError)):
        decode(data)


def test_a_told_problem_is_the_same_problem(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^line 3$"):
        told_site(tmp_path, json.dumps({"wrong": "line 3"}).encode())
    with pytest.raises(InversionError, match=r"^gone$"):
        told_site(tmp_path, json.dumps({"error": "gone"}).encode())


@pytest.mark.parametrize("told", [b"", b'{"not_plain": "Odd"}'])
def test_what_cannot_be_told_is_read_here(told):
    path = ROOT / "configs" / "demo.toml"
    assert told_site(path, told) == load_site(path)


def test_who_takes_a_site_from_plain_data_never_imports_what_validates():
    """Nor what inverts; the parts of the pipeline stay what they are until a worker makes them."""
    path = ROOT / "configs" / "demo.toml"
    reading = "import sys; from pathlib import Path; from inversion.app.reading import tell"
    tell = f"{reading}; tell(Path(sys.argv[1]), sys.stdout.buffer)"
    text = subprocess.run([sys.executable, "-c", tell, str(path)], capture_output=True, check=True, timeout=60).stdout
    program = """
import sys
from pathlib import Path
import inversion.app.gateway
from inversion.app.reading import told_site
site = told_site(Path(sys.argv[1]), sys.stdin.buffer.read())
assert site.parts["is"] == "inversion.app.parts:PipelineParts"
assert not {"pydantic", "inversion.pipeline", "inversion.tracking", "scipy", "onnxruntime"} & set(sys.modules)
"""
    command = [sys.executable, "-c", program, str(path)]
    told = subprocess.run(command, input=text, capture_output=True, timeout=60, env=dict(os.environ), check=False)
    assert told.returncode == 0, told.stderr.decode()
