"""The sites that are shipped, on the recordings that they are written for; live equals batch to the byte."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from inversion.app.batch import run_batch
from inversion.app.configuration import load_site
from inversion.app.gateway import run_gateway
from inversion.app.journal import open_journal
from inversion.app.sinks.jsonl import JsonLinesSink

pytestmark = pytest.mark.recordings

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = ("normal_0_97.mat", "12k_Drive_End_IR007_0_105.mat", "12k_Drive_End_OR007@6_0_130.mat")


@pytest.fixture(scope="module")
def replayed(data, tmp_path_factory):
    """Folder with the journal and the findings of `cwru_replay.toml`, run as fast as it goes."""
    folder = tmp_path_factory.mktemp("replayed")
    site = load_site(CONFIGS / "cwru_replay.toml")
    (source,) = site.sources
    assert source.realtime
    files = tuple(data / "cwru" / path.name for path in source.files)
    site = dataclasses.replace(
        site,
        sources=(dataclasses.replace(source, files=files, realtime=False),),
        sinks={"jsonl": JsonLinesSink(folder / "findings.jsonl")},
        journal=folder / "site.journal",
    )
    assert asyncio.run(run_gateway(site, asyncio.Event())) == 0
    return folder


def test_the_replay_alarms_on_the_race_that_is_faulty_and_on_no_other(replayed):
    with open_journal(replayed / "site.journal", 0) as journal:
        changes = [entry.body for entry in journal.alarms(1000)]
    active = {(body["asset"], body["alarm"]) for body in changes if body["to"] == "unacknowledged"}
    assert active == {
        ("12k_Drive_End_IR007_0_105", "inner race strikes"),
        ("12k_Drive_End_OR007@6_0_130", "outer race strikes"),
    }


def test_live_equals_batch_to_the_byte(replayed, data, tmp_path):
    files = [data / "cwru" / name for name in FILES]
    run_batch(CONFIGS / "cwru_replay.toml", files, tmp_path / "out", report=False, workers=1)
    assert (tmp_path / "out" / "findings.jsonl").read_bytes() == (replayed / "findings.jsonl").read_bytes()


def test_a_recording_that_is_damaged_stops_no_other(data, tmp_path):
    whole = (data / "cwru" / FILES[1]).read_bytes()
    (tmp_path / "12k_Drive_End_cut.mat").write_bytes(whole[: len(whole) // 2])
    site = load_site(CONFIGS / "cwru_replay.toml")
    (source,) = site.sources
    files = (tmp_path / "12k_Drive_End_cut.mat", data / "cwru" / FILES[2])
    site = dataclasses.replace(
        site,
        sources=(dataclasses.replace(source, files=files, realtime=False),),
        sinks={},
        journal=tmp_path / "site.journal",
    )
    assert asyncio.run(run_gateway(site, asyncio.Event())) == 1
    with open_journal(site.journal, 0) as journal:
        assert {entry.asset for entry in journal.after(0, 1000) if entry.kind == "finding"} == {
            "12k_Drive_End_OR007@6_0_130"
        }
        failed = [event.text for event in journal.events() if event.kind == "source_failed"]
    assert len(failed) == 1
    assert "12k_Drive_End_cut.mat" in failed[0]
