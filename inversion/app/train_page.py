"""The page of `inversion train`: loss along the epochs of every network that learnt."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.app.report.figures import COLORS, dress, require_plotly, script, spec
from inversion.app.report.page import BEHAVIOR, POLICY, STYLE


def write_curves(path: Path, name: str, curves: Mapping[str, NDArray[np.float64]]) -> None:
    """One self-contained HTML file. curves: (epochs, 2) losses, learnt and held out, by network.

    Raises ReportUnavailable without plotly, OSError where it cannot be written.
    """
    boxes = "".join(
        f'<section class="card"><div class="figure" data-figure="f{i}"></div>'
        f'<script type="application/json" id="f{i}">{_figure(network, curve)}</script></section>\n'
        for i, (network, curve) in enumerate(curves.items())
    )
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Trained: {escape(name)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n"
        f"<h1>Trained: {escape(name)}</h1>\n{boxes}</main>\n"
        f"<script>{script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n",
        encoding="utf-8",
    )


def _figure(network: str, curve: NDArray[np.float64]) -> str:
    go = require_plotly()
    figure = go.Figure()
    epochs = list(range(1, len(curve) + 1))
    for k, label in enumerate(("learnt from", "held-out machines")):
        line = {"color": COLORS[k], "dash": ("solid", "dash")[k]}
        figure.add_trace(go.Scatter(x=epochs, y=curve[:, k].tolist(), mode="lines+markers", name=label, line=line))
    dress(figure, network, "epoch", "loss")
    return spec(figure)
