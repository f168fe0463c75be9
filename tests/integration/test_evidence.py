"""What an alarm was raised on is kept, and comes out the same to the byte when it is run again."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gateway_site import write_site

from inversion.app import evidence
from inversion.app.configuration import load_site
from inversion.app.evidence import EvidenceOptions, read, replay, save

pytestmark = pytest.mark.usefixtures("acme")
COMMAND = str(Path(sys.executable).with_name("inversion"))


def tell(*words, code: int = 0) -> str:
    told = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, timeout=60)
    assert told.returncode == code, told.stderr
    return told.stdout + told.stderr


def bundles(folder: Path) -> list[Path]:
    return sorted((folder / "tone.evidence").glob("*.bundle"))


def test_the_evidence_of_an_alarm_is_replayed_to_the_same_bytes(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    (bundle,) = bundles(tmp_path)
    told = tell("replay", bundle)
    assert "too loud: active" in told
    assert told.endswith("the same, to the byte\n")
    kept = read(bundle)
    lines = [json.loads(line) for line in (tmp_path / "findings.jsonl").read_text().splitlines()]
    assert kept.finding in lines
    path.write_text("[site]\nname = 'another'\n")  # the configuration is in the bundle
    assert "the same, to the byte" in tell("replay", bundle)


def test_what_comes_out_otherwise_is_said(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    (bundle,) = bundles(tmp_path)
    kept = read(bundle)
    changed = kept.site[1].replace("limit = 0.5", "limit = 0.4")
    other = save(type(kept)(**{**vars(kept), "site": (kept.site[0], changed)}), tmp_path / "other", 64.0)
    assert replay(read(bundle)) == []
    told = tell("replay", other, code=1)
    assert "otherwise: alarms: was " in told


def test_a_bundle_that_was_tampered_with_or_is_none_is_one_line(tmp_path):
    path = write_site(tmp_path)
    tell("run", path)
    (bundle,) = bundles(tmp_path)
    bundle.write_bytes(bundle.read_bytes().replace(b"limit = 0.5", b"limit = 0.6"))
    assert "the configuration in it has been changed" in tell("replay", bundle, code=1)
    bundle.write_bytes(b"nothing")
    assert "must be a bundle of evidence" in tell("replay", bundle, code=1)


@pytest.mark.parametrize(("keep", "count"), [("none", 0), ("all", 8)])
def test_none_or_all_can_be_kept(tmp_path, keep, count):
    tell("run", write_site(tmp_path, more=f'[evidence]\nkeep = "{keep}"\n'))
    assert len(bundles(tmp_path)) == count
    for bundle in bundles(tmp_path):
        assert replay(read(bundle)) == []


def test_the_oldest_goes_where_there_is_no_room(tmp_path):
    tell("run", write_site(tmp_path, more='[evidence]\nkeep = "all"\nmost_mb = 0.1\n'))
    kept = bundles(tmp_path)
    assert 1 <= len(kept) < 8
    assert sum(path.stat().st_size for path in kept) <= 100_000
    assert read(kept[-1]).finding["position"] == 7


def a_bundle(folder: Path):
    tell("run", write_site(folder))
    (bundle,) = bundles(folder)
    return read(bundle)


def test_with_the_clock_set_back_what_is_new_stays_and_the_oldest_goes(tmp_path):
    kept, folder = a_bundle(tmp_path), tmp_path / "spool"
    size = save(kept, tmp_path / "other", 64.0).stat().st_size
    saved = []
    for hour in range(8):  # the clock runs back from window to window, and two of them it was years ahead
        finding = {**kept.finding, "start_ns": (8 - hour) * 3_600_000_000_000}
        saved.append(save(replace(kept, finding=finding), folder, 3.5 * size / 1e6))
        if hour in (0, 3):
            os.utime(saved[-1], (4e9 - hour, 4e9 - hour))
    assert set(folder.glob("*.bundle")) == set(saved[-3:])


def test_a_full_disk_keeps_no_half_bundle_and_what_a_killed_gateway_left_goes(tmp_path):
    kept, folder = a_bundle(tmp_path), tmp_path / "spool"
    folder.mkdir()
    (folder / "00000000000000000009-abcdef01.part").write_bytes(b"torn")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save(kept, folder, 64.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []
    path = save(kept, folder, 64.0, synced=True)
    assert list(folder.iterdir()) == [path]
    assert replay(read(path)) == []


def test_evidence_leaves_the_last_room_of_a_disk_to_the_journal(tmp_path, monkeypatch):
    """It would take all that is left, and the gateway could journal nothing any more."""
    kept, folder = a_bundle(tmp_path), tmp_path / "spool"
    size = save(kept, folder, 64.0).stat().st_size
    free = [evidence._RESERVE_BYTES + 3.5 * size]
    monkeypatch.setattr(evidence.shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    saved = []
    for n in range(1, 9):
        before = sum(path.stat().st_size for path in folder.iterdir())
        finding = {**kept.finding, "start_ns": 10**n}  # each is a byte larger than the one before
        saved.append(save(replace(kept, finding=finding), folder, 64.0))
        free[0] -= sum(path.stat().st_size for path in folder.iterdir()) - before
    assert free[0] >= evidence._RESERVE_BYTES
    assert set(folder.iterdir()) == set(saved[-4:])
    for path in folder.iterdir():
        path.unlink()
    free[0] = 0
    with pytest.raises(OSError, match="left to the journal"):
        save(kept, folder, 64.0)
    assert list(folder.iterdir()) == []


def test_what_rises_while_its_alarm_is_shelved_leaves_evidence_too(tmp_path):
    """When it comes back nobody else can tell any more what it was raised on."""
    path = write_site(tmp_path, windows=2)
    tell("run", path)
    assert bundles(tmp_path) == []
    path.write_text(path.read_text().replace("windows = 2", "windows = 8"))
    tell("alarms", "shelve", path, "fan", "too loud", "--for", "1h")
    tell("run", path)
    (bundle,) = bundles(tmp_path)
    assert [alarm["state"] for alarm in read(bundle).finding["alarms"]] == ["active"]
    assert "shelved" in tell("alarms", "list", path)
    assert replay(read(bundle)) == []


def test_options_that_mean_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="keep must be one of none, alarm, all; got 'some'"):
        EvidenceOptions(keep="some")
    with pytest.raises(ValueError, match=r"most_mb must lie between 0\.1 and 1,000,000 MB"):
        EvidenceOptions(most_mb=0)
    assert load_site(write_site(tmp_path)).evidence == EvidenceOptions()
