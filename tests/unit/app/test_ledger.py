"""What waits for a sync of the disk, how long, and what does not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from inversion.app import ledger as ledger_module
from inversion.app.clock import Clock
from inversion.app.journal import Batch, Record
from inversion.app.ledger import Ledger

LONG_S = 60.0


class Disk:
    """A journal that keeps what it is given, and tells of it."""

    path = Path("site.journal")

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.batches: list[Batch] = []
        self.synced = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def append(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.loop.call_soon_threadsafe(self.synced.set)

    def forget(self, _: int) -> int:
        return 0


def finding(asset: str = "fan") -> Record:
    return Record("finding", asset, 0, {"asset": asset, "position": None})


def run(work: Callable[[Ledger, Disk], Awaitable[None]], commit_s: float | None = None) -> list[Batch]:
    """What is on the disk when this is done; the first finding, which waits for nothing, is there before."""

    async def scenario() -> list[Batch]:
        disk = Disk()
        ledger = Ledger(disk, (0.1, 0.1), Clock(), commit_s)  # type: ignore[arg-type]
        commits = asyncio.create_task(ledger.commit_groups())
        await ledger.put([finding()])
        await disk.synced.wait()
        disk.synced.clear()
        disk.batches.clear()
        await asyncio.wait_for(work(ledger, disk), 20)
        commits.cancel()
        ledger.close()
        return disk.batches

    return asyncio.run(scenario())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_LEAST_S", 0.0)
    monkeypatch.setattr(ledger_module, "_MOST_S", LONG_S)


def test_as_many_as_are_worth_it_go_together_and_wait_no_longer():
    async def eight(ledger: Ledger, disk: Disk) -> None:
        for i in range(8):
            await ledger.put([finding(f"fan {i}")])
            await asyncio.sleep(0)
        await disk.synced.wait()

    [batch] = run(eight)
    assert len(batch.records) == 8


def test_few_wait_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(ledger_module, "_MOST_S", 0.3)

    async def two(ledger: Ledger, disk: Disk) -> None:
        began = time.monotonic()
        await ledger.put([finding()])
        await ledger.put([finding()])
        await disk.synced.wait()
        assert time.monotonic() - began >= 0.25

    [batch] = run(two)
    assert len(batch.records) == 2


@pytest.mark.parametrize("what", ["event", "alarm"])
def test_what_is_no_finding_does_not_wait_for_others(what):
    async def three(ledger: Ledger, disk: Disk) -> None:
        await ledger.put([finding()])
        if what == "event":
            ledger.note("source_gone", "nobody answers", "fan")
        else:
            await ledger.put([Record("alarm", "fan", 0, {})], urgent=True)
        await disk.synced.wait()

    [batch] = run(three)
    assert [record.kind for record in batch.records] == ["finding", what]


def test_how_far_a_sink_is_waits_for_the_next_record():
    async def delivered(ledger: Ledger, disk: Disk) -> None:
        ledger.delivered("mqtt", 1)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert disk.batches == []
        ledger.note("reloaded", "site.toml: reloaded")
        await disk.synced.wait()

    [batch] = run(delivered)
    assert batch.cursors == {"mqtt": 1}


def test_all_is_on_the_disk_after_a_flush_however_long_it_would_wait():
    async def flushed(ledger: Ledger, disk: Disk) -> None:
        await ledger.put([finding()])
        ledger.delivered("mqtt", 1)
        await ledger.flush()

    batches = run(flushed)
    assert sum(len(batch.records) for batch in batches) == 1
    assert {sink for batch in batches for sink in batch.cursors} == {"mqtt"}


def test_a_site_that_says_how_long_waits_so_long():
    async def one(ledger: Ledger, disk: Disk) -> None:
        await ledger.put([finding()])
        await disk.synced.wait()

    [batch] = run(one, commit_s=0.05)
    assert len(batch.records) == 1


def test_a_sink_that_loses_records_is_told_once_an_hour_with_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(ledger: Ledger, disk: Disk) -> None:
        for _ in range(3):
            disk.dropped["mqtt"] += 5
            await ledger.put([finding()], urgent=True)
            await ledger.flush()
        ledger._told_s["mqtt"] -= 3600.0
        await ledger.put([finding()], urgent=True)
        await ledger.flush()
        await ledger.flush()

    records = [record for batch in run(work) for record in batch.records]
    assert [record.body["text"] for record in records if record.body.get("kind") == "records_dropped"] == [
        "sink mqtt: 5 records dropped that it had not taken: the journal has no more room",
        "sink mqtt: 10 records dropped that it had not taken: the journal has no more room",
    ]
