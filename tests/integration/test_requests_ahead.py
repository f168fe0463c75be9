"""The worker has its next request before it has answered: what is done again, and who is at fault, where it is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from gateway_site import ScriptedSource, frame, site_with, write_site
from test_gateway import install_model, journalled

from inversion.app.configuration import load_pipeline, load_site
from inversion.app.gateway import Gateway
from inversion.app.journal import open_journal
from inversion.app.supervisor import Supervisor
from inversion.app.worker_link import NotReached, WorkerLink, WorkerLost
from inversion.core import dumps, to_json
from inversion.pipeline import advance
from sensors import Waveform

pytestmark = pytest.mark.usefixtures("acme")

POISONED = '''
import os
from dataclasses import dataclass
from acme.model import Level

@dataclass(frozen=True)
class PoisonedLevel(Level):
    """The windows of one asset end the process."""

    def observe(self, frames):
        if any(frame.asset == "poison" for frame in frames):
            os._exit(9)
        return super().observe(frames)
'''


def said(path, frames) -> list[str]:
    _, findings = advance(load_pipeline(path), {}, frames)
    return [dumps(to_json(finding, 0.9)) for finding in findings]


def test_whole_requests_lie_before_a_worker_that_is_busy(tmp_path):
    """Or it would wait for the gateway amid each: a pipe holds less than one window of 16,384 samples."""
    path = write_site(tmp_path)
    speed = Waveform(np.zeros(16_384, np.float32), 1.0, "Hz")
    frames = [replace(each, channels={**each.channels, "more": speed}) for each in (frame(i) for i in range(8))]

    async def scenario():
        link = WorkerLink(path, 0.9, 10.0)
        await link.start()
        os.kill(link.pid, signal.SIGSTOP)
        answer = asyncio.ensure_future(link.send(frames, {}))
        left = link._process.stdin.transport.get_write_buffer_size()
        os.kill(link.pid, signal.SIGCONT)
        findings = (await answer).findings
        await link.stop()
        return left, len(findings)

    assert asyncio.run(scenario()) == (0, 8)


def test_answers_come_in_the_order_of_the_requests(tmp_path):
    path = write_site(tmp_path)
    frames = [frame(i, asset=f"fan {i}", level=0.1 * i) for i in range(9)]

    async def scenario():
        link = WorkerLink(path, 0.9, 10.0)
        await link.start()
        answers = await asyncio.gather(*[link.send([each], {}) for each in frames])
        await link.stop()
        return [dumps(answer.findings[0]) for answer in answers], {answer.fingerprint for answer in answers}

    told, fingerprints = asyncio.run(scenario())
    assert told == said(path, frames)
    assert len(fingerprints) == 1
    assert "" not in fingerprints


@pytest.mark.parametrize(("frame_s", "at_once"), [(0.0, 8), (0.25, 8), (1.0, 2), (1.9, 1), (8.0, 1)])
def test_a_request_holds_as_many_frames_as_take_a_quarter_of_its_deadline(tmp_path, frame_s, at_once):
    site = load_site(write_site(tmp_path))
    site = replace(site, gateway=replace(site.gateway, frame_timeout_s=8.0))

    async def scenario():
        supervisor = Supervisor(site, lambda *note: None, lambda *step: None)
        await supervisor.start()
        await supervisor.invert([frame(0)])
        took_s, supervisor.worker.frame_s = supervisor.worker.frame_s, frame_s
        await supervisor.stop()
        return took_s, supervisor.at_once

    took_s, most = asyncio.run(scenario())
    assert 0 < took_s < 8.0
    assert most == at_once


def test_only_the_request_that_the_worker_had_is_at_fault(tmp_path):
    path = write_site(tmp_path)

    async def scenario():
        link = WorkerLink(path, 0.9, 10.0)
        await link.start()
        assert link.pid is not None
        os.kill(link.pid, signal.SIGSTOP)
        asked = [asyncio.create_task(_awaited(link.send([frame(0, asset=name)], {}))) for name in "abc"]
        os.kill(link.pid, signal.SIGKILL)
        ends = await asyncio.gather(*asked, return_exceptions=True)
        again = await link.advance([frame(0, asset="b")], {})
        await link.stop()
        return ends, again

    ends, again = asyncio.run(scenario())
    assert [type(end) for end in ends] == [WorkerLost, NotReached, NotReached]
    assert again.findings[0]["asset"] == "b"


async def _awaited(coming):
    return await coming


def test_a_request_that_is_given_up_takes_no_answer_of_another(tmp_path):
    """Cancelled while it waits: the worker is replaced, since its answer would be taken for that of the next."""
    path = write_site(tmp_path)

    async def scenario():
        link = WorkerLink(path, 0.9, 10.0)
        await link.start()
        pid = link.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.create_task(_awaited(link.send([frame(0, asset="a")], {})))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        answer = await link.advance([frame(0, asset="b")], {})
        replaced = link.pid != pid
        await link.stop()
        return answer, replaced

    answer, replaced = asyncio.run(scenario())
    assert [finding["asset"] for finding in answer.findings] == ["b"]
    assert replaced


def test_who_was_behind_a_lost_request_is_answered_without_a_word(tmp_path):
    path = write_site(tmp_path)
    notes: list[tuple[str, str]] = []
    frames = [frame(0, asset=name, level=level) for name, level in (("a", 0.2), ("b", 0.4), ("c", 0.6))]

    async def scenario():
        supervisor = Supervisor(load_site(path), lambda kind, text, asset="": notes.append((kind, asset)), print)
        await supervisor.start()
        assert supervisor.worker.pid is not None
        os.kill(supervisor.worker.pid, signal.SIGSTOP)
        asked = [asyncio.create_task(supervisor.invert([each])) for each in frames]
        for _ in range(10):  # all three are sent
            await asyncio.sleep(0)
        os.kill(supervisor.worker.pid, signal.SIGKILL)
        answers = await asyncio.gather(*asked)
        await supervisor.stop()
        return [dumps(finding) for answer in answers for finding in answer.findings], set(supervisor.states)

    told, known = asyncio.run(scenario())
    assert told == said(path, frames)
    assert notes == [("worker_lost", "")]
    assert known == {"a", "b", "c"}


def test_a_frame_that_kills_is_set_aside_and_those_around_it_are_not(tmp_path, plugin_folder, monkeypatch):
    install_model(tmp_path, "PoisonedLevel", "poisoned", POISONED)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_level", "poisoned_level"))
    assets = ["a", "b", "poison", "c", "d"]
    site = site_with(path, sources=(ScriptedSource([[frame(0, asset=asset) for asset in assets]]),))

    async def scenario() -> int:
        with open_journal(site.journal, 0) as journal:
            return await Gateway(site, journal, asyncio.Event()).run()

    assert asyncio.run(scenario()) == 0
    findings, events = journalled(site)
    assert [finding["asset"] for finding in findings] == ["a", "b", "c", "d"]
    lost = [kind for kind, _ in events if kind in ("worker_lost", "frame_set_aside")]
    assert lost == ["worker_lost", "frame_set_aside"]


def test_windows_of_many_assets_follow_each_other_whatever_kills_the_worker(tmp_path):
    """Every finding is what a batch of the same frames says: each window meets the state after the one before."""
    path = write_site(tmp_path)
    frames = [frame(k, asset=f"fan {k % 5}", level=0.1 + 0.01 * (k % 7)) for k in range(400)]
    killed: list[int] = []

    class Killing(ScriptedSource):
        async def frames(self):
            for k, each in enumerate(frames):
                yield each
                if k % 60 == 30 and gateway.worker.pid is not None:
                    killed.append(gateway.worker.pid)
                    os.kill(gateway.worker.pid, signal.SIGKILL)

    site = site_with(path, sources=(Killing([]),))

    async def scenario() -> int:
        nonlocal gateway
        with open_journal(site.journal, 0) as journal:
            gateway = Gateway(site, journal, asyncio.Event())
            gateway._supervisor._rule = replace(gateway._supervisor._rule, losses=99)
            return await gateway.run()

    gateway: Gateway
    assert asyncio.run(scenario()) == 0
    findings, events = journalled(site)
    assert len(killed) > 3
    assert "worker_lost" in {kind for kind, _ in events}
    assert "frame_set_aside" not in {kind for kind, _ in events}
    assert [dumps(finding) for finding in findings] == said(path, frames)
