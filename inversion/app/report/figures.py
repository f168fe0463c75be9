"""The report's figures, as Plotly's plain data. The only module that imports plotly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from inversion.app.report.verdict import number, plain, short
from inversion.core import InversionError

#: Okabe & Ito (2008): told apart with any color vision, and on a gray print by their marks.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: A fault's cursor has the color of its race's parameters.
_FAMILIES = {"BPFO": COLORS[0], "BPFI": COLORS[1], "2xBSF": COLORS[2], "shaft": "#7b8794", "FTF": COLORS[3]}
_SYMBOLS = ("circle", "diamond", "square", "cross", "star", "hexagon")
_INK, _GRID = "#1f2933", "#e4e7eb"
_DODGE = 0.16  # of the step between windows: several parameters of one window stand side by side


class ReportUnavailable(InversionError):
    """The plotting library of the extra `report` is not installed."""


def require_plotly() -> Any:
    """The module plotly.graph_objects. Raises ReportUnavailable with what to install."""
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise ReportUnavailable(
            "no report: plotly is not installed; pip install 'edge-inversion[report]' (the other results are written)"
        ) from error
    return go


def script() -> str:
    """plotly.js itself, to be inlined once."""
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


def waveform(drawn: Mapping[str, Any]) -> str:
    """The lowest and highest sample along time, as a band."""
    go = require_plotly()
    times = [*drawn["t"], *reversed(drawn["t"])]
    band = [*drawn["high"], *reversed(drawn["low"])]
    figure = go.Figure(
        go.Scatter(
            x=times, y=band, fill="toself", mode="lines", line={"width": 0.6, "color": COLORS[0]},
            fillcolor=COLORS[0], hoverinfo="skip",
        )
    )  # fmt: skip
    where = "" if drawn["position"] is None else f", window {drawn['position']}"
    dress(figure, f"{drawn['source']}{where}", "time in the window, s", f"{_words(drawn['channel'])}, {drawn['unit']}")
    figure.update_layout(showlegend=False, height=250)
    return spec(figure)


def picture(drawn: Mapping[str, Any]) -> str:
    """A curve of the forward model over its marks, which are lines across that the legend switches."""
    go = require_plotly()
    figure = go.Figure()
    top = max(drawn["y"])
    bottom = min(y for y in drawn["y"] if y > 0 or not drawn["log_y"])
    for i, (family, places) in enumerate(mark_groups(drawn["markers"]).items()):
        inside = [x for x in places if drawn["x"][0] <= x <= drawn["x"][-1]]
        if inside:
            figure.add_trace(_marks(go, family, inside, bottom, top, drawn["log_y"], i))
    figure.add_trace(
        go.Scatter(x=drawn["x"], y=drawn["y"], mode="lines", line={"width": 1.2, "color": _INK}, showlegend=False)
    )
    dress(figure, drawn["title"], drawn["x_label"], drawn["y_label"])
    figure.update_xaxes(type="log" if drawn["log_x"] else "linear")
    figure.update_yaxes(type="log" if drawn["log_y"] else "linear")
    return spec(figure)


def _marks(go: Any, family: str, places: Sequence[float], bottom: float, top: float, log: bool, i: int) -> Any:
    """One family as vertical lines, the first of them named at its top."""
    x = [value for at in places for value in (at, at, None)]
    step = 1.3 ** (i % 3) if log else 1 + 0.08 * (i % 3)  # names side by side stand on different heights
    y = [value for _ in places for value in (bottom, top * step, None)]
    color = _FAMILIES.get(family, COLORS[(i + 3) % len(COLORS)])
    return go.Scatter(
        x=x, y=y, mode="lines+text", name=family, text=["", family] + [""] * (len(x) - 2), textposition="top center",
        textfont={"size": 10, "color": color}, hovertemplate=f"{family} %{{x:.3f}}<extra></extra>", cliponaxis=False,
        line={"width": 2, "color": color, "dash": ("dot", "dash", "solid", "dashdot", "longdash")[i % 5]},
    )  # fmt: skip


def mark_groups(markers: Sequence[Sequence[Any]]) -> dict[str, list[float]]:
    """Marks by family: "2xBPFO" belongs to "BPFO" where that is marked too; "2xBSF" alone is its own family."""
    names = {name for name, _ in markers}
    groups: dict[str, list[float]] = {}
    for name, at in markers:
        base = re.sub(r"^\d+[x×]\s*", "", name, count=1)
        groups.setdefault(base if base in names else name, []).append(at)
    return groups


def parameters(series: Mapping[str, Any]) -> list[str]:
    """One figure a unit: every parameter's interval along time.

    A window that is not resolvable shows as a hollow triangle at its upper bound; the floor is a dashed line; what is
    tracked along time is a band, its steps dotted lines across.
    """
    by_unit: dict[str, list[str]] = {}
    for name, rows in series["parameters"].items():
        by_unit.setdefault(rows["unit"][0], []).append(name)
    return [_panel(series, unit, names) for unit, names in by_unit.items()]


def _panel(series: Mapping[str, Any], unit: str, names: Sequence[str]) -> str:
    go = require_plotly()
    figure = go.Figure()
    times, step, label = _times(series)
    top = _top([series["parameters"][name] for name in names])
    for i, name in enumerate(names):
        rows, color, symbol = series["parameters"][name], COLORS[i % len(COLORS)], _SYMBOLS[i % len(_SYMBOLS)]
        x = [t + (i - (len(names) - 1) / 2) * _DODGE * step for t in times]
        style = {"name": short(name), "legendgroup": name, "showlegend": False}
        _track(go, figure, times, series, name, color)
        figure.add_trace(_key(go, short(name), color, symbol, name))
        figure.add_trace(_resolved(go, x, rows, color, symbol, unit, style))
        figure.add_trace(_bounded(go, x, rows, color, top, unit, style))
    figure.add_trace(_key(go, "not resolvable: below the triangle", "#7b8794", "triangle-down-open", "bounds"))
    _floor(go, figure, times, series, names, unit)
    level = series["parameters"][names[0]]["level"][0]
    kinds = dict.fromkeys(plain(name).removeprefix(short(name)).strip() or plain(name) for name in names)
    dress(figure, f"{', '.join(kinds).capitalize()}, {100 * level:.0f} % intervals", label, unit)
    figure.update_yaxes(range=[min(0.0, *_lows(series, names)), 1.06 * top])
    return spec(figure)


def _track(go: Any, figure: Any, times: Sequence[float], series: Mapping[str, Any], name: str, color: str) -> None:
    """The tracked interval as a band, one piece for every stretch in which the track resolves the parameter."""
    track = series["tracks"][name]
    known = [low is not None for low in track["low"]]
    for resolved, piece in groupby(range(len(times)), key=known.__getitem__):
        at = list(piece)
        if resolved and len(at) > 1:
            figure.add_trace(
                go.Scatter(
                    x=[times[k] for k in (*at, *reversed(at))],
                    y=[*(track["high"][k] for k in at), *(track["low"][k] for k in reversed(at))],
                    fill="toself", mode="lines", line={"width": 0}, fillcolor=color, opacity=0.22, hoverinfo="skip",
                    legendgroup=name, showlegend=False,
                )
            )  # fmt: skip
    for step_ns in track["step_ns"]:
        k = next((k for k, ns in enumerate(series["start_ns"]) if ns >= step_ns), None)
        if k is not None:
            figure.add_vline(x=times[k], line={"width": 1.2, "dash": "dot", "color": color}, annotation_text="step")


def _key(go: Any, name: str, color: str, symbol: str, group: str) -> Any:
    """An entry of the legend."""
    marker = {"size": 9, "color": color, "symbol": symbol}
    return go.Scatter(x=[None], y=[None], mode="markers", name=name, legendgroup=group, marker=marker)


def _top(parameters: Sequence[Mapping[str, Any]]) -> float:
    """Upper end of the axis: what is resolved decides it, else a bound near the prior's end would flatten the rest."""
    bounds = [(high, ok) for rows in parameters for high, ok in zip(rows["high"], rows["resolvable"], strict=True)]
    floors = [floor for rows in parameters for floor in rows["floor"] if floor is not None]
    resolved = [high for high, ok in bounds if ok]
    return (1.25 * max(*resolved, *floors) if resolved else max(high for high, _ in bounds)) or 1.0


