"""Sizes of graphs, and the one with weights in 16 bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

_TRAINED = ("_weight", "_bias")
_STEPS = "_scale"


def half_precision(full: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights in 16 bits, cast where they are used: half the size, the same arithmetic."""
    made = onnx.ModelProto()
    made.CopyFrom(full)
    for graph in graphs(made.graph):
        casts = []
        for tensor in list(graph.initializer):
            value = onnx.numpy_helper.to_array(tensor)
            if value.dtype != np.float32 or value.size < 64:
                continue
            graph.initializer.remove(tensor)
            name = f"{tensor.name}_half"
            graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float16), name))
            casts.append(onnx.helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT))
        nodes = list(graph.node)
        del graph.node[:]
        graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(made, full_check=True)
    return made


def trained(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Weights and biases, with the steps of those that are rounded."""
    for graph in graphs(model.graph):
        yield from (tensor for tensor in graph.initializer if any(part in tensor.name for part in _TRAINED))


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


def trained_numbers(model: onnx.ModelProto) -> int:
    """How many, without steps."""
    return sum(int(np.prod(each.dims)) for each in trained(model) if not each.name.endswith(_STEPS))


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of weights and biases, with the steps of those that are rounded."""
    return sum(len(tensor.raw_data) for tensor in trained(model))
