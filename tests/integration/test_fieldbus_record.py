"""A live site into a recording that replays and batches identically, and as the live run of that very pass."""

import asyncio
import json
import re
from contextlib import aclosing
from dataclasses import replace

import pytest
from fieldbus_calls import REST, Bearing, call, served

from inversion.app.clock.clock import Clock
from inversion.app.clock.frames import settled
from inversion.app.configuration import load_site
from inversion.app.gateway import run_gateway
from inversion.app.journal import read_journal
from sensors.framefile import write_frames
from sensors.modbus.faults import Fault, delayed
from sensors.modbus.simulator import serve, serve_serial
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


class Teed:
    """A source whose frames are kept as they pass to the gateway; it ends after so many."""

    def __init__(self, source, number):
        self.source, self.number, self.asset, self.kept = source, number, source.asset, []

    async def frames(self):
        async with aclosing(self.source.frames()) as coming:
            async for frame in coming:
                self.kept.append(frame)
                yield frame
                if len(self.kept) == self.number:
                    return


@pytest.mark.parametrize(("wires", "trust"), [("tcp", "never"), ("rtu", "always")])
def test_a_recording_finds_to_the_byte_what_the_live_run_of_the_same_polling_pass_found(tmp_path, wires, trust):
    """A device that is lost in between: the frames of that very pass, live, replayed and in batch.

    Only where a moment lies on the clock of the live box's start is not recorded: it means nothing elsewhere.
    """

    def misbehave(request):
        return {900: Fault.SILENCE, 1500: delayed(0.4)}.get(request.number)

    def make():
        profile = load_profile("demo_vibration")
        if wires == "rtu":
            return serve_serial({1: (profile, Bearing())}, misbehave)
        return serve(profile, Bearing(), misbehave=misbehave)

    common = f"[site]\nname = 'rig'\n{REST}\n[[sink]]\nuse = 'jsonl'\npath = '{tmp_path}/%s.jsonl'\n"
    with served(make) as device:
        line = device if wires == "rtu" else device.line
        source = f"use = 'modbus'\nprofile = 'demo_vibration'\nasset = 'fan'\nline = '{line}'\n"
        options = f"poll_s = 0.05\ntimeout_s = 0.2\nbaud = 1000000\n[clock]\ntrust = '{trust}'\n"
        (tmp_path / "live.toml").write_text(f"[gateway]\nretry_s = 0.05\n{common % 'live'}[source]\n{source}{options}")
        site = load_site(tmp_path / "live.toml")
        teed = Teed(site.sources[0], 3)
        assert asyncio.run(run_gateway(replace(site, sources=(teed,)), asyncio.Event())) == 0
    with read_journal(site.journal) as journal:
        assert "source_gone" in [event.kind for event in journal.events()]
    write_frames(tmp_path / "recorded.npz", settled(teed.kept, Clock(site.clock).setting))  # as `record` does
    replay = f"{common % 'replayed'}[source]\nuse = 'frames'\nfiles = ['recorded.npz']\n"
    (tmp_path / "replay.toml").write_text(replay)
    assert call("run", tmp_path / "replay.toml")[0] == 0
    assert call("batch", tmp_path / "replay.toml", "--out", tmp_path / "results", "--no-report")[0] == 0
    live = re.sub(rb'"monotonic_ns":\d+,', b"", (tmp_path / "live.jsonl").read_bytes())
    assert live.count(b"\n") == 3
    assert live.count(b'"clock_trusted":true') == (3 if trust == "always" else 0)
    assert (tmp_path / "replayed.jsonl").read_bytes() == live
    assert (tmp_path / "results" / "findings.jsonl").read_bytes() == live
