"""What an ONNX file holds, read without the onnx package: operators, operator set, inputs, outputs, trained numbers.

Only the fields that are checked or told are read; a field is a tag and a value, as protocol buffers have them
(protobuf.dev/programming-guides/encoding; numbers of the fields: onnx/onnx.proto of ONNX, IR version 3 and later).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STANDARD = ("", "ai.onnx")
_DEEPEST = 4  # of graphs inside nodes
#: Standard operators that need not end, that answer by chance, or that make arrays as large as a number says.
_REFUSED = frozenset({
    "Loop", "Scan", "SequenceMap", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    "Bernoulli", "Multinomial", "Dropout", "ConstantOfShape", "Expand", "Range", "Tile", "Resize", "Upsample", "Pad",
    "EyeLike", "OneHot",
})  # fmt: skip
#: Element types of trained numbers: name and NumPy type (of bfloat16 and the like only the name).
_TYPES: dict[int, tuple[str, str]] = {
    1: ("float32", "<f4"), 2: ("uint8", "u1"), 3: ("int8", "i1"), 4: ("uint16", "<u2"), 5: ("int16", "<i2"),
    6: ("int32", "<i4"), 7: ("int64", "<i8"), 9: ("bool", "?"), 10: ("float16", "<f2"), 11: ("float64", "<f8"),
    16: ("bfloat16", ""), 22: ("int4", ""),
}  # fmt: skip
#: Where a tensor keeps its numbers when they are not raw bytes: number of the field, by element type.
_TYPED_FIELDS = {1: 4, 11: 10, 7: 7, 6: 5, 10: 5}


class OnnxError(ValueError):
    """The bytes are no ONNX model, or one that is not taken; the message is a phrase."""


@dataclass(frozen=True)
class Port:
    """An input or output: its name, element type, and shape (a text where a length is free)."""

    name: str
    type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Graph:
    """opsets: version by domain; operators: how many of each; parameters: trained numbers; sizes: bytes by type."""

    opsets: Mapping[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: Mapping[str, int]
    parameters: int
    sizes: Mapping[str, int]
    producer: str

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return self.opsets.get("", 0)


@dataclass(frozen=True)
class _Tensor:
    name: str
    type: str
    values: NDArray[np.generic] | None
    count: int
    size: int


def read_graph(data: bytes) -> Graph:
    """What the file `data` holds.

    Raises OnnxError for what is no model, is truncated, names numbers in other files, uses operators of others, or has
    trained numbers that are not finite.
    """
    try:
        model = _fields(data)
        if 7 not in model:
            raise OnnxError("holds no graph")
        opsets = dict(_opset(_fields(entry)) for entry in model.get(8, []))
        graph = _fields(model[7][-1])
        nodes, tensors = _walk(graph, 0)
        inputs, outputs = ([_port(_fields(port)) for port in graph.get(number, [])] for number in (11, 12))
        producer = " ".join(_text(part) for number in (2, 3) for part in model.get(number, []))
    except OnnxError:
        raise
    except (LookupError, ValueError) as problem:
        raise OnnxError("is truncated or no ONNX file") from problem
    _refuse_foreign([*opsets, *(domain for domain, _ in nodes)])
    if 25 in model:
        raise OnnxError("defines functions of its own, which are not taken")
    refused = sorted(_REFUSED.intersection(name for _, name in nodes))
    if refused:
        raise OnnxError(f"uses {', '.join(refused)}: loops, chance and arrays of any size are not taken")
    for tensor in tensors:
        if tensor.values is not None and tensor.values.dtype.kind == "f" and not np.all(np.isfinite(tensor.values)):
            raise OnnxError(f"has a number that is not finite in {tensor.name!r}")
    initial = {tensor.name for tensor in tensors}  # older files name these among the inputs too
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.type] += tensor.size
    return Graph(
        {domain if domain != "ai.onnx" else "": version for domain, version in opsets.items()},
        tuple(port for port in inputs if port.name not in initial),
        tuple(outputs),
        dict(Counter(name for _, name in nodes).most_common()),
        sum(tensor.count for tensor in tensors),
        dict(sizes),
        producer,
    )


def _refuse_foreign(domains: Sequence[str]) -> None:
    foreign = sorted({domain for domain in domains if domain not in _STANDARD})
    if foreign:
        raise OnnxError(f"uses operators of {', '.join(foreign)}, only standard ones are taken")


def _walk(graph: Mapping[int, list[bytes | int]], depth: int) -> tuple[list[tuple[str, str]], list[_Tensor]]:
    """Operators, domain and name, and trained numbers of a graph and of the graphs inside its nodes."""
    if depth > _DEEPEST:
        raise OnnxError("nests its graphs too deeply")
    operators = []
    tensors = [_tensor(_fields(tensor)) for tensor in graph.get(5, [])]
    if 15 in graph:
        raise OnnxError("has sparse numbers, which are not taken")
    for node in map(_fields, graph.get(1, [])):
        operators.append((_text(node[7][-1]) if 7 in node else "", _text(node[4][-1])))
        for attribute in map(_fields, node.get(5, [])):
            _refuse_infinite(attribute)
            tensors += [_tensor(_fields(tensor)) for number in (5, 10) for tensor in attribute.get(number, [])]
            for inner in (*attribute.get(6, []), *attribute.get(11, [])):
                more, others = _walk(_fields(inner), depth + 1)
                operators += more
                tensors += others
    return operators, tensors


def _refuse_infinite(attribute: Mapping[int, list[bytes | int]]) -> None:
    """Of a number, or numbers, that stand in an attribute itself."""
    written = b"".join(_bytes(part) for number in (2, 7) for part in attribute.get(number, []))
    if not np.all(np.isfinite(np.frombuffer(written, "<f4"))):
        raise OnnxError(f"has a number that is not finite in an attribute {_text(attribute[1][-1])!r}")


def _tensor(fields: Mapping[int, list[bytes | int]]) -> _Tensor:
    name = _text(fields[8][-1]) if 8 in fields else ""
    if 13 in fields or fields.get(14, [0])[-1]:
        raise OnnxError(f"keeps the numbers of {name!r} in another file")
    kind = _int(fields.get(2, [0])[-1])
    if kind not in _TYPES:
        raise OnnxError(f"has {name!r} of element type {kind}, which is not taken")
    label, dtype = _TYPES[kind]
    count = math.prod(_ints(fields.get(1, [])))
    if 9 in fields:
        raw = _bytes(fields[9][-1])
        size = count * np.dtype(dtype).itemsize if dtype else (count + 1) // 2 if label == "int4" else len(raw)
        if len(raw) != size:
            raise OnnxError(f"is truncated: {name!r} has {len(raw)} bytes for {count} numbers")
        return _Tensor(name, label, np.frombuffer(raw, dtype) if dtype else None, count, len(raw))
    packed = [part for part in fields.get(_TYPED_FIELDS.get(kind, 5), []) if isinstance(part, bytes)]
    values = np.frombuffer(b"".join(packed), dtype) if label in ("float32", "float64") else None
    if values is not None and values.size != count:
        raise OnnxError(f"is truncated: {name!r} has {values.size} of {count} numbers")
    return _Tensor(name, label, values, count, sum(map(len, packed)))


def _opset(fields: Mapping[int, list[bytes | int]]) -> tuple[str, int]:
    return _text(fields[1][-1]) if 1 in fields else "", _int(fields[2][-1])


def _port(fields: Mapping[int, list[bytes | int]]) -> Port:
    tensor = _fields(_fields(fields[2][-1])[1][-1])
    kind = _int(tensor.get(1, [0])[-1])
    lengths = [_fields(length) for length in _fields(tensor[2][-1]).get(1, [])] if 2 in tensor else []
    shape = tuple(
        _int(length[1][-1]) if 1 in length else _text(length[2][-1]) if 2 in length else "?" for length in lengths
    )
    return Port(_text(fields[1][-1]), _TYPES.get(kind, (f"type {kind}", ""))[0], shape)


def _fields(data: bytes | int) -> dict[int, list[bytes | int]]:
    """The fields of a message, by number, in order."""
    found: dict[int, list[bytes | int]] = {}
    for number, value in _scan(_bytes(data)):
        found.setdefault(number, []).append(value)
    return found


def _scan(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise OnnxError("is truncated or no ONNX file")
        if number == 0 or at + size > len(data):
            raise OnnxError("is truncated or no ONNX file")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise OnnxError("is truncated or no ONNX file")


def _ints(parts: list[bytes | int]) -> list[int]:
    """Numbers of a repeated field, packed or not."""
    numbers: list[int] = []
    for part in parts:
        if isinstance(part, int):
            numbers.append(part)
            continue
        at = 0
        while at < len(part):
            number, at = _varint(part, at)
            numbers.append(number)
    if any(number > 1 << 31 for number in numbers):
        raise OnnxError("has lengths beyond all sizes")
    return numbers


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise OnnxError("is truncated or no ONNX file")
    return value


def _int(value: bytes | int) -> int:
    if isinstance(value, bytes):
        raise OnnxError("is truncated or no ONNX file")
    return value


def _text(value: bytes | int) -> str:
    return _bytes(value).decode()
