"""The bytes of a MATLAB Level 5 file, as numeric arrays by path.

Source: MathWorks, MAT-File Format (R2019b), chapter 1. Read here and not by `scipy.io.loadmat`, which crashes the
process on some damaged files (and costs 20 MB and 170 ms).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CELL, _STRUCT, _SINGLE, _NUMERIC = 1, 2, 7, range(6, 16)  # array classes
_COMPLEX = 0x0800
_DEEPEST = 50
_NAME_WITHIN = 1024  # a variable's name stands in this many first bytes of it


def numeric_arrays(content: bytes, wanted: Callable[[str], bool]) -> Arrays:
    """Numeric arrays of the file, those of wanted top-level variables: fields joined by dots, elements numbered from 1.

    What holds no numbers (text, sparse matrices, objects, functions) is left out. Raises ValueError or zlib.error for
    content that is damaged or no Level 5 file.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or len(content) < _HEADER:
        raise ValueError("expected the header of a MATLAB 5 to 7 file")
    arrays: Arrays = {}
    for kind, body in _elements(order, content[_HEADER:]):
        if kind == _COMPRESSED:
            if not wanted(_name(order, zlib.decompressobj().decompress(body, _NAME_WITHIN))):
                continue
            kind, body = next(_elements(order, zlib.decompress(body)))
        if kind == _MATRIX and (matrix := _Matrix.parse(order, body)) and wanted(matrix.name):
            _collect(order, matrix, matrix.name, arrays, depth=0)
    return arrays


@dataclass(frozen=True)
class _Matrix:
    """An array of any class: what all have in common, and the elements after that."""

    kind: int
    complex: bool
    shape: tuple[int, ...]
    name: str
    parts: Iterator[tuple[int, bytes]]

    @classmethod
    def parse(cls, order: str, body: bytes) -> _Matrix | None:
        """None for the placeholder of an empty field, which has no bytes at all."""
        if not body:
            return None
        parts = _elements(order, body)
        (flags,) = struct.unpack_from(f"{order}I", _next(parts))
        shape = tuple(np.frombuffer(_next(parts), f"{order}i4").tolist())
        if min(shape, default=-1) < 0:
            raise ValueError(f"an array has the shape {shape}")
        name = _next(parts).decode("latin-1")
        return cls(flags & 0xFF, bool(flags & _COMPLEX), shape, name, parts)

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size


def _name(order: str, beginning: bytes) -> str:
    """The name of a variable, from the beginning of its matrix element."""
    parts = _elements(order, beginning[8:])
    for _ in ("flags", "shape"):
        _next(parts)
    return _next(parts).decode("latin-1")


def _elements(order: str, content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each data element, one after the other."""
    at = 0
    while at < len(content):
        if len(content) - at < 8:
            raise ValueError("the file is cut off in a tag")
        kind, size = struct.unpack_from(f"{order}II", content, at)
        if kind >> 16:  # a small element holds its bytes in its tag
            yield kind & 0xFFFF, _slice(content, at + 4, min(kind >> 16, 4))
            at += 8
            continue
        yield kind, _slice(content, at + 8, size)
        at += 8 + size + (0 if kind == _COMPRESSED else -size % 8)


def _slice(content: bytes, at: int, size: int) -> bytes:
    body = content[at : at + size]
    if len(body) < size:
        raise ValueError(f"the file is cut off: an element must have {size} bytes, found {len(body)}")
    return body


def _next(parts: Iterator[tuple[int, bytes]]) -> bytes:
    part = next(parts, None)
    if part is None:
        raise ValueError("an array ends before its data")
    return part[1]


def _collect(order: str, matrix: _Matrix, path: str, into: Arrays, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"arrays are nested deeper than {_DEEPEST}")
    if matrix.kind in _NUMERIC:
        into[path] = _numbers(order, matrix)
    elif matrix.kind == _CELL:
        for i in range(matrix.size):
            _nested(order, matrix, f"{path}.{i + 1}", into, depth)
    elif matrix.kind == _STRUCT:
        fields = _field_names(order, matrix)
        for i in range(matrix.size if fields else 0):
            element = path if matrix.size == 1 else f"{path}.{i + 1}"
            for field in fields:
                _nested(order, matrix, f"{element}.{field}", into, depth)


def _nested(order: str, matrix: _Matrix, path: str, into: Arrays, depth: int) -> None:
    inner = _Matrix.parse(order, _next(matrix.parts))
    if inner is not None:
        _collect(order, inner, path, into, depth + 1)


def _field_names(order: str, matrix: _Matrix) -> list[str]:
    (width,) = struct.unpack_from(f"{order}i", _next(matrix.parts))
    names = _next(matrix.parts)
    if width < 1:
        raise ValueError(f"the names of fields have {width} letters")
    return [names[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, len(names), width)]


def _numbers(order: str, matrix: _Matrix) -> NDArray[Any]:
    """Numbers may be stored shorter than they are: a double without decimals as a byte."""
    parts = []
    for _ in range(2 if matrix.complex else 1):
        kind, body = next(matrix.parts, (0, b""))
        if kind not in _NUMBERS:
            raise ValueError(f"an array has numbers of the unknown type {kind}")
        flat = np.frombuffer(body, f"{order}{_NUMBERS[kind]}")
        parts.append(flat.astype(np.float32 if matrix.kind == _SINGLE else np.float64))
    numbers: NDArray[Any] = parts[0]
    if matrix.complex:
        numbers = parts[0].astype(np.complex128)
        numbers.imag = parts[1]
    return numbers.reshape(matrix.shape, order="F")
