"""What a graph costs where it was trained: time of a call, memory, size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.store.card import Cost
from inversion.training.network import quantize
from inversion.training.network.answers import session_of

_CALLS = 2000


def cost(
    name: str,
    out: Path,
    model: onnx.ModelProto,
    row: NDArray[np.float32],
    timer: Callable[[], float],
    memory_mb: Callable[[Path], float],
) -> Cost:
    """Of one graph on this machine. row: (1, k); timer: s."""
    session = session_of(model)
    times = np.empty(_CALLS)
    for k in range(_CALLS):
        start = timer()
        session.run(None, {"features": row})
        times[k] = timer() - start
    path = out / f"{name}.onnx"
    return Cost(
        network=name,
        processor=_processor(),
        call_us=round(float(np.median(times)) * 1e6, 1),
        call_p999_us=round(float(np.quantile(times, 0.999)) * 1e6, 1),
        memory_mb=round(memory_mb(path), 1),
        parameters=quantize.trained_numbers(model),
        file_bytes=path.stat().st_size,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
