"""A trained network as an ONNX graph: nodes written one by one, so that the file holds nothing but what answers.

Input `features` (n, k), encoded windows; outputs `quantiles` (n, p, q), shares of the ranges, and `latent` (n, h).
Convolutions have two dimensions, one of length 1: onnxruntime has fast kernels for those only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from inversion.core.encoding import Columns
from inversion.training.network import races

Array = NDArray[np.float32]

OPSET = 17
_IR = 8
_LEAST = 1e-12


@dataclass
class Writer:
    """Nodes and constants of a graph in the making; every method returns the name of what it made."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """One node with one output."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """An initializer."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
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

    def model(self, name: str, k: int, p: int, q: int, h: int) -> onnx.ModelProto:
        """The whole, checked."""
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
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="inversion")
        made.ir_version = _IR
        onnx.checker.check_model(made, full_check=True)
        return made


def quantile_nodes(w: Writer, logits: str, levels: tuple[float, ...]) -> str:
    """(m, cells) logits to (m, q): see `density.quantiles`."""
    least = w.floats("least", _LEAST)
    mass = w.node("Max", [w.node("Softmax", [logits], axis=-1), least])
    below = w.node("Sub", [w.node("CumSum", [mass, w.constant("last", np.array(1, np.int64))]), mass])
    axis = w.shape(1)
    over = w.node("Sub", [w.floats("levels", np.array(levels)[:, None]), w.node("Unsqueeze", [below, axis])])
    part = w.node("Div", [over, w.node("Unsqueeze", [mass, axis])])
    part = w.node("Clip", [part, w.floats("zero", 0.0), w.floats("one", 1.0)])
    return w.node("ReduceMean", [part], axes=[2], keepdims=0)


def race_graph(
    weights: dict[str, Array],
    blocks: int,
    at: Columns,
    levels: tuple[float, ...],
    center: Array,
    hardest: float,
    name: str,
) -> onnx.ModelProto:
    """The network of `races`. center: (h,) mean of its hidden layer; hardest: m/s2, end of the range of impacts."""
    w = Writer()
    r, q = races.RACES, len(levels)
    c, h = weights["first"].shape[0], weights["hidden"].shape[0]
    inputs = _inputs(w, at)
    planes, scalars, impact_scalars = _rows(w, inputs)
    x = _conv(w, weights, "first", planes, stride=races.STRIDE)
    x = w.node("Relu", [x])
    for block in range(blocks):
        x = w.node("Add", [x, _separable(w, weights, f"deep{block}", f"point{block}", x, races.dilation(block))])
    pooled = [w.node("GlobalAveragePool", [x]), w.node("GlobalMaxPool", [x])]
    summary = w.node("Concat", [*(w.reshape(each, -1, c) for each in pooled), *scalars], axis=1)
    hidden = w.node("Relu", [_gemm(w, weights, "hidden", summary)])
    x = w.node("Add", [x, w.reshape(_gemm(w, weights, "back", hidden), -1, c, 1, 1)])
    x = _separable(w, weights, "last_deep", "last_point", x, 1)
    x = w.node("Transpose", [_conv(w, weights, "out", x)], perm=[0, 2, 3, 1])
    logits = w.node("Mul", [w.reshape(x, -1, races.DENSITY), inputs["observed"]])
    widths = w.reshape(quantile_nodes(w, logits, levels), -1, r, q)
    x = w.node("Relu", [_gemm(w, weights, "impact1", w.node("Concat", impact_scalars, axis=1))])
    gaps = w.node("Softplus", [_gemm(w, weights, "impact2", x)])
    first = w.node("Slice", [gaps, w.shape(0), w.shape(1), w.shape(1)])
    unseen = w.node("Relu", [w.node("Neg", [inputs["s_own"]])])
    ratios = w.node("Sub", [w.node("CumSum", [gaps, "last"]), w.node("Mul", [first, unseen])])
    share = w.node("Div", [w.reshape(inputs["level"], -1, 1), w.floats("hardest", hardest)])
    impacts = w.node("Clip", [w.node("Mul", [ratios, share]), "zero", "one"])
    w.node("Concat", [w.reshape(impacts, -1, r, q), widths], "quantiles", axis=1)
    about = w.node("Mul", [w.node("Sub", [hidden, w.floats("center", center)]), inputs["observed"]])
    total = w.node("ReduceSum", [w.reshape(about, -1, r, h), w.shape(1)], keepdims=0)
    count = w.node("ReduceSum", [w.reshape(inputs["observed"], -1, r), w.shape(1)], keepdims=1)
    w.node("Div", [total, w.node("Max", [count, "one"])], "latent")
    return w.model(name, at.width, 2 * r, q, h)


