"""A trained network as an ONNX graph.

Input `features` (n, k), encoded windows; outputs `quantiles` (n, p, q), shares of the ranges, and `latent` (n, h). Only
races of which a profile was observed go through the layers of the profile; where there is none, an `If` leaves them
out. Its numbers stand inside it: onnxruntime prepares no others for its kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto

from inversion.core.encoding import Columns
from inversion.training.network import races, rounding
from inversion.training.network.graph_layers import Exact, Layers, Rounded
from inversion.training.network.graph_writer import Writer

Array = NDArray[np.float32]

OPSET = 21
INSIDE = "s_"  # begins the names of the layers of the profile
_LEAST = 1e-12


def race_graph(
    weights: dict[str, Array],
    blocks: int,
    at: Columns,
    levels: tuple[float, ...],
    center: Array,
    hardest: float,
    name: str,
    rounded: rounding.Rounding | None = None,
) -> onnx.ModelProto:
    """The network of `races`, in integers where it is `rounded`.

    center: (h,) mean of its hidden layer; hardest: m/s2, end of the range of impacts
    """
    torn = {key: torch.from_numpy(each) for key, each in weights.items()}
    folded = {key: each.numpy() for key, each in rounding.folded(torn).items()}
    layers: Layers = Exact(folded) if rounded is None else Rounded(folded, rounded)
    w, some, none = Writer(), Writer(INSIDE), Writer("n_")
    r, q, h = races.RACES, len(levels), center.size
    given = _inputs(w, at)
    impacts = _impacts(w, layers, given, hardest)
    branches: dict[str, Any] = {
        "then_branch": some.branch("some", *_profiles(some, layers, given, blocks, levels, center)),
        "else_branch": none.branch("none", *_nothing(none, given, levels, h)),
    }
    widths, _ = w.several("If", [given["any"]], ["widths", "latent"], **branches)
    shape = w.shape(-1, r, q)
    parts = [w.node("Reshape", [each, shape]) for each in (impacts, widths)]
    w.node("Concat", parts, "quantiles", axis=1)
    return w.model(name, at.width, 2 * r, q, h, OPSET)


def quantile_nodes(w: Writer, logits: str, levels: tuple[float, ...]) -> str:
    """(m, cells) logits to (m, q): see `density.quantiles`."""
    axis = w.shape(1)
    mass = w.node("Max", [w.node("Softmax", [logits], axis=-1), w.floats("least", _LEAST)])
    below = w.node("Sub", [w.node("CumSum", [mass, w.constant("last", np.array(1, np.int64))]), mass])
    over = w.node("Sub", [w.floats("levels", np.array(levels)[:, None]), w.node("Unsqueeze", [below, axis])])
    part = w.node("Div", [over, w.node("Unsqueeze", [mass, axis])])
    part = w.node("Clip", [part, w.floats("zero", 0.0), w.floats("one", 1.0)])
    return w.node("ReduceMean", [part, w.shape(2)], keepdims=0)


def _inputs(w: Writer, at: Columns) -> dict[str, str]:
    """The columns that are used, by name, and of which races a profile was observed."""
    r, cells = races.RACES, races.CELLS
    edges = r * cells
    path = at.condition.start + races.RELIEF
    sizes = {
        "z_impact": r, "z": edges, "s_impact": r, "s": edges, "level": r, "unused1": edges, "unused2": r, "floor": r,
        "unused3": path - 3 * (r + edges) - 2 * r, "path": 1, "unused4": at.width - path - 1,
    }  # fmt: skip
    sizes = {name: size for name, size in sizes.items() if size}
    w.several("Split", ["features", w.constant("sizes", np.array([*sizes.values()]))], [*sizes], axis=1)
    mask = w.node("Abs", [w.reshape("s", -1, cells)])
    observed = w.node("ReduceMax", [mask, w.shape(1)], keepdims=1)
    any_of = w.node("Cast", [w.node("ReduceMax", [observed], keepdims=0)], to=TensorProto.BOOL)
    present = w.node("ReduceMean", [w.node("Relu", ["s_impact"]), w.shape(1)], keepdims=1)
    ones = w.floats("each", np.ones((1, r)))
    own = {"z_own": "z_impact", "s_own": "s_impact", "present": w.node("Mul", [present, ones])}
    rows = {name: w.reshape(each, -1, 1) for name, each in own.items()}
    return {**rows, "z": "z", "mask": mask, "floor": "floor", "level": "level", "observed": observed, "any": any_of,
            "s": "s"}  # fmt: skip


def _impacts(w: Writer, layers: Layers, given: dict[str, str], hardest: float) -> str:
    """(3 n, q) shares of the range: see `races.impact`."""
    level = w.node("Max", ["level", w.floats("tiny", 1e-9)])
    quotient = w.node("Div", [level, w.node("ReduceMax", [level, w.shape(1)], keepdims=1)])
    louder = w.reshape(w.node("Max", [w.node("Log", [quotient]), w.floats("quiet", -6.0)]), -1, 1)
    x = w.node("Concat", [given["z_own"], given["s_own"], given["present"], louder], axis=1)
    x = w.node("Relu", [layers.dense(w, "impact1", x)])
    gaps = w.node("Softplus", [layers.dense(w, "impact2", x)])
    first = w.node("Slice", [gaps, w.shape(0), w.shape(1), w.shape(1)])
    unseen = w.node("Relu", [w.node("Neg", [given["s_own"]])])
    rising = w.node("CumSum", [gaps, w.constant("last", np.array(1, np.int64))])
    ratios = w.node("Sub", [rising, w.node("Mul", [first, unseen])])
    share = w.node("Div", [w.reshape("level", -1, 1), w.floats("hardest", hardest)])
    return w.node("Clip", [w.node("Mul", [ratios, share]), w.floats("zero", 0.0), w.floats("one", 1.0)])


def _nothing(w: Writer, given: dict[str, str], levels: tuple[float, ...], h: int) -> tuple[str, str]:
    """(3 n, q) the prior, (n, h) zeros; `observed` is zero throughout."""
    flat = w.node("Add", [given["observed"], w.floats("levels", np.array(levels)[None])])
    some = w.node(
        "MatMul", [w.reshape(given["observed"], -1, races.RACES), w.floats("zeros", np.zeros((races.RACES, h)))]
    )
    return flat, some


def _profiles(
    w: Writer, layers: Layers, given: dict[str, str], blocks: int, levels: tuple[float, ...], center: Array
) -> tuple[str, str]:
    """(3 n, q) widths, the prior where no profile was observed, and (n, h) the mean latent of those that were."""
    r = races.RACES
    keep = w.node("Cast", [w.reshape(given["observed"], -1)], to=TensorProto.BOOL)
    planes, scalars = _rows(w, given, keep)
    x = w.node("Relu", [layers.conv(w, "first", planes, stride=races.STRIDE)])
    for block in range(blocks):
        x = w.node("Add", [x, layers.separable(w, f"deep{block}", f"point{block}", x, races.dilation(block))])
    pooled = [w.node("GlobalAveragePool", [x]), w.node("GlobalMaxPool", [x])]
    summary = w.node("Concat", [*(w.node("Flatten", [each]) for each in pooled), *scalars], axis=1)
    hidden = w.node("Relu", [layers.dense(w, "hidden", summary)])
    x = w.node("Add", [x, w.node("Unsqueeze", [layers.dense(w, "back", hidden), w.shape(2, 3)])])
    x = layers.separable(w, "last_deep", "last_point", x, 1)
    x = w.node("Transpose", [layers.conv(w, "out", x)], perm=[0, 2, 3, 1])
    own = quantile_nodes(w, w.reshape(x, -1, races.DENSITY), levels)
    nothing = w.node("Mul", [given["observed"], w.floats("zero", 0.0)])
    prior = w.node("Add", [nothing, w.floats("prior", np.array(levels)[None])])
    place = w.node("Transpose", [w.node("NonZero", [keep])], perm=[1, 0])
    widths = w.node("ScatterND", [prior, place, own])
    about = w.node("Sub", [hidden, w.floats("center", center)])
    spread = w.node("Add", [nothing, w.floats("zeros", np.zeros((1, center.size)))])
    every = w.reshape(w.node("ScatterND", [spread, place, about]), -1, r, center.size)
    count = w.node("ReduceSum", [w.reshape(given["observed"], -1, r), w.shape(1)], keepdims=1)
    total = w.node("ReduceSum", [every, w.shape(1)], keepdims=0)
    return widths, w.node("Div", [total, w.node("Max", [count, w.floats("one", 1.0)])])


def _rows(w: Writer, given: dict[str, str], keep: str) -> tuple[str, list[str]]:
    """Planes and scalars of the profiles that were observed: see `races.rows`."""
    cells, flat = races.CELLS, w.shape(1, 2, 3)

    def kept(x: str, *dims: int) -> str:
        return w.node("Compress", [w.reshape(x, *dims), keep], axis=0)

    z, state = (kept(given[name], -1, 1, 1, cells) for name in ("z", "s"))
    z_own, s_own, present = (w.node("Compress", [given[name], keep], axis=0) for name in ("z_own", "s_own", "present"))
    floor = w.node("Max", [kept("floor", -1, 1), w.floats("least_floor", races.LEAST_FLOOR)])
    mask = w.node("Abs", [state])
    centers = w.floats("centers", races.centers().numpy()[:, :, None])
    shifted = w.node("Add", [w.node("Unsqueeze", [floor, w.shape(2, 3)]), centers])
    millimeters = w.node("Mul", ["path", w.floats("millimeters", np.full((1, races.RACES), 1e3))])
    path = w.node("Unsqueeze", [kept(millimeters, -1, 1), w.shape(2, 3)])
    relief = w.node("Mul", [path, w.floats("cells", np.ones((1, 1, 1, cells)))])
    lag = w.node("Div", [centers, shifted])  # (c / f) / (1 + c / f)
    planes = w.node("Concat", [z, mask, lag, relief], axis=1)
    extremes = {
        "seen": w.node("ReduceMean", [mask, flat], keepdims=0),
        "highest": w.node("ReduceMax", [z, flat], keepdims=0),
        "least": w.node("ReduceMin", [state, flat], keepdims=0),
    }
    told = {name: w.reshape(each, -1, 1) for name, each in extremes.items()}
    censored = w.node("Relu", [w.node("Neg", [told["least"]])])
    log_floor = w.node("Log", [floor])
    return planes, [log_floor, z_own, s_own, censored, told["seen"], present, told["highest"]]
