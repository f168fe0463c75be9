"""A network in its folder: card and graphs, every claim of the card verified before a graph is given out.

A folder `<name>_v<n>` holds `card.toml`, `full.onnx` and `lite.onnx`; nothing in it is executed, and no pickle is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import inversion
from inversion.core import ForwardModel, ModelError
from inversion.core.encoding import ENCODING
from inversion.core.protocols import Fitted
from inversion.store.card import FILE, NEWEST_OPSET, PRECISIONS, Card, CardError, fingerprint, ranges, read_card
from inversion.store.onnxfile import Graph, OnnxError, Port, read_graph

#: Networks that come with this package: the folder `models` of the source tree.
SHIPPED = Path(inversion.__file__).parent / "models"

_LARGEST_BYTES = 32 << 20
_ANEW = "; a model that was changed or calibrated anew needs its network trained anew"


@dataclass(frozen=True)
class StoredGraph:
    """One graph of a network: its bytes, and what they hold. precision: "full" or "lite"."""

    path: Path
    precision: str
    sha256: str
    data: bytes
    graph: Graph


def shipped_networks() -> tuple[str, ...]:
    """Names of the networks that come with this package."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{FILE}")))


def network_folder(network: Path) -> Path:
    """The folder of a network: a path to one, or the shipped network of that name (its folder is ignored).

    Raises ValueError for what is neither.
    """
    if (network / FILE).is_file():
        return network
    if network.name in shipped_networks():
        return SHIPPED / network.name
    known = ", ".join(shipped_networks()) or "none"
    raise ValueError(f"network must be a folder with a {FILE} or one of those shipped ({known}), found '{network}'")


def load_card(folder: Path) -> Card:
    """The card in a network's folder. Raises CardError."""
    return read_card(folder / FILE)


def load_graph(folder: Path, card: Card, precision: str) -> StoredGraph:
    """A graph that is what its card says: hash, size, operator set, operators, numbers, inputs and outputs.

    precision: "full" or "lite". Raises CardError, one line.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    path = folder / f"{precision}.onnx"
    data = _read(path)
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256[precision]:
        raise CardError(
            f"{path}: not the file that {FILE} describes: sha256 {found[:16]}, expected {card.sha256[precision][:16]}"
        )
    try:
        graph = read_graph(data)
    except OnnxError as problem:
        raise CardError(f"{path}: {problem}") from problem
    complaint = _complaint(card, graph)
    if complaint:
        raise CardError(f"{path}: {complaint}")
    return StoredGraph(path, precision, found, data, graph)


def _read(path: Path) -> bytes:
    """A file of bounded size, and no device or pipe, which need not end. Raises CardError."""
    try:
        if path.exists() and not path.is_file():
            raise CardError(f"{path}: expected a regular file")
        size = path.stat().st_size
        data = path.read_bytes() if size <= _LARGEST_BYTES else b""
    except OSError as problem:
        raise CardError(f"{path}: cannot be read: {problem.strerror or problem}") from problem
    if size > _LARGEST_BYTES:
        raise CardError(f"{path}: {size} bytes, expected at most {_LARGEST_BYTES}")
    return data


def check_fits(folder: Path, card: Card, model: ForwardModel) -> None:
    """Raises ModelError, naming both, where the network of this card was trained for another model."""
    origin, name = card.network, type(model).__name__
    if origin.encoding != ENCODING:
        raise ModelError(f"{folder / FILE}: trained on features encoded by {origin.encoding!r}, this is {ENCODING!r}")
    if card.parameter != ranges(model.space.parameters):
        theirs, ours = _difference(card, model)
        raise ModelError(f"{folder / FILE}: {card.title} was trained for {theirs}, {name} has {ours}")
    own = fingerprint(model, ENCODING)
    if origin.fingerprint != own:
        raise ModelError(
            f"{folder / FILE}: {card.title} was trained for a {origin.model} of fingerprint {origin.fingerprint}, "
            f"this {name} has {own}{_ANEW if isinstance(model, Fitted) else ''}"
        )


def _complaint(card: Card, graph: Graph) -> str:
    """What of the graph is not as the card says; empty where all is."""
    k, h, p, q = card.network.inputs, card.network.latent, len(card.parameter), len(card.network.levels)
    if graph.opset > NEWEST_OPSET:
        return f"operator set {graph.opset}, expected at most {NEWEST_OPSET}"
    if graph.opset != card.network.opset:
        return f"operator set {graph.opset}, {FILE} says {card.network.opset}"
    inputs = (Port("features", "float32", ("n", k)),)
    outputs = (Port("quantiles", "float32", ("n", p, q)), Port("latent", "float32", ("n", h)))
    if not _alike(graph.inputs, inputs):
        return f"expected one input {_told(inputs)}, found {_told(graph.inputs)}"
    if not _alike(graph.outputs, outputs):
        return f"expected outputs {_told(outputs)}, found {_told(graph.outputs)}"
    return ""


def _alike(found: Sequence[Port], expected: Sequence[Port]) -> bool:
    """Whether names, types and shapes agree; the number of windows must be free."""
    if [(port.name, port.type) for port in found] != [(port.name, port.type) for port in expected]:
        return False
    return all(
        len(a.shape) == len(b.shape) and isinstance(a.shape[0], str) and a.shape[1:] == b.shape[1:]
        for a, b in zip(found, expected, strict=True)
    )


def _told(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.type} ({', '.join(map(str, port.shape))})" for port in ports) or "none"


def _difference(card: Card, model: ForwardModel) -> tuple[str, str]:
    """The first parameter that differs, as the card and as the model have it."""
    theirs, ours = card.parameter, ranges(model.space.parameters)
    for a, b in zip(theirs, ours, strict=False):
        if a != b:
            return f"{a.name} from {a.low:g} to {a.high:g} {a.unit}", f"{b.name} from {b.low:g} to {b.high:g} {b.unit}"
    return f"{len(theirs)} parameters", f"{len(ours)}"
