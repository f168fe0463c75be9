"""`inversion inspect`: a network verified as a site would verify it, and its card and graphs told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from inversion.core import ConfigurationError
from inversion.engines.session import open_session
from inversion.store.card import PRECISIONS, Card, Metric
from inversion.store.network import StoredGraph, load_card, load_graph, network_folder

_WIDEST = 160  # columns of the tables where the output is no terminal


@dataclass(frozen=True)
class Inspected:
    """A network all of whose claims about its files hold."""

    folder: Path
    card: Card
    graphs: tuple[StoredGraph, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        graphs = {
            each.precision: {"file": str(each.path), "bytes": len(each.data), "sha256": each.sha256}
            | asdict(each.graph)
            for each in self.graphs
        }
        return {"folder": str(self.folder), "name": self.card.title, "card": asdict(self.card), "graphs": graphs}

    def text(self, width: int | None = None) -> str:
        """As people read it, in tables."""
        from rich.console import Console

        console = Console(file=StringIO(), width=width or _WIDEST, no_color=True, highlight=False)
        for part in _parts(self):
            console.print(part)
        told: str = console.file.getvalue()  # type: ignore[attr-defined]
        return "\n".join(line.rstrip() for line in told.rstrip("\n").split("\n"))


def inspect_network(network: Path) -> Inspected:
    """The network in a folder, or the shipped one of that name, every check passed and each graph run once.

    Raises ConfigurationError or ModelError, one line.
    """
    try:
        folder = network_folder(network)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    card = load_card(folder)
    graphs = tuple(load_graph(folder, card, precision) for precision in PRECISIONS)
    for graph in graphs:
        open_session(graph)
    return Inspected(folder, card, graphs)


def _parts(inspected: Inspected) -> Iterator[Any]:
    card, origin = inspected.card, inspected.card.network
    yield f"{card.title}: for the forward model {origin.model} ({inspected.folder})"
    facts = {
        "fingerprint": f"{origin.fingerprint} (of parameters, observables, encoding, fit; another model is refused)",
        "encoding": origin.encoding,
        "answers": f"{len(origin.levels)} quantiles of each parameter, {origin.levels[0]:g} to {origin.levels[-1]:g}",
        "trained by": f"{origin.recipe}, seed {origin.seed}",
        "trained on": origin.training_data,
        "license": origin.license,
        "misfit": f"stands up to {card.misfit.known:.2f}, withheld beyond {card.misfit.threshold:.2f}",
    }
    yield from _table("", ("", ""), list(facts.items()))
    yield from _table(
        "Graphs, as found and verified",
        ("graph", "bytes", "operator set", "numbers", "stored as", "operators", "sha256"),
        [_graph_row(graph) for graph in inspected.graphs],
    )
    yield from _table(
        "Parameters", ("parameter", "low", "high", "unit"),
        [(each.name, f"{each.low:g}", f"{each.high:g}", each.unit) for each in card.parameter],
    )  # fmt: skip
    yield from _table(
        "Cost, as measured when it was made",
        ("graph", "processor", "one call, µs", "99.9 %, µs", "memory, MB"),
        [
            (c.network, c.processor, f"{c.call_us:.1f}", f"{c.call_p999_us:.0f}", f"{c.memory_mb:.0f}")
            for c in card.cost
        ],
    )
    yield from _table(
        "Held-out machines, 90 % intervals",
        ("parameter", "bin", "by", "windows", "RMSE", "covered", "width", "score", "unit"),
        [_metric_row(metric) for metric in card.metric],
    )
    yield from _table(
        "Factor by which intervals are widened",
        ("band", "windows", *(each.name for each in card.parameter)),
        _bands(card),
    )
    yield from _table("Known failures", ("",), [(failure,) for failure in origin.failures])


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Any]:
    """A table under its title, or nothing where it has no rows."""
    from rich.table import Table

    if not rows:
        return
    yield f"\n{title}" if title else ""
    table = Table(show_header=any(columns), box=None, padding=(0, 1))
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    yield table


def _graph_row(stored: StoredGraph) -> tuple[str, ...]:
    graph = stored.graph
    kinds = ", ".join(f"{kind} {size} B" for kind, size in graph.sizes.items())
    operators = ", ".join(f"{count} {name}" for name, count in graph.operators.items())
    numbers = (str(len(stored.data)), str(graph.opset), str(graph.parameters))
    return (stored.precision, *numbers, kinds, operators, stored.sha256[:16])


def _metric_row(metric: Metric) -> tuple[str, ...]:
    numbers = (f"{metric.rmse:.3g}", f"{metric.coverage:.1%}", f"{metric.width:.3g}", f"{metric.score:.3g}")
    return (metric.parameter, metric.bin, metric.network, str(metric.windows), *numbers, metric.unit)


def _bands(card: Card) -> list[tuple[str, ...]]:
    speeds, ratios = card.calibration.speeds, card.calibration.ratios_db
    return [
        (
            f"{_between(speeds, i, '')}, {_between(ratios, j, ' dB')}",
            str(card.calibration.windows[i][j]),
            *(f"{factor:.2f}" for factor in band),
        )
        for i, row in enumerate(card.calibration.factors)
        for j, band in enumerate(row)
    ]


def _between(edges: Sequence[float], i: int, unit: str) -> str:
    if not edges:
        return "all"
    if i == 0:
        return f"below {edges[0]:g}{unit}"
    return f"from {edges[i - 1]:g}{unit}" if i == len(edges) else f"{edges[i - 1]:g} to {edges[i]:g}{unit}"
