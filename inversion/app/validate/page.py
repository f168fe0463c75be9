"""One self-contained HTML page of a validation: estimate against truth, coverage, whiteness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inversion.app.report.against_truth import Placed, against_truth
from inversion.app.report.figures import COLORS, dress, require_plotly, spec
from inversion.app.report.panel import panel
from inversion.app.validate.measure import lines
from inversion.app.validate.run import Validation
from inversion.core import Parameter
from inversion.core.scores import CURVE

_AT = CURVE.index(0.9)


def page_of(made: Validation, result: Mapping[str, Any]) -> str:
    """The page. Raises ReportUnavailable without plotly."""
    shown = [each for each in made.parameters if each.name in result["parameters"]]
    figures = [_against_truth(made, each) for each in shown]
    figures += [_coverage(result)] if shown else []
    figures += [_whiteness(result["whiteness"])] if any(result["whiteness"]["autocorrelation"]) else []
    return panel(f"Validation: {Path(result['site']).stem}", lines(result), figures)


def _against_truth(made: Validation, parameter: Parameter) -> str:
    rows = [
        Placed(row.group, row.file, row.truth, row.value, row.low[_AT], row.high[_AT], row.resolved)
        for row in made.windows[parameter.name]
    ]
    return against_truth(parameter.name.replace("_", " "), parameter.shown, rows)


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
