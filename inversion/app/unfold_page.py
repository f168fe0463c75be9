"""The page of `inversion unfold`: estimates, resolution and the L-curve with every rule's choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from inversion.app.report.figures import COLORS, dress, require_plotly, script, spec
from inversion.app.report.page import BEHAVIOR, POLICY, STYLE

_SYMBOLS = ("circle-open", "star", "diamond", "square", "cross")


def write_page(path: Path, result: Mapping[str, Any]) -> None:
    """One self-contained HTML file. Raises ReportUnavailable without plotly, OSError where it cannot be written."""
    name = escape(Path(result["case"]).stem)
    specs = [figure for solution in result["solutions"] for figure in _figures(solution)]
    boxes = "".join(
        f'<section class="card"><div class="figure" data-figure="f{i}"></div>'
        f'<script type="application/json" id="f{i}">{figure}</script></section>\n'
        for i, figure in enumerate(specs)
    )
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Unfolded: {name}</title>\n<style>{STYLE}</style></head>\n<body><main>\n<h1>Unfolded: {name}</h1>\n"
        f"{boxes}</main>\n<script>{script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n",
        encoding="utf-8",
    )


def _figures(solution: Mapping[str, Any]) -> list[str]:
    figures = [_estimates(solution), _resolution(solution)]
    return [*figures, _curve(solution)] if solution["curve"] else figures


def _estimates(solution: Mapping[str, Any]) -> str:
    go = require_plotly()
    rows, names = list(solution["estimates"].values()), list(solution["estimates"])
    figure = go.Figure()
    for i, (resolvable, label) in enumerate(((True, "estimate"), (False, "not resolvable: an upper bound"))):
        some = [(name, row) for name, row in zip(names, rows, strict=True) if row["resolvable"] is resolvable]
        bars = {
            "type": "data",
            "array": [row["high"] - row["mean"] for _, row in some],
            "arrayminus": [row["mean"] - row["low"] for _, row in some],
        }
        marker = {"color": COLORS[i], "symbol": ("circle", "triangle-down-open")[i], "size": 8}
        x, y = [name for name, _ in some], [row["mean"] for _, row in some]
        figure.add_trace(go.Scatter(x=x, y=y, error_y=bars, mode="markers", name=label, marker=marker))
    unit = ", ".join(dict.fromkeys(row["unit"] for row in rows))
    dress(figure, f"{solution['name']}: {100 * rows[0]['level']:.0f} % intervals", "parameter", unit)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    return spec(figure)


def _resolution(solution: Mapping[str, Any]) -> str:
    go = require_plotly()
    estimates = solution["estimates"]
    figure = go.Figure(
        go.Bar(x=list(estimates), y=[row["resolution"] for row in estimates.values()], marker={"color": COLORS[2]})
    )
    dress(figure, "Resolution: 1 where the data alone tell it, 0 where they do not", "parameter", "diagonal of R")
    figure.update_xaxes(type="category")
    return spec(figure)


def _curve(solution: Mapping[str, Any]) -> str:
    go = require_plotly()
    curve = solution["curve"]
    figure = go.Figure(go.Scatter(x=curve["misfit"], y=curve["roughness"], mode="lines", line={"color": "#1f2933"}))
    figure.data[0].name = "all strengths"
    for i, (name, rule) in enumerate(solution["rules"].items()):
        if rule["strength"]:
            at = min(range(len(curve["strength"])), key=_distance(curve["strength"], rule["strength"]))
            figure.add_trace(
                go.Scatter(
                    x=[curve["misfit"][at]], y=[curve["roughness"][at]], mode="markers", name=name.replace("_", " "),
                    marker={"size": 12 - i, "color": COLORS[i], "symbol": _SYMBOLS[i]},
                )
            )  # fmt: skip
    dress(figure, "L-curve", "misfit, in noise variances", "roughness")
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log")
    return spec(figure)


def _distance(strengths: Sequence[float], wanted: float) -> Callable[[int], float]:
    return lambda k: abs(strengths[k] / wanted - 1)
