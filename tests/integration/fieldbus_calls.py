"""Calls verbs as a user does, against simulated devices that are served in a thread of their own."""

import asyncio
import json
import threading
from contextlib import contextmanager

import numpy as np
from typer.testing import CliRunner

from inversion.app.cli import application
from inversion.app.stop import Stop

REST = """
[forward]
use = "rolling_bearing"
[forward.bearing]
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
[engine]
use = "least_squares"
"""


def call(*arguments):
    result = CliRunner().invoke(application(), [str(one) for one in arguments], obj=Stop())
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@contextmanager
def served(make):
    """A simulator in a thread of its own, because a verb runs an event loop of its own."""
    started, box = threading.Event(), {}

    async def serving():
        box["loop"], box["end"] = asyncio.get_running_loop(), asyncio.Event()
        async with make() as device:
            box["device"] = device
            started.set()
            await box["end"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serving()))
    thread.start()
    try:
        assert started.wait(10)
        yield box["device"]
    finally:
        box["loop"].call_soon_threadsafe(box["end"].set)
        thread.join(10)


def site(tmp_path, *sources):
    path = tmp_path / "site.toml"
    tables = "".join(
        "[[source]]\nuse = 'modbus'\nprofile = 'rig.toml'\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in source.items())
        for source in sources
    )
    path.write_text(f"[site]\nname = 'rig'\n{tables}{REST}")
    return path


class Bearing:
    """A machine whose waveforms are seeded, so that a recording has something in it."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def capture(self, wanted):
        return {name: self.rng.normal(0, 3, count) for name, count in wanted.items()}

    def measure(self, name):
        return {"shaft_hz": 29.53, "temperature": 310.0}[name]
