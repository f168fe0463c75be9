"""Where the time of a window goes in the worker: CPU time of every stage, of a healthy machine and of a damaged one.

    python -m benchmarks.stages [--windows 200]

The site is that of the budget (`benchmarks/fleet_run.py`: rolling bearing, network `lite`), a window a second of one
machine, each after a look at another's, so that none is warm in the cache. Medians, ms, and their sum; the hundredths
that alarms take are not among them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fleet_run import BEARING, SAMPLE_RATE, SHAFT_HZ, channels, windows
from inversion import tracking
from inversion.app import wire
from inversion.app.configuration import load_pipeline
from inversion.core import Finding, to_json
from inversion.core.memory import Remembering
from inversion.pipeline import AssetState, Pipeline, advance
from sensors import Frame

_WARM = 10
Took = dict[str, list[float]]


@contextmanager
def timed(took: Took, stage: str) -> Iterator[None]:
    """Adds the CPU time of what is done within, s."""
    began = time.process_time()
    yield
    took[stage].append(time.process_time() - began)


def followed(pipeline: Pipeline, samples: np.ndarray, other: np.ndarray, count: int) -> Took:
    """So many windows of a machine, one after the other, as a worker deals with them."""
    took: Took = defaultdict(list)
    state: dict[str, Any] = {}
    for k in range(count):
        frame, beside = (
            Frame("machine", 1_795_250_000_000_000_000 + k * 10**9, True, channels(each, SAMPLE_RATE, SHAFT_HZ))
            for each in (samples, other)
        )
        pipeline.model.observe([beside])
        request = BytesIO(wire.pack_frames([frame], state))
        with timed(took, "request"):
            message = wire.read(request)
            assert message is not None
            [frame] = wire.unpack_frames(*message)
        with timed(took, "state read"):
            known = {asset: AssetState.from_dict(each) for asset, each in message[0]["states"].items()}
        finding, after = _inverted(took, pipeline, known, frame)
        with timed(took, "state"):
            state = {frame.asset: after.to_dict()}
        with timed(took, "finding"):
            told = to_json(finding)
        with timed(took, "answer"):
            wire.pack({"findings": [told], "states": state})
    return took


def _inverted(took: Took, pipeline: Pipeline, known: dict[str, AssetState], frame: Frame) -> tuple[Finding, AssetState]:
    """The parts of the pipeline one by one, for their times, and then what it says itself."""
    model, memories = pipeline.model, {asset: each.memory for asset, each in known.items()}
    with timed(took, "observation"):
        if isinstance(model, Remembering) and model.remembers:
            features = model.observe_in_turn([frame], memories)[0]
        else:
            features = model.observe([frame])
    with timed(took, "network"):
        [estimate] = pipeline.inverter.invert(features)
    before = known[frame.asset].track if known else None
    with timed(took, "track"):
        track = tracking.advance(pipeline.tracker, before, estimate, frame.start_ns)
    with timed(took, "its quantiles"):
        tracking.to_estimate(track, estimate)
    with timed(took, "forecast"):
        tracking.trends(pipeline.tracker, track, model.space, pipeline.limits)
    states, [finding] = advance(pipeline, known, [frame])
    return finding, states[frame.asset]


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site.toml"
        site.write_text(BEARING)
        pipeline = load_pipeline(site)
    pool = windows(8, 0.125)
    for name, samples in (("healthy", pool[0]), ("damaged", pool[7])):
        took = followed(pipeline, samples, pool[3], options.windows)
        medians = {stage: 1e3 * float(np.median(times[_WARM:])) for stage, times in took.items()}
        print(f"{name}: {sum(medians.values()):.2f} ms a window: ", end="")
        print(", ".join(f"{stage} {ms:.2f}" for stage, ms in medians.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
