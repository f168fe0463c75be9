"""The layers of a graph, in single precision or in integers, over the same weights.

In integers every weight is one, of a byte, of half a byte, or of two: see `rounding`. What is convolved is rounded too
(`QLinearConv`); dense layers, the first and the last one take their weights apart at the call.
Convolutions have two dimensions, one of length 1: onnxruntime has fast kernels for those only.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inversion.training.network.graph_writer import Writer
from inversion.training.network.rounding import FOUR_BITS, SHORT_BIASES, Rounding, before, integers

Array = NDArray[np.float32]


class Layers(Protocol):
    """Floats in, floats out."""

    def conv(self, w: Writer, name: str, x: str, stride: int = 1) -> str:
        """A convolution over places."""

    def separable(self, w: Writer, deep: str, point: str, x: str, dilated: int) -> str:
        """One of each channel, then a mixture of the channels, rectified."""

    def dense(self, w: Writer, name: str, x: str) -> str:
        """A matrix and a bias."""


class Exact:
    """In single precision. weights: by name, deep biases folded into those of the points behind."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights

    def conv(self, w: Writer, name: str, x: str, stride: int = 1) -> str:
        """See `Layers`."""
        weight = self._weights[name]
        return _conv(w, x, [w.floats(f"{name}_weight", weight[:, :, None]), self._bias(w, name)], weight.shape, stride)

    def separable(self, w: Writer, deep: str, point: str, x: str, dilated: int) -> str:
        """See `Layers`."""
        weight = self._weights[deep]
        x = _conv(w, x, [w.floats(f"{deep}_weight", weight[:, :, None])], weight.shape, 1, dilated)
        return w.node("Relu", [self.conv(w, point, x)])

    def dense(self, w: Writer, name: str, x: str) -> str:
        """See `Layers`."""
        return w.node("Gemm", [x, w.floats(f"{name}_weight", self._weights[name]), self._bias(w, name)], transB=1)

    def _bias(self, w: Writer, name: str) -> str:
        return w.floats(f"{name}_bias", self._weights[f"{name}_bias"])


class Rounded:
    """In integers. rounding: how weights and what is convolved are rounded."""

    def __init__(self, weights: dict[str, Array], rounding: Rounding) -> None:
        self._weights, self._rounding = weights, rounding

    def conv(self, w: Writer, name: str, x: str, stride: int = 1) -> str:
        """See `Layers`."""
        shape = self._weights[name].shape
        return _conv(w, x, [self._apart(w, name, (*shape[:2], 1, shape[2])), self._bias(w, name)], shape, stride)

    def separable(self, w: Writer, deep: str, point: str, x: str, dilated: int) -> str:
        """See `Layers`."""
        scales = [self._grid(w, f"{deep}_{part}", deep, part) for part in ("in", "mid", "out")]
        x = w.node("QuantizeLinear", [x, *scales[0]])
        x = self._rounded_conv(w, deep, x, scales[0], scales[1], dilated)
        x = self._rounded_conv(w, point, x, scales[1], scales[2])
        return w.node("DequantizeLinear", [x, *scales[2]])

    def dense(self, w: Writer, name: str, x: str) -> str:
        """See `Layers`."""
        return w.node("Gemm", [x, self._apart(w, name, self._weights[name].shape), self._bias(w, name)], transB=1)

    def _rounded_conv(self, w: Writer, name: str, x: str, given: list[str], made: list[str], dilated: int = 1) -> str:
        """From and to integers. The rectifier is in what is made: its least integer is zero."""
        whole, scale = integers(name, self._weights[name])
        step = w.floats(f"{name}_weight_scale", scale)
        weight = [
            w.constant(f"{name}_weight", whole[:, :, None]),
            step,
            w.constant("offset", np.array(0, np.int8)),
        ]
        inputs = [*given, *weight, *made]
        if "point" in name:
            product = self._rounding.grid(before(name), "mid")[0] * scale
            bias = np.round(self._weights[f"{name}_bias"] / product).astype(np.int32)
            inputs.append(w.constant(f"{name}_bias", bias))
        return _conv(w, x, inputs, self._weights[name].shape, 1, dilated, "QLinearConv")

    def _grid(self, w: Writer, name: str, deep: str, part: str) -> list[str]:
        step, zero = self._rounding.grid(deep, part)
        return [w.floats(f"{name}_scale", step), w.constant(f"{name}_zero_point", np.array(zero, np.uint8))]

    def _apart(self, w: Writer, name: str, shape: tuple[int, ...]) -> str:
        """Integers and their step, made into floats at the call."""
        whole, scale = integers(name, self._weights[name])
        write = w.four_bits if name in FOUR_BITS else w.constant
        step = w.floats(f"{name}_weight_scale", scale)
        return w.node("DequantizeLinear", [write(f"{name}_weight", whole.reshape(shape)), step])

    def _bias(self, w: Writer, name: str) -> str:
        bias = f"{name}_bias"
        if bias not in SHORT_BIASES:
            return w.floats(bias, self._weights[bias])
        whole, scale = integers(bias, self._weights[bias])
        return w.node("DequantizeLinear", [w.constant(bias, whole), w.floats(f"{bias}_scale", scale)])


def _conv(
    w: Writer, x: str, inputs: list[str], shape: tuple[int, ...], stride: int, dilated: int = 1, kind: str = "Conv"
) -> str:
    kernel = shape[2]
    padding = dilated * (kernel - 1) // 2
    deep = shape[1] == 1 and shape[0] > 1 and kernel > 1
    attributes: dict[str, Any] = {
        "kernel_shape": [1, kernel],
        "strides": [1, stride],
        "dilations": [1, dilated],
        "pads": [0, padding, 0, padding],
        "group": shape[0] if deep else 1,
    }
    return w.node(kind, [x, *inputs], **attributes)
