"""Installs a plug-in package into a folder, as pip would, without a network or a build."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path


def install(project: Path, into: Path) -> Path:
    """Copies the packages of `project` and writes the metadata of its pyproject; returns the folder for the path."""
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    for package in project.iterdir():
        if package.is_dir() and package.name != "__pycache__":
            shutil.copytree(package, into / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    info = into / f"{described['name'].replace('-', '_')}-{described['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )
    groups = described["entry-points"]
    lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in entries.items()) for group, entries in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return into
