"""A package of five plug-ins by somebody else is installed and run; no file of ours is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("inversion"))

SITE = """
[site]
name = "third"
[source]
use = "{source}"
{options}
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
[[sink]]
use = "acme_lines"
path = "lines.txt"
"""

LAYOUT = """
asset = "fan"
[reader]
use = "acme_text"
[channels.vibration]
variable = "column"
unit = "m/s2"
[sample_rate]
value = 100.0
"""


@pytest.fixture
def untouched():
    """Our own files, unchanged by the test."""
    ours = sorted(path for folder in ("sensors", "inversion") for path in (ROOT / folder).rglob("*.py"))
    before = [path.read_bytes() for path in ours]
    yield
    assert [path.read_bytes() for path in ours] == before


def run(folder: Path, source: str, options: str) -> list[str]:
    site = folder / "third.toml"
    site.write_text(SITE.format(source=source, options=options))
    told = subprocess.run([COMMAND, "run", str(site)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    return (folder / "lines.txt").read_text().splitlines()


def test_source_model_engine_and_sink(acme, tmp_path, untouched):
    lines = run(tmp_path, "acme_tone", "windows = 3")
    assert [line.split()[:2] for line in lines] == [["fan", str(i * 10**9)] for i in range(3)]
    levels = [float(line.split()[2]) for line in lines]
    assert levels == pytest.approx([i / 9.80665 for i in (1, 2, 3)], rel=1e-3)


def test_reader(acme, tmp_path, untouched):
    (tmp_path / "layout.toml").write_text(LAYOUT)
    (tmp_path / "a.txt").write_text("# made by hand\n" + "2.0\n-2.0\n" * 100)
    lines = run(tmp_path, "recording", 'layout = "layout.toml"\nfiles = ["*.txt"]\nwindow_s = 1.0')
    levels = [float(line.split()[2]) for line in lines]
    assert levels == pytest.approx([2 / 9.80665] * 2, rel=1e-3)
