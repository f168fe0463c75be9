"""Draws docs/pictures/width.svg: what the shipped site infers from simulated spalls of known width.

python docs/pictures/width.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from inversion.app.configuration import load_pipeline
from inversion.app.simulate import Simulation
from inversion.core import to_json
from inversion.pipeline import advance
from sensors import Frame, Waveform

HERE = Path(__file__).parent
SITE = HERE.parents[1] / "configs" / "simulated.toml"
WIDTHS = np.linspace(0.1, 5.0, 50)
LEFT, TOP, SIZE, WIDE, RIGHT = 64, 16, 320, 560, 56  # px
INK, SOFT, BLUE = "#1f2933", "#7b8794", "#0072B2"


def main() -> None:
    """One window of 40 revolutions a width, each machine with a seed of its own."""
    pipeline = load_pipeline(SITE)
    rows = []
    for seed, width in enumerate(WIDTHS):
        simulation = Simulation(width_mm=float(width), seconds=40 / 29.5, seed=seed)
        channels = {
            "vibration": Waveform(simulation.waveform(), simulation.sample_rate, "m/s2"),
            "shaft_hz": Waveform(np.array([simulation.shaft_hz]), 1.0, "Hz"),
        }
        _, [finding] = advance(pipeline, {}, [Frame(f"machine {seed}", 0, False, channels)])
        rows.append((float(width), to_json(finding)["parameters"]["outer_spall"]))
    (HERE / "width.svg").write_text(drawing(rows), encoding="utf-8")
    resolved = [(width, row) for width, row in rows if row["resolvable"]]
    held = sum(row["low"] <= width <= row["high"] for width, row in resolved)
    sys.stdout.write(f"{len(rows)} windows, {len(resolved)} resolvable, {held} of these hold the truth\n")


def drawing(rows: list[tuple[float, dict]]) -> str:
    """The SVG: intervals against the truth, bounds as triangles, the floor as a dashed line."""
    parts = [f'<rect width="{LEFT + WIDE + RIGHT}" height="{SIZE + 88}" fill="white"/>']
    for mm in range(6):
        parts.append(line(x(0), y(mm), x(5), y(mm), "#e4e7eb", 1) + line(x(mm), y(0), x(mm), y(5), "#e4e7eb", 1))
        parts.append(text(x(mm), TOP + SIZE + 18, str(mm)) + text(LEFT - 12, y(mm) + 4, str(mm)))
    floor = rows[0][1]["floor"]
    parts.append(line(x(0), y(0), x(5), y(5), SOFT, 1.5))
    parts.append(line(x(0), y(floor), x(5), y(floor), SOFT, 1.5, ' stroke-dasharray="6 4"'))
    parts.append(
        text(x(5) + 4, y(floor) + 4, "floor", "start", SOFT) + text(x(5) + 4, y(5) + 4, "truth", "start", SOFT)
    )
    parts += [mark(width, row) for width, row in rows]
    parts.append(text(x(2.5), TOP + SIZE + 40, "simulated width of the spall, mm"))
    parts.append(
        f'<text transform="translate(18 {y(2.5)}) rotate(-90)" text-anchor="middle" fill="{INK}">inferred, mm</text>'
    )
    parts.append(
        text(
            LEFT,
            TOP + SIZE + 62,
            "bar: 90 % interval; triangle: not resolvable, at the top where the bound lies beyond the axis",
            "start",
            SOFT,
        )
    )
    size = f'viewBox="0 0 {LEFT + WIDE + RIGHT} {SIZE + 88}" font-family="system-ui, sans-serif" font-size="13"'
    label = 'role="img" aria-label="Inferred against simulated spall width"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {label}>\n' + "\n".join(parts) + "\n</svg>\n"


def mark(width: float, row: dict) -> str:
    """One window."""
    if row["resolvable"]:
        bar = line(x(width), y(row["low"]), x(width), y(row["high"]), BLUE, 2)
        return bar + f'<circle cx="{x(width):.1f}" cy="{y(row["mean"]):.1f}" r="3" fill="{BLUE}"/>'
    at, top = x(width), y(min(row["high"], 5.0))
    points = f"{at - 4:.1f},{top - 4:.1f} {at + 4:.1f},{top - 4:.1f} {at:.1f},{top + 4:.1f}"
    return f'<polygon points="{points}" fill="none" stroke="{BLUE}"/>'


def x(mm: float) -> float:
    """px."""
    return LEFT + mm / 5 * WIDE


def y(mm: float) -> float:
    """px."""
    return TOP + SIZE - mm / 5 * SIZE


def line(x1: float, y1: float, x2: float, y2: float, color: str, width: float, more: str = "") -> str:
    """A stroke."""
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="{color}" stroke-width="{width}"{more}/>'


def text(at: float, height: float, words: str, anchor: str = "middle", color: str = INK) -> str:
    """Words."""
    return f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}" fill="{color}">{words}</text>'


if __name__ == "__main__":
    main()
