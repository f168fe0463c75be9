"""A graph in 8-bit integers: weights by output channel, activations by range, in the QDQ form of onnxruntime."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

Encoded = NDArray[np.float32]

_BATCH = 50
#: A few numbers: those that carry the unit of the impacts, and the last layer, whose steps would be steps of a density.
_EXACT = ("impact1", "impact2", "out")


def quantized(full: onnx.ModelProto, windows: Encoded) -> onnx.ModelProto:
    """The graph with 8-bit weights and activations. windows: (n, k) encoded, by which ranges are found.

    Source: Jacob et al., arXiv:1712.05877, section 2; per channel: Krishnamoorthi, arXiv:1806.08342, section 2.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "full.onnx", Path(scratch) / "lite.onnx"
        named = onnx.ModelProto()
        named.CopyFrom(full)
        named.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")  # nothing to fold in ours
        onnx.save(named, source)
        quantize_static(
            source,
            target,
            _Reader(windows),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Gemm"],
            nodes_to_exclude=list(_EXACT),
        )
        made = onnx.load(target)
    made.ClearField("metadata_props")
    made.producer_name = "inversion"
    onnx.checker.check_model(made, full_check=True)
    return made


def half_precision(full: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights in 16 bits, cast where they are used: half the size, the same arithmetic."""
    made = onnx.ModelProto()
    made.CopyFrom(full)
    casts = []
    for tensor in list(made.graph.initializer):
        value = onnx.numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < 64:
            continue
        made.graph.initializer.remove(tensor)
        name = f"{tensor.name}_half"
        made.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float16), name))
        casts.append(onnx.helper.make_node("Cast", [name], [tensor.name], f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = list(made.graph.node)
    del made.graph.node[:]
    made.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(made, full_check=True)
    return made


def trained_numbers(model: onnx.ModelProto) -> int:
    """How many."""
    names = [tensor.name for tensor in model.graph.initializer]
    scales = [name for name in names if name.endswith(("_scale", "_zero_point"))]
    return sum(
        onnx.numpy_helper.to_array(tensor).size
        for tensor in model.graph.initializer
        if any(part in tensor.name for part in ("_weight", "_bias")) and tensor.name not in scales
    )


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of weights and biases, with the scales of those that are rounded."""
    return sum(
        onnx.numpy_helper.to_array(tensor).nbytes
        for tensor in model.graph.initializer
        if any(part in tensor.name for part in ("_weight", "_bias"))
    )


class _Reader:
    """Batches for the calibration of onnxruntime."""

    def __init__(self, windows: Encoded) -> None:
        self._batches: Iterator[Encoded] = iter(windows[k : k + _BATCH] for k in range(0, len(windows), _BATCH))

    def get_next(self) -> dict[str, Encoded] | None:
        """One batch, None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"features": batch}

    def set_range(self, start_index: int, end_index: int) -> None:
        """Not used: all batches are in memory."""
