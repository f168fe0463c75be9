"""What the guides on linear cases and on validation show works as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inversion.app.configuration import load_pipeline
from inversion.engines.tikhonov import TikhonovInverter

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"


def block(guide: str, language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", (GUIDES / guide).read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture
def place(tmp_path) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "var").mkdir()
    return tmp_path


def run(place: Path, guide: str) -> list[str]:
    """What each command of the guide prints."""
    told = []
    for line in block(guide, "console").splitlines():
        name, *words = line.removeprefix("$ ").split()
        program = str(Path(sys.executable).with_name(name))
        done = subprocess.run([program, *words], cwd=place, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        told.append(done.stdout)
    return told


def test_unfold_prints_what_the_guide_shows(place):
    [told] = run(place, "linear.md")
    shown = re.findall(r"```text\n(.*?)```", (GUIDES / "linear.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    assert shown in told
    assert (place / "var" / "heat_flux.html").exists()


def test_the_site_of_the_guide_is_one(place):
    site = place / "configs" / "linear" / "site.toml"
    site.write_text(block("linear.md", "toml"), encoding="utf-8")
    assert isinstance(load_pipeline(site).inverter, TikhonovInverter)


def test_validate_works_on_the_recordings_of_the_guide(place):
    (place / "truth.csv").write_text(block("validation.md", "csv"), encoding="utf-8")
    told = run(place, "validation.md")[-1]
    assert "3 of 3 right, 0 wrong" in told
    assert sorted(path.name for path in (place / "var" / "validation").iterdir()) == [
        "validation.html", "validation.json",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["linear.md", "validation.md"])
def test_links_of_the_guides_lead_somewhere(name):
    links = re.findall(r"\]\(([^)#]+)", (GUIDES / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (GUIDES / link).exists()] == []
