"""One self-contained HTML page of words and figures, for results that are not a batch."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from inversion.app.report.figures import script
from inversion.app.report.page import BEHAVIOR, POLICY, STYLE

_TABLE = "pre { overflow-x: auto; font-size: .82rem; }"


def panel(title: str, lines: Sequence[str], figures: Sequence[str]) -> str:
    """The page. figures: as `spec` gives them. Raises ReportUnavailable without plotly."""
    boxes = "".join(
        f'<section class="card"><div class="figure" data-figure="f{i}"></div>'
        f'<script type="application/json" id="f{i}">{figure}</script></section>\n'
        for i, figure in enumerate(figures)
    )
    told = escape("\n".join(lines))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}\n{_TABLE}</style></head>\n"
        f'<body><main>\n<h1>{escape(title)}</h1>\n<section class="card"><pre>{told}</pre></section>\n'
        f"{boxes}</main>\n<script>{script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n"
    )
