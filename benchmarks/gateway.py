"""What the gateway costs at rest: seconds from the call to a gateway that is ready, and resident memory.

    python -m benchmarks.gateway

A site with the rolling bearing, a Modbus source whose device does not answer (the gateway waits for it) and both
sinks. Bars: start within 2 s, 120 MB for the gateway process. The worker is shown beside it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SITE = """
[site]
name = "rest"
[source]
use = "modbus"
profile = "demo_vibration"
asset = "machine"
line = "tcp://127.0.0.1:{port}"
[forward]
use = "rolling_bearing"
[forward.bearing]
elements = 9
element_diameter_mm = 7.94
pitch_diameter_mm = 39.04
[engine]
use = "least_squares"
[[alarm]]
name = "outer spall above limit"
parameter = "outer_spall"
limit = 3.0
[[sink]]
use = "console"
[[sink]]
use = "jsonl"
path = "findings.jsonl"
"""
_START_S, _MEMORY_MB = 2.0, 120.0


def measure(folder: Path) -> tuple[float, dict[str, float]]:
    """Seconds until the gateway says that it started, and MB by process, half a second later."""
    site = folder / "rest.toml"
    site.write_text(SITE.format(port=1))  # nobody listens there
    command = str(Path(sys.executable).with_name("inversion"))
    began = time.monotonic()
    with subprocess.Popen([command, "run", str(site)], stderr=subprocess.PIPE, text=True) as gateway:
        assert gateway.stderr is not None
        while "started" not in gateway.stderr.readline():
            if gateway.poll() is not None:
                raise SystemExit("the gateway ended before it started")
        seconds = time.monotonic() - began
        time.sleep(0.5)
        children = Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()
        memory = {"gateway": resident_mb(gateway.pid), "worker": resident_mb(int(children[0]))}
        gateway.terminate()
    return seconds, memory


def resident_mb(pid: int) -> float:
    """Resident set of a process, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no resident memory")


def main() -> int:
    """Prints the median of three starts against the bars; 1 where one is missed."""
    runs = []
    for _ in range(3):
        folder = Path(tempfile.mkdtemp(prefix="inversion-bench-"))
        try:
            runs.append(measure(folder))
        finally:
            shutil.rmtree(folder)
    seconds, memory = sorted(runs, key=lambda run: run[0])[1]
    print(f"start: {seconds:.2f} s (bar {_START_S:g} s)")
    print(f"gateway process: {memory['gateway']:.0f} MB resident (bar {_MEMORY_MB:g} MB)")
    print(f"worker process: {memory['worker']:.0f} MB resident")
    return 0 if seconds <= _START_S and memory["gateway"] <= _MEMORY_MB else 1


if __name__ == "__main__":
    sys.exit(main())
