"""Networks small enough to be written down: exact posteriors as ONNX graphs, with their cards, for tests.

They take the same rows and answer the same outputs as trained ones. `linear_network` is weighted least squares for any
model with `affine`; `grid_network` sums up the posterior of a model of one parameter and one observable.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from inversion.core import ForwardModel
from inversion.core.encoding import ENCODING, columns
from inversion.store.card import Calibration, Card, Misfit, Origin, count_conditions, fingerprint, ranges, write_card

LEVELS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
OPSET = 17


class Ops:
    """Nodes and numbers of a graph, added by calling an operator: `ops.Add(a, b)` is the name of the sum."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.numbers: list = []

    def __getattr__(self, operator):
        def add(*inputs, **attributes):
            name = f"t{len(self.nodes)}"
            names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
            self.nodes.append(helper.make_node(operator, names, [name], **attributes))
            return name

        return add

    def constant(self, values) -> str:
        array = np.asarray(values)
        name = f"c{len(self.numbers)}"
        self.numbers.append(
            numpy_helper.from_array(array.astype(np.float32 if array.dtype.kind == "f" else np.int64), name)
        )
        return name

    def columns(self, rows: str, part: slice) -> str:
        return self.Slice(rows, [part.start], [part.stop], [1])

    def model(
        self, quantiles: str, latent: str, inputs: int, shapes: tuple[int, int, int], opset: int = OPSET
    ) -> bytes:
        p, q, h = shapes
        ports = {"quantiles": ["n", p, q], "latent": ["n", h]}
        self.nodes += [
            helper.make_node("Identity", [quantiles], ["quantiles"]),
            helper.make_node("Identity", [latent], ["latent"]),
        ]
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", inputs])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ports.items()],
            self.numbers,
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        made.ir_version = 8
        return made.SerializeToString()


def write_tiny(folder: Path, model: ForwardModel, data: bytes, **changes) -> Card:
    """`card.toml`, `full.onnx` and `lite.onnx` (the same) in `folder`; `changes` of the card's table `network`."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(data).hexdigest()
    parameters = ranges(model.space.parameters)
    c = count_conditions(model)
    inputs = columns(len(model.observables), len(model.space), c).width
    own = fingerprint(model, ENCODING)
    origin = Origin(
        "tiny", 1, type(model).__name__.lower(), own, ENCODING, inputs, 1, LEVELS, OPSET, "tests", 0, "none", "MIT"
    )
    ones = tuple(1.0 for _ in parameters)
    card = Card(
        replace(origin, **changes),
        {"full": digest, "lite": digest},
        parameters,
        Calibration(0.9, (), (), ((ones,),), ((0,),)),
        Misfit((0.0,), ((1.0,),), 3.5, 7.0),
    )
    for name in ("full.onnx", "lite.onnx"):
        (folder / name).write_bytes(data)
    write_card(card, folder / "card.toml")
    return card


def linear_network(model: ForwardModel) -> bytes:
    """Of a model of two parameters with `affine(conditions)` in proportion to its one condition, without offset."""
    d, p = len(model.observables), len(model.space)
    at, ops = columns(d, p, 1), Ops()
    matrix = model.affine(np.ones(1))[0]
    design = ops.Mul(ops.Reshape(ops.columns("features", at.condition), [-1, 1, 1]), matrix.reshape(1, d, p))
    value, weight = _values(ops, at)
    whitened = ops.Mul(ops.Reshape(weight, [-1, d, 1]), design)  # (n, d, p)
    reading = ops.Reshape(ops.Mul(weight, value), [-1, d, 1])
    turned = ops.Transpose(whitened, perm=[0, 2, 1])
    normal, right = ops.MatMul(turned, whitened), ops.MatMul(turned, reading)
    normal = ops.Add(normal, 1e-6 * np.eye(p).reshape(1, p, p))
    a, b, e = (ops.Reshape(ops.Slice(ops.Reshape(normal, [-1, 4]), [k], [k + 1], [1]), [-1, 1, 1]) for k in (0, 1, 3))
    determinant = ops.Sub(ops.Mul(a, e), ops.Mul(b, b))
    adjugate = ops.Add(
        ops.Add(ops.Mul(e, np.array([[[1.0, 0], [0, 0]]])), ops.Mul(a, np.array([[[0, 0], [0, 1.0]]]))),
        ops.Mul(b, np.array([[[0, -1.0], [-1.0, 0]]])),
    )
    inverse = ops.Div(adjugate, determinant)
    mean = ops.MatMul(inverse, right)  # (n, p, 1)
    deviation = ops.Sqrt(ops.ReduceSum(ops.Mul(inverse, np.eye(p).reshape(1, p, p)), [2], keepdims=1))
    residual = ops.Sub(reading, ops.MatMul(whitened, mean))
    latent = ops.Sqrt(ops.Reshape(ops.ReduceSum(ops.Mul(residual, residual), [1, 2], keepdims=0), [-1, 1]))
    return ops.model(_shares(ops, model, mean, deviation), latent, at.width, (p, len(LEVELS), 1))


def grid_network(model: ForwardModel, cells: int = 2000) -> bytes:
    """Of a model of one parameter and one observable that no condition changes."""
    at, ops = columns(1, 1, count_conditions(model)), Ops()
    share = (np.arange(cells) + 0.5) / cells
    theta = model.space.low + share[:, None] * (model.space.high - model.space.low)
    predicted = model.simulate(theta, np.ones(1)).reshape(1, cells)
    value, weight = _values(ops, at)
    off = ops.Mul(ops.Sub(value, predicted.astype(float)), weight)
    mass = ops.CumSum(ops.Softmax(ops.Mul(ops.Mul(off, off), np.array(-0.5)), axis=1), np.array(1))
    below = ops.Cast(
        ops.Less(ops.Reshape(mass, [-1, cells, 1]), np.array(LEVELS).reshape(1, 1, -1)), to=TensorProto.FLOAT
    )
    quantiles = ops.Div(ops.Add(ops.ReduceSum(below, [1], keepdims=1), np.array(0.5)), np.array(float(cells)))
    return ops.model(quantiles, ops.Mul(value, np.array(0.0)), at.width, (1, len(LEVELS), 1))


def _values(ops: Ops, at) -> tuple[str, str]:
    """(n, d) values, and one over their deviations, zero where nothing was observed."""
    level = ops.columns("features", at.level)
    ratio = ops.Sinh(ops.columns("features", at.z))
    return level, ops.Div(ratio, ops.Add(level, np.array(1e-30)))


def _shares(ops: Ops, model: ForwardModel, mean: str, deviation: str) -> str:
    """Quantiles of a normal distribution inside the range, (n, p, q), as shares of it."""
    low, span = model.space.low.reshape(1, -1, 1), (model.space.high - model.space.low).reshape(1, -1, 1)
    scores = np.array([NormalDist().inv_cdf(level) for level in LEVELS]).reshape(1, 1, -1)
    values = ops.Add(mean, ops.Mul(deviation, scores))
    return ops.Clip(ops.Div(ops.Sub(values, low), span), np.array(0.0), np.array(1.0))
