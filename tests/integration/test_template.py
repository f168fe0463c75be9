"""Workers are forked from a warm template; where that fails they are started, and nobody misses a finding."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from gateway_site import SITE, ScriptedSource, children, frame, site_with, worker_of, write_site
from test_gateway import install_model, journalled
from test_supervision import findings, running, wait_for
from tiny_networks import grid_network, write_tiny

from inversion.app.configuration import load_pipeline
from inversion.app.gateway import run_gateway
from inversion.app.reading import told_site
from inversion.app.reload import read_site
from inversion.app.template_link import TemplateLink, TemplateLost
from inversion.app.worker_link import WorkerLink, WorkerLost
from inversion.core import ConfigurationError, dumps, to_json
from inversion.pipeline import advance

pytestmark = pytest.mark.usefixtures("acme")


def with_template(work):
    """What a coroutine returns that is given a template, which was started, since pytest itself has threads."""

    async def scenario():
        template = TemplateLink()
        await template.renew()
        try:
            return await work(template)
        finally:
            await template.close()

    return asyncio.run(scenario())


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def test_a_killed_worker_is_forked_again_and_says_the_same(tmp_path):
    path = write_site(tmp_path)

    async def work(template):
        site = await read_site(path, template)
        assert site.parts is not None
        await template.warm(site.parts)
        link = WorkerLink(path, site.level, 10.0, parts=site.parts, template=template)
        told, pids = [], []
        for _ in range(3):
            told.append((await link.advance([frame(0)], {})).findings)
            assert parent(link.pid) == template.pid
            pids.append(link.pid)
            os.kill(link.pid, signal.SIGKILL)
            with pytest.raises(WorkerLost, match="signal SIGKILL"):
                await link.advance([frame(0)], {})
        await link.stop()
        return told, pids

    told, pids = with_template(work)
    assert told[0] == told[1] == told[2]
    assert len(set(pids)) == 3
    _, expected = advance(load_pipeline(path), {}, [frame(0)])
    assert [dumps(finding) for finding in told[0]] == [dumps(to_json(finding, 0.9)) for finding in expected]


def test_sessions_are_opened_after_the_fork_and_answer_as_in_batch(tmp_path):
    """The template has one thread, and no session; twenty workers, one after the other, say the same."""
    from acme.model import Level

    write_tiny(tmp_path / "tiny_v1", Level(), grid_network(Level(), cells=500))
    path = tmp_path / "tone.toml"
    engine = 'use = "network"\nnetwork = "tiny_v1"'
    path.write_text(SITE.format(windows=8, pause_s=0.0, stop_s=5.0).replace('use = "acme_direct"', engine))

    async def work(template):
        site = await read_site(path, template)
        await template.warm(site.parts)
        assert len(list(Path(f"/proc/{template.pid}/task").iterdir())) == 1
        assert "onnxruntime" in Path(f"/proc/{template.pid}/maps").read_text()
        told = []
        for _ in range(20):
            link = WorkerLink(path, site.level, 10.0, parts=site.parts, template=template)
            told.append((await link.advance([frame(0)], {})).findings)
            assert parent(link.pid) == template.pid
            assert len(list(Path(f"/proc/{link.pid}/task").iterdir())) == 1
            await link.stop()
        return told

    told = with_template(work)
    _, expected = advance(load_pipeline(path), {}, [frame(0)])
    for each in told:
        assert [dumps(finding) for finding in each] == [dumps(to_json(finding, 0.9)) for finding in expected]


def test_a_worker_outlives_its_template_and_the_next_is_started(tmp_path):
    path = write_site(tmp_path)

    async def work(template):
        link = WorkerLink(path, 0.9, 10.0, template=template)
        first = await link.advance([frame(0)], {})
        first_pid = link.pid
        os.kill(template.pid, signal.SIGKILL)
        while not template.lost:
            await asyncio.sleep(0.01)
        with pytest.raises(TemplateLost):
            await template.worker(())
        assert (await link.advance([frame(0)], {})).findings == first.findings
        assert link.pid == first_pid
        os.kill(link.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="nobody knows how"):
            await link.advance([frame(0)], {})
        assert (await link.advance([frame(0)], {})).findings == first.findings
        assert parent(link.pid) == os.getpid()
        await template.renew()
        await link.stop()
        assert (await link.advance([frame(0)], {})).findings == first.findings
        assert parent(link.pid) == template.pid
        await link.stop()

    with_template(work)


def test_a_site_can_be_made_ready_again_and_again(tmp_path):
    """A reload to the same site, and to another."""
    path = write_site(tmp_path)

    async def work(template):
        limits = []
        for limit in ("0.5", "0.5", "0.25"):
            path.write_text(path.read_text().replace("limit = 0.5", f"limit = {limit}"))
            site = await read_site(path, template)
            await template.warm(site.parts)
            link = WorkerLink(path, 0.9, 10.0, parts=site.parts, template=template)
            answer = await link.advance([frame(0)], {})
            limits.append(answer.findings[0]["alarms"][0]["limit"])
            await link.stop()
        return limits

    assert with_template(work) == [0.5, 0.5, 0.25]


def test_a_child_that_ends_at_once_is_not_waited_for_for_ever():
    """Its end is told right behind its beginning."""

    async def work(template):
        for _ in range(30):
            child = await template.worker([Path("/nowhere/cgroup.procs")])
            assert await asyncio.wait_for(child.wait(), 10) == 125

    with_template(work)


SHY = """
import os
from dataclasses import dataclass
from pathlib import Path
from acme.model import Level

