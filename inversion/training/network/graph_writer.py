"""Nodes of an ONNX graph, written one by one, so that a file holds nothing but what answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_IR = 10  # the first that knows four bits


@dataclass
class Writer:
    """Nodes and constants of a graph in the making; every method returns the name of what it made.

    prefix: of the names of a graph inside a graph, which must differ from those around it
    """

    prefix: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """One node with one output."""
        return self.several(kind, inputs, [name or f"{self.prefix}{len(self.nodes)}"], **attributes)[0]

    def several(self, kind: str, inputs: list[str], names: list[str], **attributes: Any) -> list[str]:
        """One node with outputs of these names."""
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """An initializer."""
        name = self.prefix + name
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def four_bits(self, name: str, value: NDArray[np.signedinteger]) -> str:
        """An initializer of integers from -8 to 7, two a byte."""
        name = self.prefix + name
        low, high = np.resize(value.ravel().astype(np.int8), (value.size + 1) // 2 * 2).reshape(-1, 2).T & 15
        packed = (low | (high << 4)).astype(np.uint8).tobytes()
        self.constants[name] = helper.make_tensor(name, TensorProto.INT4, value.shape, packed, raw=True)
        return name

    def floats(self, name: str, value: object) -> str:
        """One of single precision."""
        return self.constant(name, np.asarray(value, dtype=np.float32))

    def shape(self, *dims: int) -> str:
        """A shape or a list of axes, shared by all that need the same."""
        return self.constant("dims" + "_".join(str(dim).replace("-", "m") for dim in dims), np.array(dims, np.int64))

    def reshape(self, x: str, *dims: int) -> str:
        """x in another shape."""
        return self.node("Reshape", [x, self.shape(*dims)])

    def branch(self, name: str, *outputs: str) -> onnx.GraphProto:
        """What was written, as a graph inside another, which it sees by name."""
        ports = [helper.make_tensor_value_info(each, TensorProto.FLOAT, None) for each in outputs]
        return helper.make_graph(self.nodes, name, [], ports, list(self.constants.values()))

    def model(self, name: str, k: int, p: int, q: int, h: int, opset: int) -> onnx.ModelProto:
        """The whole, checked: `features` (n, k) to `quantiles` (n, p, q) and `latent` (n, h)."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", k])],
            [
                helper.make_tensor_value_info("quantiles", TensorProto.FLOAT, ["n", p, q]),
                helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["n", h]),
            ],
            list(self.constants.values()),
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="inversion")
        made.ir_version = _IR
        onnx.checker.check_model(made, full_check=True)
        return made
