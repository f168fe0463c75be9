"""What the guide to the sinks shows can be configured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gateway_site import write_site

from inversion.app.configuration import load_site

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "sinks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[re.search(r'use = "(\w+)"', block)[1] for block in BLOCKS])
def test_each_sink_of_the_guide_is_one_of_a_site(acme, tmp_path, block):
    sinks = load_site(write_site(tmp_path, more=block)).sinks
    assert list(sinks) == ["jsonl", re.search(r'use = "(\w+)"', block)[1]]


def test_all_sinks_that_need_options_are_shown():
    assert len(BLOCKS) == 3
