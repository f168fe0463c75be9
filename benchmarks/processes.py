"""What the gateway's processes cost: memory, the way to the first finding, and a worker that is killed, in one run.

    python -m benchmarks.processes [--starts 5] [--kills 30] [--engine least_squares|network]

Eight assets, each behind a Modbus device of its own (served by another process, 16,384 samples a window), the rolling
bearing, findings to a real broker (mosquitto; to a file where there is none). Bars:

- PSS of gateway, template and worker at most 95 MB, the most of many looks while windows come. "Alone" is what they
  occupy by themselves, every page counted once (root only): PSS counts a page of a library that some other process
  uses too by the half.
- From the call of `inversion run` to the first finding at the broker 1 s.
- From SIGKILL of the worker, in the middle of a window, to the result of that window: 100 ms from the template,
  300 ms where each worker is started.

All read byte code, as an installed package does; a first start and a first kill, which write it, do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue
from statistics import median

import numpy as np

from benchmarks.fleet_run import BEARING, SAMPLE_RATE, SAMPLES, SHAFT_HZ, windows
from benchmarks.installed import read_byte_code
from benchmarks.memory import Occupied, occupied
from inversion.app.reload import read_site
from inversion.app.supervisor import Supervisor
from inversion.app.template_link import TemplateLink
from sensors import Frame, Waveform
from sensors.modbus.simulator import serve
from sensors.profilefile import load_profile

ASSETS = 8
_MEMORY_MB, _START_S, _FORKED_MS, _STARTED_MS = 95.0, 1.0, 100.0, 300.0
_PATIENCE_S = 60.0
_LOOKS = 40
PROFILE = f"""
[device]
name = "Vibration sensor"
reference = "simulated; no such device is sold"
[[register]]
name = "shaft_hz"
table = "input"
address = 16
kind = "uint16"
unit = "Hz"
scale = 0.01
[capture]
timeout_s = 10.0
poll_s = 0.02
[capture.start]
address = 0
value = 1
[capture.status]
table = "input"
address = 0
busy = [1]
ready = 2
error = [3, 0]
[[capture.waveform]]
channel = "acceleration"
table = "input"
address = 1000
count = {SAMPLES}
sample_rate = {SAMPLE_RATE:.0f}
kind = "int16"
unit = "g"
scale = 1.52587890625e-3
"""
SOURCE = """
[[source]]
use = "modbus"
profile = "sensor.toml"
asset = "machine {i}"
line = "tcp://127.0.0.1:{port}"
"""
MQTT = '[[sink]]\nuse = "mqtt"\nhost = "127.0.0.1"\nport = {port}\n'
JSONL = '[[sink]]\nuse = "jsonl"\npath = "findings.jsonl"\n'
LEAST_SQUARES = 'use = "least_squares"\n'
NETWORK = 'use = "network"\nnetwork = "rolling_bearing_v1"\nprecision = "lite"\n'


class Shaker:
    """What a device is mounted on: the same window again and again."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples

    def capture(self, wanted: dict[str, int]) -> dict[str, np.ndarray]:
        return {name: self._samples[:count] for name, count in wanted.items()}

    def measure(self, name: str) -> float:
        return SHAFT_HZ


