"""What an installed package holds: every data file that the source tree has."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("package", ["sensors", "inversion"])
def test_every_data_file_is_packaged(package):
    """An editable install has all files whatever is declared, so only a wheel's user would miss one."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][package]
    packaged = {path for pattern in declared for path in (ROOT / package).glob(pattern)}
    data = {p for p in (ROOT / package).rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert data
    assert data <= packaged


def test_shipped_networks_are_packaged_through_the_link():
    """A wheel has no link: it holds what the patterns find behind it."""
    assert (ROOT / "inversion" / "models").resolve() == ROOT / "models"
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["inversion"]
    packaged = {path.resolve() for pattern in declared for path in (ROOT / "inversion").glob(pattern)}
    files = {path for card in (ROOT / "models").glob("*/card.toml") for path in card.parent.iterdir()}
    assert files <= packaged
