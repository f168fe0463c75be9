"""A balancing result as one self-contained HTML page: tables, and polar plots of masses and vibration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from inversion.app.balance.solve import Balance, PlaneResult, SensorResult
from inversion.app.balance.tell import lines
from inversion.app.report import figures
from inversion.app.report.page import BEHAVIOR, POLICY, STYLE

_STYLE = """
.pair { display: flex; flex-wrap: wrap; }
.pair .figure { flex: 1 1 420px; width: auto; }
pre { overflow-x: auto; font-size: .85rem; }
"""


def write_page(path: Path, results: Sequence[Balance]) -> None:
    """Writes the page. Raises ReportUnavailable where plotly is not installed."""
    figures.require_plotly()
    sections = "".join(_section(k, result) for k, result in enumerate(results))
    path.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Balancing</title>\n<style>{STYLE}{_STYLE}</style></head>\n<body><main>\n<h1>Balancing</h1>\n{sections}"
        f"</main>\n<script>{figures.script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n",
        encoding="utf-8",
    )


def _section(number: int, result: Balance) -> str:
    case = result.case
    drawn = [
        _plane(plane, case.mass_unit, given.removed) for given, plane in zip(case.planes, result.planes, strict=True)
    ]
    drawn += [_sensor(sensor, case.vibration_unit) for sensor in result.sensors]
    boxes = ""
    for k, figure in enumerate(drawn):
        name = f"figure-{number}-{k}"
        content = json.dumps(figure).replace("<", "\\u003c")
        boxes += f'<div class="figure" data-figure="{name}"></div>\n'
        boxes += f'<script type="application/json" id="{name}">{content}</script>\n'
    text = escape("\n".join(lines(result)[1:]))
    return (
        f'<section class="card"><h2>{escape(case.name)}</h2>\n<pre>{text}</pre>\n'
        f'<div class="pair">{boxes}</div></section>\n'
    )


def _plane(plane: PlaneResult, unit: str, removed: bool) -> dict[str, Any]:
    """The correction as an arrow from the center to where mass goes on or off, with the sector of its intervals."""
    traces, angle = [], (plane.angle + (180 if removed else 0)) % 360
    if plane.resolvable:
        sweep = [angle - plane.half_width + plane.half_width * k / 20 for k in range(41)]
        radii = [plane.mass.low] * 41 + [plane.mass.high] * 41 + [plane.mass.low]
        around = [*sweep, *reversed(sweep), sweep[0]]
        traces.append(_trace(radii, around, "interval", fill="toself", line={"width": 0, "color": figures.COLORS[5]}))
    traces.append(_trace([0, plane.mass.value], [0, angle], "correction", **_arrow(figures.COLORS[0])))
    if plane.positions:
        at, masses = [angle for angle, _ in plane.positions], [mass for _, mass in plane.positions]
        marker = {"size": 11, "symbol": "diamond", "color": figures.COLORS[1]}
        traces.append(_trace(masses, at, "on positions", mode="markers", marker=marker))
    return _figure(traces, f"{plane.name}: {unit} to {'remove' if removed else 'add'}")


def _sensor(sensor: SensorResult, unit: str) -> dict[str, Any]:
    before = _trace([0, sensor.before.value], [0, sensor.before_angle], "before", **_arrow(figures.COLORS[1]))
    after = _trace([0, sensor.after.value], [0, sensor.after_angle], "predicted after", **_arrow(figures.COLORS[0]))
    ring = [10 * k for k in range(37)]
    bound = _trace(
        [sensor.after.high] * 37, ring, "after, upper bound", line={"dash": "dot", "color": figures.COLORS[0]}
    )
    return _figure([before, after, bound], f"{sensor.name}: vibration{', ' + unit if unit else ''}")


def _trace(radii: Sequence[float], degrees: Sequence[float], name: str, **style: Any) -> dict[str, Any]:
    return {"type": "scatterpolar", "r": list(radii), "theta": list(degrees), "name": name, "mode": "lines", **style}


def _arrow(color: str) -> dict[str, Any]:
    marker = {"size": [0, 12], "symbol": "circle", "color": color}
    return {"mode": "lines+markers", "line": {"width": 3, "color": color}, "marker": marker}


def _figure(traces: Sequence[dict[str, Any]], title: str) -> dict[str, Any]:
    layout = {
        "title": {"text": escape(title), "font": {"size": 14}},
        "height": 360,
        "margin": {"l": 40, "r": 40, "t": 60, "b": 30},
        "legend": {"orientation": "h"},
        "polar": {"angularaxis": {"direction": "counterclockwise", "dtick": 30}, "radialaxis": {"rangemode": "tozero"}},
    }
    return {"data": list(traces), "layout": layout}