def _inputs(w: Writer, at: Columns) -> dict[str, str]:
    """The columns that are used, by name, and what is said of each profile."""
    r, cells = races.RACES, races.CELLS
    edges = r * cells
    names = ("z_impact", "z_edges", "s_impact", "s_edges", "level", "unused1", "unused2", "floor", "unused3", "path")
    names += ("unused4",) * (at.width > at.condition.start + races.RELIEF + 1)
    path = at.condition.start + races.RELIEF
    sizes = [r, edges, r, edges, r, edges, r, r, path - 3 * (r + edges) - 2 * r, 1]
    sizes += [at.width - path - 1] * (at.width > path + 1)
    w.nodes.append(helper.make_node("Split", ["features", w.constant("sizes", np.array(sizes))], list(names), axis=1))
    z = w.reshape("z_edges", -1, 1, 1, cells)
    state = w.reshape("s_edges", -1, 1, 1, cells)
    mask = w.node("Abs", [state])
    flat: dict[str, Any] = {"axes": [1, 2, 3], "keepdims": 1}
    floor = w.node("Max", [w.reshape("floor", -1, 1), w.floats("least_floor", races.LEAST_FLOOR)])
    return {
        "z": z,
        "mask": mask,
        "floor": floor,
        "level": "level",
        "path": "path",
        "z_own": w.reshape("z_impact", -1, 1),
        "s_own": w.reshape("s_impact", -1, 1),
        "observed": w.reshape(w.node("ReduceMax", [mask], **flat), -1, 1),
        "seen": w.reshape(w.node("ReduceMean", [mask], **flat), -1, 1),
        "highest": w.reshape(w.node("ReduceMax", [z], **flat), -1, 1),
        "censored": w.node("Relu", [w.reshape(w.node("Neg", [w.node("ReduceMin", [state], **flat)]), -1, 1)]),
    }


def _rows(w: Writer, given: dict[str, str]) -> tuple[str, list[str], list[str]]:
    """Planes, scalars of the profile, scalars of the impact: see `races.rows`."""
    centers = w.floats("centers", races.centers().numpy()[:, :, None])
    shifted = w.node("Add", [w.reshape(given["floor"], -1, 1, 1, 1), centers])
    lag = w.node("Div", [centers, shifted])  # = (c / f) / (1 + c / f)
    millimeters = w.node("Mul", [given["path"], w.floats("millimeters", np.full((1, races.RACES), 1e3))])
    relief = w.node("Mul", [w.reshape(millimeters, -1, 1, 1, 1), w.floats("cells", np.ones((1, 1, 1, races.CELLS)))])
    planes = w.node("Concat", [given["z"], given["mask"], lag, relief], axis=1)
    summed = w.node("ReduceSum", [w.node("Relu", ["s_impact"]), w.shape(1)], keepdims=1)
    share = w.node("Div", [summed, w.floats("races", float(races.RACES))])
    ones = w.floats("each", np.ones((1, races.RACES)))
    present = w.reshape(w.node("Mul", [share, ones]), -1, 1)
    tiny = w.floats("tiny", 1e-9)
    level = w.node("Max", [given["level"], tiny])
    quotient = w.node("Div", [level, w.node("ReduceMax", [level], axes=[1], keepdims=1)])
    louder = w.reshape(w.node("Max", [w.node("Log", [quotient]), w.floats("quiet", -6.0)]), -1, 1)
    scalars = [
        w.node("Log", [given["floor"]]),
        given["z_own"],
        given["s_own"],
        given["censored"],
        given["seen"],
        present,
        given["highest"],
    ]
    return planes, scalars, [given["z_own"], given["s_own"], present, louder]


def _separable(w: Writer, weights: dict[str, Array], deep: str, point: str, x: str, dilated: int) -> str:
    return w.node("Relu", [_conv(w, weights, point, _conv(w, weights, deep, x, dilated=dilated))])


def _conv(w: Writer, weights: dict[str, Array], name: str, x: str, stride: int = 1, dilated: int = 1) -> str:
    weight = weights[name][:, :, None, :]
    kernel = weight.shape[3]
    padding = dilated * (kernel - 1) // 2
    deep = weight.shape[1] == 1 and weight.shape[0] > 1 and kernel > 1
    return w.node(
        "Conv",
        [x, w.floats(f"{name}_weight", weight), w.floats(f"{name}_bias", weights[f"{name}_bias"])],
        name,
        kernel_shape=[1, kernel],
        strides=[1, stride],
        dilations=[1, dilated],
        pads=[0, padding, 0, padding],
        group=weight.shape[0] if deep else 1,
    )


def _gemm(w: Writer, weights: dict[str, Array], name: str, x: str) -> str:
    weight = w.floats(f"{name}_weight", weights[name])
    return w.node("Gemm", [x, weight, w.floats(f"{name}_bias", weights[f"{name}_bias"])], name, transB=1)
