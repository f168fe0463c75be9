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
