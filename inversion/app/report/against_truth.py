"""Estimates over the truth, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inversion.app.report.figures import COLORS, dress, require_plotly, spec

_DRAWN = 1500  # answers that are drawn; the figures count all


@dataclass(frozen=True)
class Placed:
    """One answer to one parameter, in the unit people see, with its 90 % interval. label: where it comes from."""

    group: str
    label: str
    truth: float
    value: float
    low: float
    high: float
    resolved: bool


def against_truth(title: str, unit: str, rows: Sequence[Placed]) -> str:
    """Every answer with its interval over the truth, by group; a hollow triangle is an upper bound."""
    go = require_plotly()
    rows = rows[:: -(-len(rows) // _DRAWN)]
    figure = go.Figure()
    ends = [min(min(row.truth, row.value) for row in rows), max(max(row.truth, row.value) for row in rows)]
    figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", name="truth", line={"color": "#7b8794", "dash": "dash"}))
    for i, group in enumerate(dict.fromkeys(row.group for row in rows)):
        own = [row for row in rows if row.group == group]
        figure.add_trace(_resolved(go, [row for row in own if row.resolved], group, COLORS[i % len(COLORS)]))
        figure.add_trace(_bounds(go, [row for row in own if not row.resolved], group, COLORS[i % len(COLORS)]))
    dress(figure, title, f"truth, {unit}", f"estimate, {unit}")
    return spec(figure)


def _resolved(go: Any, rows: Sequence[Placed], group: str, color: str) -> Any:
    bars = {
        "type": "data",
        "array": [row.high - row.value for row in rows],
        "arrayminus": [row.value - row.low for row in rows],
        "thickness": 0.8,
        "width": 0,
    }
    x, y, text = [row.truth for row in rows], [row.value for row in rows], [row.label for row in rows]
    marker = {"size": 6, "color": color}
    return go.Scatter(x=x, y=y, error_y=bars, mode="markers", name=group, legendgroup=group, marker=marker, text=text)


def _bounds(go: Any, rows: Sequence[Placed], group: str, color: str) -> Any:
    x, y, text = [row.truth for row in rows], [row.high for row in rows], [row.label for row in rows]
    marker = {"size": 8, "color": color, "symbol": "triangle-down-open"}
    name = f"{group}: not resolvable, below"
    return go.Scatter(x=x, y=y, mode="markers", name=name, legendgroup=group, marker=marker, text=text, opacity=0.7)
