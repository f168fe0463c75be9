"""A gateway whose time is short answers at less precision, says so, and a batch at that precision says the same."""

from __future__ import annotations

import asyncio
import json
import tomllib

import pytest
from gateway_site import SITE
from tiny_networks import grid_network, write_tiny

from inversion.app.configuration import load_pipeline, load_site
from inversion.app.gateway import run_gateway
from inversion.core import dumps, to_json
from inversion.pipeline import advance

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def site_path(acme, tmp_path):
    """A site whose network must answer within a time that no window takes."""
    from acme.model import Level

    write_tiny(tmp_path / "tiny_v1", Level(), grid_network(Level(), cells=500))
    engine = 'use = "network"\nnetwork = "tiny_v1"\nprecision = "adaptive"\nbudget_ms = 1e-6'
    path = tmp_path / "tone.toml"
    text = SITE.format(windows=8, pause_s=0.02, stop_s=10.0).replace('use = "acme_direct"', engine)
    path.write_text(text)
    assert tomllib.loads(text)["engine"]["precision"] == "adaptive"
    return path


async def collected(source):
    return [frame async for frame in source.frames()]


def test_live_steps_down_records_it_and_batch_answers_in_full(site_path):
    site = load_site(site_path)
    assert asyncio.run(run_gateway(site, asyncio.Event())) == 0
    live = [json.loads(line) for line in (site_path.parent / "findings.jsonl").read_text().splitlines()]
    precisions = [finding["network"]["precision"] for finding in live]
    assert precisions[0] == "full"
    assert precisions[-1] == "lite"
    assert {finding["network"]["network"] for finding in live} == {"tiny_v1"}
    frames = asyncio.run(collected(site.sources[0]))
    _, findings = advance(load_pipeline(site_path), {}, frames)
    batch = [to_json(finding, site.level) for finding in findings]
    assert {finding["network"]["precision"] for finding in batch} == {"full"}
    for finding in (*live, *batch):  # the two graphs of this network are the same file
        finding["network"] = None
    assert [dumps(finding) for finding in live] == [dumps(finding) for finding in batch]
