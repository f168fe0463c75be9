"""One self-contained HTML page of a validation: estimate against truth, coverage, whiteness."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from inversion.app.report.figures import COLORS, dress, require_plotly, script, spec
from inversion.app.report.page import BEHAVIOR, POLICY, STYLE
from inversion.app.validate.measure import lines
from inversion.app.validate.run import Answer, Validation
from inversion.core import Parameter
from inversion.core.scores import CURVE

_DRAWN = 1500  # answers of one parameter that are drawn; the figures count all
_AT = CURVE.index(0.9)
_TABLE = "pre { overflow-x: auto; font-size: .82rem; }"


def page_of(made: Validation, result: Mapping[str, Any]) -> str:
    """The page. Raises ReportUnavailable without plotly."""
    shown = [each for each in made.parameters if each.name in result["parameters"]]
    specs = [_against_truth(made, each) for each in shown]
    specs += [_coverage(result)] if shown else []
    specs += [_whiteness(result["whiteness"])] if any(result["whiteness"]["autocorrelation"]) else []
    boxes = "".join(
        f'<section class="card"><div class="figure" data-figure="f{i}"></div>'
        f'<script type="application/json" id="f{i}">{figure}</script></section>\n'
        for i, figure in enumerate(specs)
    )
    name = escape(Path(result["site"]).stem)
    told = escape("\n".join(lines(result)))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Validation: {name}</title>\n<style>{STYLE}\n{_TABLE}</style></head>\n"
        f'<body><main>\n<h1>Validation: {name}</h1>\n<section class="card"><pre>{told}</pre></section>\n'
        f"{boxes}</main>\n<script>{script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n"
    )


def _against_truth(made: Validation, parameter: Parameter) -> str:
    """Every answer with its 90 % interval over the truth; a hollow triangle is an upper bound."""
    go = require_plotly()
    rows = made.windows[parameter.name]
    rows = rows[:: -(-len(rows) // _DRAWN)]
    figure = go.Figure()
    ends = [min(min(row.truth, row.value) for row in rows), max(max(row.truth, row.value) for row in rows)]
    figure.add_trace(go.Scatter(x=ends, y=ends, mode="lines", name="truth", line={"color": "#7b8794", "dash": "dash"}))
    for i, group in enumerate(dict.fromkeys(row.group for row in rows)):
        own = [row for row in rows if row.group == group]
        figure.add_trace(_resolved(go, [row for row in own if row.resolved], group, COLORS[i % len(COLORS)]))
        figure.add_trace(_bounds(go, [row for row in own if not row.resolved], group, COLORS[i % len(COLORS)]))
    dress(figure, parameter.name.replace("_", " "), f"truth, {parameter.shown}", f"estimate, {parameter.shown}")
    return spec(figure)


def _resolved(go: Any, rows: list[Answer], group: str, color: str) -> Any:
    bars = {
        "type": "data",
        "array": [row.high[_AT] - row.value for row in rows],
        "arrayminus": [row.value - row.low[_AT] for row in rows],
        "thickness": 0.8,
        "width": 0,
    }
    x, y, text = [row.truth for row in rows], [row.value for row in rows], [row.file for row in rows]
    marker = {"size": 6, "color": color}
    return go.Scatter(x=x, y=y, error_y=bars, mode="markers", name=group, legendgroup=group, marker=marker, text=text)


def _bounds(go: Any, rows: list[Answer], group: str, color: str) -> Any:
    x, y, text = [row.truth for row in rows], [row.high[_AT] for row in rows], [row.file for row in rows]
    marker = {"size": 8, "color": color, "symbol": "triangle-down-open"}
    name = f"{group}: not resolvable, below"
    return go.Scatter(x=x, y=y, mode="markers", name=name, legendgroup=group, marker=marker, text=text, opacity=0.7)


def _coverage(result: Mapping[str, Any]) -> str:
    go = require_plotly()
    figure = go.Figure(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="as it should be", line={"color": "#7b8794", "dash": "dash"})
    )
    for i, (name, row) in enumerate(result["parameters"].items()):
        own = {"color": COLORS[i % len(COLORS)]}
        y = row["windows"]["all"]["coverage"]
        figure.add_trace(
            go.Scatter(x=result["curve"], y=y, mode="lines+markers", name=name.replace("_", " "), line=own)
        )
    dress(figure, "Coverage: how often an interval holds the truth", "stated probability", "share of windows")
    return spec(figure)


def _whiteness(white: Mapping[str, Any]) -> str:
    go = require_plotly()
    figure = go.Figure(
        go.Bar(x=white["lags"], y=white["autocorrelation"], marker={"color": COLORS[0]}, name="residuals")
    )
    for sign in (-1, 1):
        band = [sign * white["band"]] * len(white["lags"])
        line = {"color": "#7b8794", "dash": "dash"}
        figure.add_trace(go.Scatter(x=white["lags"], y=band, mode="lines", line=line, showlegend=False))
    dress(
        figure, "Residuals: correlation from window to window; white ones stay between the lines", "lag", "correlation"
    )
    return spec(figure)