def _lows(series: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    return [low for name in names for low in series["parameters"][name]["low"]]


def _resolved(
    go: Any, x: Sequence[float], rows: Mapping[str, Any], color: str, symbol: str, unit: str, style: Mapping[str, Any]
) -> Any:
    """Points with their intervals."""
    at = [k for k, resolvable in enumerate(rows["resolvable"]) if resolvable]
    mean, low, high = ([rows[key][k] for k in at] for key in ("mean", "low", "high"))
    return go.Scatter(
        x=[x[k] for k in at], y=mean, mode="markers", marker={"size": 6, "color": color, "symbol": symbol},
        error_y={
            "type": "data", "array": [h - m for h, m in zip(high, mean, strict=True)],
            "arrayminus": [m - b for m, b in zip(mean, low, strict=True)], "thickness": 1.2, "width": 2,
        },
        text=[f"{number(m)} {unit} [{number(b)}, {number(h)}]" for m, b, h in zip(mean, low, high, strict=True)],
        hovertemplate="%{text}", **style,
    )  # fmt: skip


def _bounded(
    go: Any, x: Sequence[float], rows: Mapping[str, Any], color: str, top: float, unit: str, style: Mapping[str, Any]
) -> Any:
    """Upper bounds of the windows that do not resolve the parameter; beyond the axis they stand at its end, filled."""
    at = [k for k, resolvable in enumerate(rows["resolvable"]) if not resolvable]
    symbols = ["triangle-up" if rows["high"][k] > top else "triangle-down-open" for k in at]
    return go.Scatter(
        x=[x[k] for k in at], y=[min(rows["high"][k], top) for k in at], mode="markers", opacity=0.7,
        marker={"size": 8, "color": color, "symbol": symbols},
        text=[f"not resolvable, below {number(rows['high'][k])} {unit}" for k in at], hovertemplate="%{text}", **style,
    )  # fmt: skip


def _floor(
    go: Any, figure: Any, times: Sequence[float], series: Mapping[str, Any], names: Sequence[str], unit: str
) -> None:
    """The smallest resolvable value along time, drawn once where the parameters share it."""
    for floor in dict.fromkeys(tuple(series["parameters"][name]["floor"]) for name in names):
        known = [value for value in floor if value]
        if known:
            figure.add_trace(
                go.Scatter(
                    x=list(times), y=list(floor), mode="lines", line={"width": 1.2, "dash": "dash", "color": "#7b8794"},
                    name=f"floor {number(known[0])} {unit}", hoverinfo="skip",
                )
            )  # fmt: skip


def _times(series: Mapping[str, Any]) -> tuple[list[float], float, str]:
    """Time axis in the unit that suits its length, the median step, and its label."""
    seconds = [(ns - series["start_ns"][0]) / 1e9 for ns in series["start_ns"]]
    ordered = seconds == sorted(seconds) and len(set(seconds)) == len(seconds)
    if not ordered:  # files without a clock each begin at zero: count windows
        return [float(k) for k in range(len(seconds))], 1.0, "window"
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds[-1] >= 3 * length or unit == "s":
            break
    times = [value / length for value in seconds]
    steps = sorted(b - a for a, b in pairwise(times))
    return times, steps[len(steps) // 2] if steps else 1.0, f"time since the first window, {unit}"


def dress(figure: Any, title: str, x_label: str, y_label: str) -> None:
    """Title, axes, fonts and colors, the same for every figure."""
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "x": 0, "xref": "paper", "y": 0.98, "yanchor": "top"},
        font={"family": "system-ui, sans-serif", "size": 12, "color": _INK},
        paper_bgcolor="white", plot_bgcolor="white", height=340, margin={"l": 56, "r": 12, "t": 40, "b": 44},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "font": {"size": 11}},
        hovermode="closest",
    )  # fmt: skip
    axis = {"gridcolor": _GRID, "zeroline": False, "linecolor": _INK, "ticks": "outside", "automargin": True}
    figure.update_xaxes(title={"text": x_label, "standoff": 6}, **axis)
    figure.update_yaxes(title={"text": y_label, "standoff": 6}, **axis)


def _words(name: str) -> str:
    return name.replace("_", " ")


def spec(figure: Any) -> str:
    """The figure as JSON that may stand inside an HTML script element; without the default template's bulk."""
    content = json.loads(figure.to_json())
    content["layout"].pop("template", None)
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
