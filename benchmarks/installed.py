"""Children that read byte code, as those of an installed package do: `pip install` compiles, a checkout may not."""

from __future__ import annotations

import os
from pathlib import Path


def read_byte_code(folder: Path) -> None:
    """Has children of this process write byte code to a folder at first and read it from there afterwards."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