@dataclass(frozen=True)
class ShyLevel(Level):
    def __post_init__(self):
        if "inversion.app.template" in Path(f"/proc/{os.getppid()}/cmdline").read_text():
            os._exit(7)
"""


def test_what_does_not_survive_a_fork_is_started_the_next_time(tmp_path, plugin_folder, monkeypatch):
    """Here a model that ends every worker that was forked, before it is ready."""
    install_model(tmp_path, "ShyLevel", "shy", SHY)
    monkeypatch.setenv("PYTHONPATH", f"{plugin_folder}{os.pathsep}{tmp_path}")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write_site(tmp_path)
    path.write_text(path.read_text().replace("acme_level", "shy_level"))

    async def work(template):
        link = WorkerLink(path, 0.9, 10.0, template=template)
        for _ in range(2):
            with pytest.raises(WorkerLost, match="exit code 7"):
                await link.start()
            await link.start()
            assert parent(link.pid) == os.getpid()
            await link.stop()

    with_template(work)


def test_a_site_is_read_elsewhere_and_its_mistakes_come_back(tmp_path):
    path = write_site(tmp_path)

    async def work(template):
        site = await read_site(path, template)
        assert (site.name, list(site.sinks)) == ("tone", ["jsonl"])
        path.write_text(path.read_text().replace("limit = 0.5", "limit = 50.0"))
        with pytest.raises(ConfigurationError, match=r"tone\.toml:17: alarm\.0\.limit: must lie inside"):
            await read_site(path, template)
        reading = await template.read(tmp_path / "none.toml")
        with pytest.raises(ConfigurationError, match=r"none\.toml"):
            told_site(path, await reading.told())

    with_template(work)


def test_without_its_template_a_gateway_goes_on_and_gets_another(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    with running(path) as gateway:
        (template,), worker = children(gateway.pid), worker_of(gateway.pid)
        os.kill(template, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        wait_for(gateway, "the template of the workers was lost; another one is started")
        count = findings(tmp_path)
        while findings(tmp_path) <= count + 5:
            assert gateway.poll() is None
    lines = (tmp_path / "findings.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines))


def test_template_and_worker_hear_no_signal_that_is_meant_for_the_gateway(tmp_path):
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    with running(path) as gateway:
        (template,), worker = children(gateway.pid), worker_of(gateway.pid)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for pid in (template, worker):
                os.kill(pid, number)
        count = findings(tmp_path)
        while findings(tmp_path) <= count + 5:
            assert gateway.poll() is None
        assert (children(gateway.pid), worker_of(gateway.pid)) == ([template], worker)


def test_a_gateway_that_is_given_a_template_forks_its_workers(tmp_path):
    path = write_site(tmp_path)
    seen: list[int] = []

    class Watched(ScriptedSource):
        async def frames(self):
            for i in range(3):
                yield frame(i)
            seen.extend(children(self.template))

    async def work(template):
        source = Watched([])
        source.template = template.pid
        site = site_with(path, sources=(source,))
        return await run_gateway(site, asyncio.Event(), template=template)

    assert with_template(work) == 0
    assert len(seen) == 1
    assert len(journalled(site_with(path))[0]) == 3


def test_the_command_forks_before_it_has_a_second_thread(tmp_path):
    """Neither gateway at that time nor template or worker ever has one."""
    path = write_site(tmp_path, windows=10_000, pause_s=0.02)
    with running(path) as gateway:
        (template,), worker = children(gateway.pid), worker_of(gateway.pid)
        for pid in (template, worker):
            assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
        began = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        wait_for(gateway, "started again")
        assert time.monotonic() - began < 10
        assert children(gateway.pid) == [template]
