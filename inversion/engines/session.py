"""One graph on onnxruntime: one thread, no spinning, no telemetry, one window a call.

A gateway shares its box: onnxruntime sizes its threads without seeing cgroup quotas, and spins while it waits. Windows
are run one by one, since kernels may round differently for other sizes of batch; buffers are bound once, which saves
a third of the call.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.core import ModelError
from inversion.store.network import StoredGraph

Real = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Session:
    """A graph ready to run. inputs: (k,), quantiles: (p, q), latent: (h,), its bound buffers.

    options: of every call; made anew for each, they take a sixth of its time
    """

    runtime: Any
    binding: Any
    options: Any
    inputs: Real
    quantiles: Real
    latent: Real

    def run(self, row: Real) -> tuple[Array, Array]:
        """(k,) to quantiles (p, q) and latent (h,)."""
        self.inputs[:] = row
        self.runtime.run_with_iobinding(self.binding, self.options)
        return self.quantiles.astype(np.float64), self.latent.astype(np.float64)


def import_runtime() -> Any:
    """The library, without its telemetry; it starts no thread before a session is opened."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # must stand before the import
    import onnxruntime

    return onnxruntime


def open_session(stored: StoredGraph) -> Session:
    """The graph, loaded and tried once on zeros. Raises ModelError, one line."""
    onnxruntime = import_runtime()
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    refusals = (
        state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented,
        state.NoModel, state.RuntimeException, state.EPFail, RuntimeError, ValueError,
    )  # fmt: skip
    try:
        runtime = onnxruntime.InferenceSession(
            stored.data, _options(onnxruntime), providers=["CPUExecutionProvider"],
            enable_fallback=0,  # else it prints what it cannot read, and tries again
        )  # fmt: skip
        session = _bound(runtime, stored, onnxruntime.RunOptions())
        quantiles, latent = session.run(np.zeros_like(session.inputs))
    except refusals as problem:
        raise ModelError(f"{stored.path}: onnxruntime refuses it: {' '.join(str(problem).split())}") from problem
    if not (np.all(np.isfinite(quantiles)) and np.all(np.isfinite(latent))):
        raise ModelError(f"{stored.path}: answers a row of zeros with what is no number")
    if np.any(np.diff(quantiles, axis=-1) < 0):
        raise ModelError(f"{stored.path}: its quantiles do not rise")
    return session


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    for pool in ("intra_op", "inter_op"):
        options.add_session_config_entry(f"session.{pool}.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # as fast for one window, and smaller
    options.log_severity_level = 4  # what goes wrong is raised
    return options


def _bound(runtime: Any, stored: StoredGraph, options: Any) -> Session:
    """Buffers of one window, bound to the input and the outputs."""
    shapes = [(1, *map(int, port.shape[1:])) for port in (*stored.graph.inputs, *stored.graph.outputs)]
    buffers = [np.zeros(shape, dtype=np.float32) for shape in shapes]
    binding = runtime.io_binding()
    binds = [binding.bind_input, binding.bind_output, binding.bind_output]
    for bind, name, buffer in zip(binds, ("features", "quantiles", "latent"), buffers, strict=True):
        bind(name, "cpu", 0, np.float32, buffer.shape, buffer.ctypes.data)
    return Session(runtime, binding, options, *(buffer[0] for buffer in buffers))
