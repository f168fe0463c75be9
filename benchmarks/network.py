"""What an answer by a network costs, against its floor and against least squares, and how late the last ones are.

    python -m benchmarks.network [NETWORK]

NETWORK: a folder or a shipped name, by default rolling_bearing_v1. The floor of one window is the bare transforms that
its observation needs (`benchmarks.observe`) plus the bare onnxruntime call with bound buffers. Bars: samples to
estimate at most 2x the floor; against least squares at least 50x faster from features and 4x from samples; p99.9 under
5 ms, and under 50 ms in a control group of 25 % of one CPU and 128 MB (as root; both versions of control groups). Where
others want the CPUs too, latencies are theirs as well: own CPU time tells what an answer takes by itself, and at the
same pace are measured, in the same run, the bare transforms and a process that only reads the clock for 4 ms.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.observe import BEARING, SAMPLES, bare, best
from inversion.core.encoding import Encoded, encode, floor_shares
from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network, NetworkInverter
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine
from inversion.store.card import PRECISIONS
from inversion.store.network import network_folder
from sensors import Frame, Waveform

WINDOWS = (("healthy", ()), ("outer spall 3 mm", (Spall("outer", 3e-3, 3.0),)))
RATES = ((51_200.0, 60.0), (20_000.0, 30.0))
PACE_HZ, PACED = 50, 2000  # windows a second, and how many
QUOTA, MEMORY_MB = 0.25, 128
QUANTILES = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "worst": 1.0}


def frames() -> list[tuple[str, Frame]]:
    """A healthy and a damaged machine at two sample rates."""
    rng = np.random.default_rng(1)
    made = []
    for sample_rate, shaft_hz in RATES:
        for name, spalls in WINDOWS:
            machine = draw_machine(BEARING, shaft_hz, rng)
            samples = simulate_waveform(machine, spalls, sample_rate, SAMPLES, rng).astype(np.float32)
            channels = {
                "acceleration": Waveform(samples, sample_rate, "m/s2"),
                "shaft_hz": Waveform(np.array([shaft_hz], np.float32), 1.0, "Hz"),
            }
            label = f"{name}, {sample_rate / 1000:g} kHz"
            made.append((label, Frame("bench", 0, True, channels)))
    return made


def bare_call(inverter: NetworkInverter, encoded: Encoded) -> Callable[[], None]:
    """onnxruntime's own work on one encoded window: the call, with bound buffers."""
    session, _ = inverter.graphs[inverter.precision]
    session.inputs[:] = encoded[0]
    return lambda: session.runtime.run_with_iobinding(session.binding)


def ratios(network: Path) -> bool:
    """Prints cost against the floor and against least squares; whether the bars are met."""
    model = RollingBearing(BEARING)
    inverter = Network(network).bind(model)
    solver = LeastSquares().bind(model)
    print(f"{network.name}: one window of {SAMPLES} samples, ms (shortest of many runs)")
    head = ("transforms", "call", "observe", "features->", "samples->", "/floor", "least sq.", "x feat.", "x samples")
    print(f"{'window':28s}" + "".join(f"{name:>11s}" for name in head))
    met = True
    for label, frame in frames():
        features = model.observe([frame])
        floors = np.array([model.floor(row) for row in features.conditions])
        encoded = encode(features, floor_shares(model.space, floors))
        shaft_hz, sample_rate = features.conditions[0, :2]
        seen = np.isfinite(features.std[0, 3:]).any()
        transforms = best(bare(frame.channels["acceleration"].samples, sample_rate, shaft_hz, bool(seen)))
        call = best(bare_call(inverter, encoded))
        observe = best(lambda frame=frame: model.observe([frame]))
        inferred = best(lambda features=features: inverter.invert(features))
        whole = best(lambda frame=frame: inverter.invert(model.observe([frame])))
        solved = best(lambda features=features: solver.invert(features), 5)
        speeds = (whole / (transforms + call), solved / inferred, (solved + observe) / whole)
        times = (transforms, call, observe, inferred, whole)
        print(
            f"{label:28s}"
            + "".join(f"{1e3 * each:11.3f}" for each in times)
            + f"{speeds[0]:11.2f}{1e3 * solved:11.2f}{speeds[1]:11.0f}{speeds[2]:11.1f}"
        )
        met = met and speeds[0] <= 2 and speeds[1] >= 50 and speeds[2] >= 4
    return met


