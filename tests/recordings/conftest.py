"""Real recordings, never part of this repository: where they are, and what happens where they are not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings: INVERSION_DATA, by default ../shared/data beside the repository.

    Tests skip where it is absent, except on CI, where they fail.
    """
    folder = (ROOT / os.environ.get("INVERSION_DATA", "../shared/data")).resolve()
    if folder.is_dir():
        return folder
    reason = f"no real recordings in {folder}; set INVERSION_DATA to their folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
