"""What a gateway survives: blows at random moments, and whether everything adds up afterwards.

    python -m benchmarks.chaos [--times 100] [--only NAME] [--seed 0]

Each time a gateway of its own, with its real processes, a journal and a sink that writes lines, replays a recording
under load; then a blow, then it works on, ends, and is judged: produced = delivered + buffered + dropped; no window
that the journal acknowledged is missing from the sink; none is there twice, but for what was under way when a process
was killed; back to work within 5 s. Exit code 1 where something is wrong. All processes read byte code, as those of an
installed package do.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.chaos_box import Box, unbalanced
from benchmarks.installed import read_byte_code
from inversion.app.journal import open_journal
from tests.installing import install

ROOT = Path(__file__).parents[1]
BAR_S = 5.0
_UNDER_WAY = 256  # findings in one delivery
_ON_THE_WAY = 64  # findings that may come after a worker's death without another worker


def kill_worker(box: Box, rng: random.Random) -> None:
    before = box.log.read_text().count("started again")
    with suppress(ProcessLookupError):
        os.kill(box.worker, signal.SIGKILL)
    box.until(lambda: box.log.read_text().count("started again") > before, "a word about the worker")


def kill_template(box: Box, rng: random.Random) -> None:
    """And the worker with it, so that the next one must be started instead of forked."""
    before = box.log.read_text().count("another one is started")
    template, worker = box.template, box.worker
    os.kill(template, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    box.until(lambda: box.log.read_text().count("another one is started") > before, "a word about the template")


def kill_gateway(box: Box, rng: random.Random) -> None:
    box.kill()
    box.start()


def fill_disk(box: Box, rng: random.Random) -> None:
    """No file may grow any more, as on a full disk, until the gateway has said so."""
    assert box.gateway is not None
    before = box.log.read_text().count("trying again")
    everything = resource.prlimit(box.gateway.pid, resource.RLIMIT_FSIZE)
    wal = box.journal.with_name("chaos.journal-wal")
    resource.prlimit(box.gateway.pid, resource.RLIMIT_FSIZE, (min(wal.stat().st_size, 4096), everything[1]))
    box.until(lambda: box.log.read_text().count("trying again") > before, "a complaint about the disk")
    resource.prlimit(box.gateway.pid, resource.RLIMIT_FSIZE, everything)


def truncate_journal(box: Box, rng: random.Random) -> None:
    """The gateway is killed, and the file loses its end: what a bad flash does."""
    box.kill()
    with box.journal.open("r+b") as file:
        file.truncate(rng.randrange(1, box.journal.stat().st_size))
    box.journal.with_name("chaos.journal-wal").unlink(missing_ok=True)
    box.start()


def terminate(box: Box, rng: random.Random) -> None:
    if box.stop() != 0:
        raise SystemExit(f"SIGTERM under load: exit code {box.gateway.returncode if box.gateway else None}")
    box.start()


BLOWS: dict[str, Callable[[Box, random.Random], None]] = {
    "kill -9 of the worker": kill_worker,
    "kill -9 of worker and template": kill_template,
    "kill -9 of the gateway": kill_gateway,
    "disk full, then not": fill_disk,
    "journal truncated": truncate_journal,
    "SIGTERM under load": terminate,
}


def strike(name: str, plugins: Path, seed: int) -> tuple[float, list[str]]:
    """Seconds until the first new finding after a blow, and what is wrong afterwards."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="inversion-chaos-") as folder:
        box = Box(Path(folder), plugins)
        box.start()
        box.more_lines(rng.randrange(5, 120))
        began = time.monotonic()
        BLOWS[name](box, rng)
        struck = time.monotonic() if name in ("disk full, then not", "SIGTERM under load") else began
        box.more_lines(_ON_THE_WAY if "of the worker" in name or "of worker" in name else 1)
        seconds = time.monotonic() - struck
        box.more_lines(20)
        wrong = [] if box.stop() == 0 else ["the gateway did not end well"]
        return seconds, wrong + judged(box, whole=name != "journal truncated")


def judged(box: Box, whole: bool) -> list[str]:
    """What does not add up. whole: whether the journal was never damaged."""
    with open_journal(box.journal, time.time_ns()) as journal:
        wrong = unbalanced(journal, drops=not whole)
        kept = [entry.body["position"] for entry in journal.after(0, 1_000_000) if entry.kind == "finding"]
        waiting = journal.waiting("jsonl")
    taken = Counter(json.loads(line)["position"] for line in box.lines())
    missing = [position for position in kept[: len(kept) - waiting] if position not in taken]
    if missing:
        wrong.append(f"{len(missing)} acknowledged windows never reached the sink, the first {missing[0]}")
    if whole:
        if kept != list(range(len(kept))):
            wrong.append("the journal has a gap")
        twice = sum(count - 1 for count in taken.values())
        if twice > box.killed * _UNDER_WAY:
            wrong.append(f"{twice} findings came twice")
    return wrong


def main() -> int:
    """Prints each blow with the times until work went on; 1 where something is wrong or too slow."""
    from benchmarks.chaos_outside import OUTSIDE

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--only", choices=[*BLOWS, *OUTSIDE])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    code = 0
    with tempfile.TemporaryDirectory(prefix="inversion-chaos-plugins-") as folder:
        plugins = install(ROOT / "tests" / "integration" / "thirdparty", Path(folder))
        read_byte_code(Path(folder))
        for name in [options.only] if options.only else [*BLOWS, *OUTSIDE]:
            one = OUTSIDE.get(name, partial(strike, name))
            results = [one(plugins, options.seed + i) for i in range(options.times)]
            seconds = sorted(result[0] for result in results)
            wrong = [line for result in results for line in result[1]]
            late = sum(s > BAR_S for s in seconds)
            times = f"{median(seconds):.2f} s (median), {seconds[-1]:.2f} s (worst)"
            judgement = f"{late} later than {BAR_S:g} s; {len(wrong)} things wrong{': ' + wrong[0] if wrong else ''}"
            print(f"{name}: {len(results)} times; back to work after {times}, {judgement}", flush=True)
            code |= bool(wrong or late)
    return code


if __name__ == "__main__":
    sys.exit(main())
