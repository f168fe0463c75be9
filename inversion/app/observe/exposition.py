"""Metrics as Prometheus reads them: its text format, version 0.0.4.

Written here, in thirty lines, since the client library costs a small gateway 150 ms and some megabytes; a test reads
it with that library's parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inversion.app.observe.tally import EDGES_S, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Metric:
    """One family of values. kind: "counter" or "gauge"; what is not known (None) is left out."""

    name: str
    kind: str
    meaning: str
    values: tuple[tuple[Labels, float | None], ...]


@dataclass(frozen=True)
class Times:
    """One family of histograms, s."""

    name: str
    meaning: str
    values: tuple[tuple[Labels, Histogram], ...]


def text(metrics: Iterable[Metric | Times]) -> str:
    """All families, one after the other."""
    lines: list[str] = []
    for metric in metrics:
        kind = metric.kind if isinstance(metric, Metric) else "histogram"
        lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {kind}"]
        if isinstance(metric, Metric):
            lines += [
                f"{metric.name}{_labels(where)} {value:.10g}" for where, value in metric.values if value is not None
            ]
            continue
        for where, histogram in metric.values:
            lines += _cumulated(metric.name, where, histogram)
    return "\n".join(lines) + "\n"


def _cumulated(name: str, where: Labels, histogram: Histogram) -> list[str]:
    lines, count = [], 0
    for edge, more in zip((*EDGES_S, None), histogram.counts, strict=True):
        count += more
        lines.append(f"{name}_bucket{_labels({**where, 'le': '+Inf' if edge is None else f'{edge:g}'})} {count}")
    return [*lines, f"{name}_sum{_labels(where)} {histogram.total_s:.10g}", f"{name}_count{_labels(where)} {count}"]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