def together(network: Path) -> None:
    """Prints what a window costs among many: numbers of 64 windows go through each step at once."""
    model = RollingBearing(BEARING)
    inverter, solver = Network(network).bind(model), LeastSquares().bind(model)
    features = model.observe([frame for _, frame in frames()] * 16)
    inferred = best(lambda: inverter.invert(features), 50) / len(features)
    solved = best(lambda: solver.invert(features), 3) / len(features)
    told = f"network {1e6 * inferred:.0f} µs, least squares {1e6 * solved:.0f} µs: {solved / inferred:.0f} times"
    print(f"features to estimate, {len(features)} windows at once, each: {told}")
    four = [frame for _, frame in frames()]
    alone = sum(best(lambda frame=frame: model.observe([frame]), 100) for frame in four) / 4
    eight = best(lambda: model.observe(four * 2), 50) / 8
    print(f"observe, mean of the four windows: {1e6 * alone:.0f} µs alone, {1e6 * eight:.0f} µs of eight in one call")


def precisions(network: Path) -> None:
    """Prints the bare call of each graph."""
    model = RollingBearing(BEARING)
    features = model.observe([frames()[1][1]])
    floors = np.array([model.floor(row) for row in features.conditions])
    encoded = encode(features, floor_shares(model.space, floors))
    bound = {each: Network(network, precision=each).bind(model) for each in PRECISIONS}
    times = {each: best(bare_call(inverter, encoded), 2000) for each, inverter in bound.items()}
    told = ", ".join(f"{name} {1e6 * seconds:.1f} µs" for name, seconds in times.items())
    print(f"bare call, one window: {told}: full over lite {times['full'] / times['lite']:.2f}")


def steps(network: Path, what: str) -> list[Callable[[], object]]:
    """What is paced, of the four windows: answers at a precision, their bare transforms, or only reading the clock."""
    windows = [frame for _, frame in frames()]
    if what == "clock":
        return [lambda: standing_still(4e-3)]
    model = RollingBearing(BEARING)
    inverter = Network(network, precision="full" if what == "bare" else what).bind(model)

    def answer(frame: Frame) -> object:
        return inverter.invert(model.observe([frame]))

    def transforms(frame: Frame) -> Callable[[], object]:
        features = model.observe([frame])
        shaft_hz, sample_rate = features.conditions[0, :2]
        seen = bool(np.isfinite(features.std[0, 3:]).any())
        return bare(frame.channels["acceleration"].samples, sample_rate, shaft_hz, seen)

    return [transforms(frame) if what == "bare" else partial(answer, frame) for frame in windows]


def standing_still(seconds: float) -> None:
    """Reads the clock for so long."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def paced(network: Path, what: str) -> None:
    """In a process of its own: one of `steps` at a steady pace; prints latencies and memory as JSON.

    late: from due to done; own: CPU time; queue: ready to run while another process ran; all s, quantiles; stolen: s in
    which the hypervisor ran others, of all CPUs
    """
    done = steps(network, what)
    for step in done:
        step()
    time.sleep(1.0)  # what the imports took from the quota is given back
    late, own, queue, due = [], [], [], time.perf_counter()
    stolen = hypervisor_s()
    for k in range(PACED):
        time.sleep(max(0.0, due - time.perf_counter()))
        began, ready = time.thread_time(), waited_s()
        done[k % len(done)]()
        own.append(time.thread_time() - began)
        late.append(time.perf_counter() - due)
        queue.append(waited_s() - ready)
        due += 1 / PACE_HZ
    told = {
        name: float(value) for name, value in zip(QUANTILES, np.quantile(late, list(QUANTILES.values())), strict=True)
    }
    told |= {"own": float(np.quantile(own, 0.999)), "own_p50": float(np.median(own))}
    told |= {"queue": float(np.quantile(queue, 0.999)), "stolen": hypervisor_s() - stolen}
    print(json.dumps(told | {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def waited_s() -> float:
    """How long this process has been ready to run while another one ran; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) * 1e-9
    except (OSError, IndexError):
        return 0.0