async def serve_devices(profile: Path) -> None:
    """Devices on ports of their own, which are printed, until standard input ends."""
    loaded = load_profile(profile)
    async with AsyncExitStack() as stack:
        for samples in windows(ASSETS, 0.125):
            device = await stack.enter_async_context(serve(loaded, Shaker(samples)))
            print(device.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def devices(profile: Path) -> Iterator[list[int]]:
    """Ports of the devices, which another process serves."""
    command = [sys.executable, "-m", "benchmarks.processes", "--serve", str(profile)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield [int(process.stdout.readline()) for _ in range(ASSETS)]
        process.communicate()


class Broker:
    """mosquitto, and a subscriber to findings; without it, a file of findings that is looked at."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._heard: Queue[tuple[float, str]] = Queue()

    @property
    def sink(self) -> str:
        """For the site."""
        return MQTT.format(port=self._port) if self.program else JSONL

    @contextmanager
    def running(self) -> Iterator[None]:
        if not self.program:
            yield
            return
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(f"listener {self._port} 127.0.0.1\nallow_anonymous true\n")
        command = [self.program, "-c", str(configuration)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while "running" not in process.stderr.readline():
                if process.poll() is not None:
                    raise SystemExit("mosquitto did not start")
            client = paho.Client(CallbackAPIVersion.VERSION2)
            client.on_message = lambda *args: self._heard.put((time.monotonic(), args[2].topic))
            client.connect("127.0.0.1", self._port)
            client.subscribe("inversion/asset/+/finding")
            client.loop_start()
            try:
                yield
            finally:
                client.disconnect()
                client.loop_stop()
                process.send_signal(signal.SIGTERM)
                process.communicate()

    def forget(self) -> None:
        """What was published, also what the broker keeps."""
        while not self._heard.empty():
            self._heard.get()
        (self._folder / "findings.jsonl").unlink(missing_ok=True)

    def first(self, wanted: int, gateway: subprocess.Popen[bytes]) -> float:
        """Monotonic time of the first finding, once so many assets were heard of, s."""
        times: dict[str, float] = {}
        while len(times) < wanted:
            if gateway.poll() is not None:
                raise SystemExit("the gateway ended before it found anything")
            moment, name = self._next()
            times.setdefault(name, moment)
        return min(times.values())

    def _next(self) -> tuple[float, str]:
        if self.program:
            try:
                return self._heard.get(timeout=_PATIENCE_S)
            except Empty:
                raise SystemExit("no finding came") from None
        path, end = self._folder / "findings.jsonl", time.monotonic() + _PATIENCE_S
        while not path.exists() or not path.read_bytes().count(b"\n"):
            if time.monotonic() > end:
                raise SystemExit("no finding came")
            time.sleep(0.002)
        return time.monotonic(), f"{len(path.read_bytes())}"


def one_start(site: Path, broker: Broker, journal: Path) -> tuple[float, Occupied]:
    """Seconds from the call to the first finding, and the most that the processes occupied while windows came."""
    journal.unlink(missing_ok=True)
    broker.forget()
    command = [str(Path(sys.executable).with_name("inversion")), "run", str(site)]
    began = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as gateway:
        try:
            seconds = broker.first(ASSETS, gateway) - began
            looks = []
            for _ in range(_LOOKS):
                time.sleep(0.1)
                looks.append(occupied(gateway.pid))
        finally:
            gateway.send_signal(signal.SIGTERM)
    return seconds, max(looks, key=lambda look: look.pss)


async def redone(site: Path, kills: int, forked: bool) -> list[float]:
    """ms from SIGKILL of a worker that has a window in hand to the result of that window."""
    template = TemplateLink()
    await template.renew()
    try:
        read = await read_site(site, template)
        lost: list[str] = []
        supervisor = Supervisor(
            read, lambda kind, text, asset="": lost.append(kind), lambda *_: None, template if forked else None
        )
        await supervisor.start()
        frames = [_frame(samples) for samples in windows(4, 0.25)]
        took = []
        for i in range(kills + 1):
            frame = frames[i % len(frames)]
            await supervisor.invert([frame])  # a worker that is at work, as ever
            asking = asyncio.ensure_future(supervisor.invert([frame]))
            await asyncio.sleep(0)
            assert supervisor.worker.pid is not None
            began = time.monotonic()
            os.kill(supervisor.worker.pid, signal.SIGKILL)
            answer = await asking
            took.append(1e3 * (time.monotonic() - began))
            assert len(answer.findings) == 1
            supervisor._health = type(supervisor._health)()  # each loss is the first one: no back-off
        assert lost.count("worker_lost") == kills + 1, "a worker was quicker than its end"
        await supervisor.stop()
    finally:
        await template.close()
    return took[1:]


def _frame(samples: np.ndarray) -> Frame:
    shaft = np.array([SHAFT_HZ], dtype=np.float32)
    channels = {"acceleration": Waveform(samples, SAMPLE_RATE, "m/s2"), "shaft_hz": Waveform(shaft, 1.0, "Hz")}
    return Frame("machine 0", 1_700_000_000_000_000_000, True, channels)


def main() -> int:
    """Prints each figure with its bar; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--engine", choices=["least_squares", "network"], default="least_squares")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve_devices(options.serve))
        return 0
    with tempfile.TemporaryDirectory(prefix="inversion-bench-") as name:
        return _measure(Path(name), options.starts, options.kills, options.engine)


def _measure(folder: Path, starts: int, kills: int, engine: str) -> int:
    profile, site, broker = folder / "sensor.toml", folder / "rest.toml", Broker(folder)
    profile.write_text(PROFILE)
    model = BEARING if engine == "network" else BEARING.replace(NETWORK, LEAST_SQUARES)
    read_byte_code(folder)
    with devices(profile) as ports, broker.running():
        sources = "".join(SOURCE.format(i=i, port=port) for i, port in enumerate(ports))
        site.write_text(f'[site]\nname = "rest"\n{sources}{model}{broker.sink}')
        runs = [one_start(site, broker, folder / "rest.journal") for _ in range(starts + 1)][1:]
    seconds = sorted(run[0] for run in runs)
    most = max((run[1] for run in runs), key=lambda look: look.pss)
    print(f"{ASSETS} assets, {engine}, Modbus, {'MQTT' if broker.program else 'a file: no mosquitto here'}")
    print(most.told(_MEMORY_MB))
    told = f"{median(seconds):.2f} s (median), {seconds[-1]:.2f} s (worst; bar {_START_S:g} s)"
    print(f"call to first finding: {told}", flush=True)
    forked, started = (sorted(asyncio.run(redone(site, kills, how))) for how in (True, False))
    for how, took, bar in (("template", forked, _FORKED_MS), ("start", started, _STARTED_MS)):
        print(
            f"killed worker to result, by {how}: {median(took):.0f} ms (median), {took[-1]:.0f} ms (worst; bar {bar:g})"
        )
    good = most.pss <= _MEMORY_MB and median(seconds) <= _START_S
    return 0 if good and median(forked) <= _FORKED_MS and median(started) <= _STARTED_MS else 1


if __name__ == "__main__":
    sys.exit(main())
