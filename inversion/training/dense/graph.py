"""A dense network as an ONNX graph: `features` (n, k) to `quantiles` (n, p, q) and `latent` (n, d), see `layers`."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.core.encoding import Columns
from inversion.training.dense import layers, rounding
from inversion.training.dense.layers import Scale, Shape
from inversion.training.network.graph import OPSET
from inversion.training.network.graph_writer import Writer

Array = NDArray[np.float32]


def dense_graph(
    weights: dict[str, Array], blocks: int, shape: Shape, scale: Scale, at: Columns, name: str, integers: bool
) -> onnx.ModelProto:
    """integers: whether the matrices are, and made into floats at the call."""
    w = Writer()
    d, p, q = shape.observables, shape.parameters, shape.levels
    sizes = np.array([d, d, d, at.floor.stop - at.floor.start, shape.conditions])
    w.several("Split", ["features", w.constant("sizes", sizes)], ["z", "state", "value", "floor", "condition"], axis=1)
    inputs = w.node("Concat", ["z", "state", "value", "condition"], axis=1)
    inputs = w.node("Sub", [inputs, w.floats("mean", scale.mean.numpy())])
    inputs = w.node("Div", [inputs, w.floats("deviation", scale.deviation.numpy())])
    x = w.node("Relu", [_linear(w, weights, "first", inputs, integers)])
    for k in range(blocks):
        x = w.node("Add", [x, w.node("Relu", [_linear(w, weights, f"dense{k}", x, integers)])])
    out = w.reshape(_linear(w, weights, "last", w.node("Concat", [inputs, x], axis=1), integers), -1, p, q)
    middle, gaps = w.several("Split", [out, w.constant("parts", np.array([1, q - 1]))], ["middle", "gaps"], axis=2)
    gaps = w.node("Add", [w.node("Softplus", [gaps]), w.floats("least_gap", layers.LEAST_GAP)])
    rising = w.node("MatMul", [w.node("Concat", [middle, gaps], axis=2), w.floats("stairs", layers.stairs(shape))])
    one = w.floats("one", 1.0)
    w.node("Clip", [rising, w.floats("zero", 0.0), one], "quantiles")
    _latent(w, weights, shape, inputs, integers)
    return w.model(name, at.width, p, q, d, OPSET)


def _latent(w: Writer, weights: dict[str, Array], shape: Shape, inputs: str, integers: bool) -> None:
    """See `layers.echo`."""
    d, m, one = shape.observables, shape.middle, w.floats("one", 1.0)
    median = w.node("Slice", ["quantiles", w.shape(m), w.shape(m + 1), w.shape(2)])
    shares = w.reshape(median, -1, shape.parameters)
    near = w.floats("near", layers.NEAR)
    low = w.node("Log", [w.node("Add", [shares, near])])
    high = w.node("Log", [w.node("Add", [w.node("Sub", [one, shares]), near])])
    conditions = w.node("Slice", [inputs, w.shape(3 * d), w.shape(shape.inputs), w.shape(1)])
    x = w.node("Concat", [shares, low, high, conditions], axis=1)
    for k in range(2):
        x = w.node("Relu", [_linear(w, weights, f"{layers.ECHO}{k}", x, integers)])
    told = _linear(w, weights, f"{layers.ECHO}2", x, integers)
    expected, scatter = w.several("Split", [told, w.constant("two", np.array([d, d]))], ["expected", "scatter"], axis=1)
    apart = w.node("Mul", [w.node("Abs", ["state"]), w.node("Sub", ["z", expected])])
    w.node("Mul", [apart, w.node("Exp", [w.node("Neg", [scatter])])], "latent")


def _linear(w: Writer, weights: dict[str, Array], name: str, x: str, integers: bool) -> str:
    bias = w.floats(f"{name}_bias", weights[f"{name}_bias"])
    if not integers:
        return w.node("Gemm", [x, w.floats(f"{name}_weight", weights[name]), bias], transB=1)
    whole, steps = rounding.integers(name, weights[name])
    weight = [w.constant(f"{name}_weight", whole), w.floats(f"{name}_weight_scale", steps)]
    return w.node("Gemm", [x, w.node("DequantizeLinear", weight, axis=0), bias], transB=1)
