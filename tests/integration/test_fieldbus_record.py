"""A live site into a recording that replays and batches identically."""

import json

from fieldbus_calls import REST, Bearing, call, served

from sensors.modbus.simulator import serve
from sensors.profilefile import load_profile


def findings(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_recorded_site_replays_and_batches_identically(tmp_path):
    source = "[source]\nuse = 'modbus'\nprofile = 'demo_vibration'\nasset = 'fan'\nline = '%s'\npoll_s = 0.05\n"
    live = f"[site]\nname = 'live'\n{source}{REST}"
    with served(lambda: serve(load_profile("demo_vibration"), Bearing())) as device:
        (tmp_path / "live.toml").write_text(live % device.line)
        code, said = call("record", tmp_path / "live.toml", "--out", tmp_path / "recorded", "--frames", 3)
    assert code == 0, said
    assert "fan: 3 frames" in said
    sink = f"[[sink]]\nuse = 'jsonl'\npath = '{tmp_path}/replayed.jsonl'\n"
    replay = f"[site]\nname = 'replay'\n[source]\nuse = 'frames'\nfiles = ['recorded/*.npz']\n{sink}{REST}"
    (tmp_path / "replay.toml").write_text(replay)
    assert call("run", tmp_path / "replay.toml")[0] == 0
    assert call("batch", tmp_path / "replay.toml", "--out", tmp_path / "results", "--no-report")[0] == 0
    replayed, batched = findings(tmp_path / "replayed.jsonl"), findings(tmp_path / "results" / "findings.jsonl")
    assert len(replayed) == 3
    assert replayed == batched