def hypervisor_s() -> float:
    """How long the hypervisor has run others on CPUs that were wanted here; 0 where the system does not tell."""
    try:
        return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def latency(network: Path, precision: str, group: list[Path]) -> dict[str, float]:
    """`paced` in a child that enters the control groups `group` before it loads anything."""

    def enter() -> None:
        for folder in group:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.network", str(network), "--paced", precision],
        capture_output=True, text=True, check=False, preexec_fn=enter, env=os.environ | one_thread,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"the paced child ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


@contextmanager
def limited() -> Iterator[list[Path] | None]:
    """Control groups of QUOTA of one CPU and MEMORY_MB, version 1 or 2; None where they cannot be made."""
    mounted, name, made = Path("/sys/fs/cgroup"), f"inversion-bench-{os.getpid()}", []
    two = (mounted / "cgroup.controllers").exists()
    parts = [("", {"cpu.max": f"{QUOTA * 1e5:.0f} 100000", "memory.max": str(MEMORY_MB << 20)})]
    if not two:
        quota = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": f"{QUOTA * 1e5:.0f}"}
        parts = [("cpu", quota), ("memory", {"memory.limit_in_bytes": str(MEMORY_MB << 20)})]
    try:
        for controller, limits in parts:
            folder = mounted / controller / name
            folder.mkdir()
            made.append(folder)
            for file, value in limits.items():
                (folder / file).write_text(value)
        yield made
    except OSError as error:
        print(f"no control group of our own could be made ({error}); as root it can")
        yield None
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def latencies(network: Path) -> bool:
    """Prints how late answers are, unthrottled and throttled, beside the bare transforms; whether the bars are met."""
    load = f"{os.getloadavg()[0]:.1f} processes ran on {os.cpu_count()} CPUs"
    print(f"{PACED} times, {PACE_HZ} a second, the four windows in turn: from due to done, ms ({load})")
    heads = (*QUANTILES, "own p50", "own p99.9", "queued p99.9", "stolen s", "memory MB")
    print(f"{'':34s}" + "".join(f"{head:>13s}" for head in heads))

    def told(label: str, found: dict[str, float], bar: float | None) -> bool:
        times = [*QUANTILES, "own_p50", "own", "queue"]
        row = (
            "".join(f"{1e3 * found[key]:13.2f}" for key in times) + f"{found['stolen']:13.2f}{found['memory_mb']:13.0f}"
        )
        print(f"{label:34s}{row}" + ("" if bar is None else f"   (bar: p99.9 {1e3 * bar:g} ms)"))
        return bar is None or found["p99.9"] < bar

    told("the clock read for 4 ms", latency(network, "clock", []), None)
    floor = latency(network, "bare", [])
    told("bare transforms, unthrottled", floor, None)
    answers = latency(network, "full", [])
    met = told("answers, unthrottled, full", answers, 5e-3)
    stretch = [found["p99.9"] / found["own_p50"] for found in (floor, answers)]
    print(
        f"p99.9 over the median's CPU time: bare transforms {stretch[0]:.1f} times, answers {stretch[1]:.1f} times; "
        f"answers over bare transforms: {answers['p99.9'] / floor['p99.9']:.2f} times"
    )
    with limited() as group:
        if group is not None:
            label = f"{QUOTA:.0%} of a CPU, {MEMORY_MB} MB"
            for precision in ("full", "lite"):
                met = told(f"{label}, {precision}", latency(network, precision, group), 50e-3) and met
    return met


def main() -> None:
    """Everything, or the paced child."""
    arguments = sys.argv[1:]
    network = Path(arguments[0] if arguments else "rolling_bearing_v1")
    if "--paced" in arguments:
        paced(network, arguments[-1])
        return
    try:
        network_folder(network)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    met = ratios(network)
    together(network)
    precisions(network)
    met = latencies(network) and met
    print("all bars are met" if met else "not all bars are met")


if __name__ == "__main__":
    main()
