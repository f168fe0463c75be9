"""Every site that is shipped can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from inversion.app.check import plan

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.toml")))
def test_every_site_is_good(name):
    assert plan(CONFIGS / name)["parameters"]
