"""The worker process: frames in, findings out, until the input ends.

It keeps nothing: the states of the assets come with their frames and go back with the findings, so that a worker that
was lost is replaced by any other. The first message says what to build:
`{"site": path, "level": probability, "lite": whether as cheaply as possible, "parts": of the pipeline, or null}`.
It is forked from the warm template (`inversion.app.template`), or started as `python -m inversion.app.worker`.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from inversion.app import wire
from inversion.app.adaptive import Choice, choice_of, throttled_periods
from inversion.app.heap import give_back_code, keep_work
from inversion.app.parts import PipelineParts
from inversion.app.plain import decode
from inversion.core import InversionError, ParameterSpace, to_json
from inversion.engines.precision import Strain
from inversion.pipeline import AssetState, Pipeline, advance
from sensors import SensorError

_COLLECTED = 64  # requests, after which cycles are looked for all the same: a plug-in may leave some
_STATE_FORMAT = 3  # of `AssetState.to_dict`: states in an older journal are forgotten


def main() -> int:
    """Answers until standard input ends; standard output belongs to the answers alone."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints goes to standard error
    return answer(sys.stdin.buffer, answers, decode)


def answer(requests: IO[bytes], answers: IO[bytes], made: Callable[[Any], PipelineParts]) -> int:
    """Until the requests end; the exit code. made: parts of the pipeline from their plain data."""
    order = wire.read(requests)
    if order is None:
        return 0
    try:
        pipeline = _pipeline(order[0], made)
    except InversionError as error:
        _send(answers, {"error": str(error)})
        return 2
    _send(answers, {"fingerprint": fingerprint(pipeline.model.space)})
    give_back_code()
    keep_work()
    gc.freeze()  # a collection that looks through all that was imported takes longer than ten windows
    gc.disable()  # a window leaves no cycles behind; it would be interrupted to look for them
    choice = choice_of(pipeline)
    if order[0].get("lite"):
        choice = Choice(choice.pipelines[-1:])
    stops = 0 if choice.rule is None else throttled_periods()
    answered = 0
    while (message := wire.read(requests)) is not None:
        began = time.perf_counter()
        _send(answers, _answer(choice.pipeline, order[0]["level"], *message))
        if (answered := answered + 1) % _COLLECTED == 0:
            gc.collect()
        if choice.rule is None:
            continue
        elapsed, before, stops = time.perf_counter() - began, stops, throttled_periods()
        windows = max(1, len(message[0]["frames"]))
        choice = choice.after(Strain(elapsed / windows, stops > before, message[0]["waiting"]))
    return 0


def _pipeline(order: Mapping[str, Any], made: Callable[[Any], PipelineParts]) -> Pipeline:
    """From its parts; from the file where there are none, or where they fail: it says in which line."""
    if order.get("parts") is not None:
        try:
            parts = made(order["parts"])
            return parts.pipeline(parts.engine.bind(parts.model))
        except (InversionError, SensorError, ValueError, OSError):
            pass
    from inversion.app.configuration import load_pipeline

    return load_pipeline(Path(order["site"]))


def fingerprint(space: ParameterSpace) -> str:
    """Names the parameters, their ranges and the format of a state: it is about these, and means nothing for others."""
    text = repr(
        [_STATE_FORMAT, *((parameter.name, parameter.unit, parameter.low, parameter.high) for parameter in space)]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _answer(pipeline: Pipeline, level: float, header: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    states = {asset: AssetState.from_dict(state) for asset, state in header["states"].items()}
    after, findings = advance(pipeline, states, wire.unpack_frames(header, payload))
    return {
        "findings": [to_json(finding, level) for finding in findings],
        "states": {asset: state.to_dict() for asset, state in after.items()},
    }


def _send(answers: IO[bytes], header: Mapping[str, Any]) -> None:
    answers.write(wire.pack(header))
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
