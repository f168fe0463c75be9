"""What a batch found, on the console: one line a recording, where there are many those that say something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from inversion.app.report.verdict import verdict

_LINES = 20


def tell(console: Console, summary: Mapping[str, Any]) -> None:
    """Verdict and raised alarms of each recording of summary.json; of more than _LINES, claims and alarms first."""
    recordings = summary["recordings"]
    said = recordings
    if len(recordings) > _LINES:
        said = sorted(recordings, key=lambda one: (not _raised(one), not one["claimed"]))[:_LINES]
    for recording in said:
        line = f"{Path(recording['file']).name}: {'; '.join([verdict(recording), *_raised(recording)])}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    left = len(recordings) - len(said)
    if left:
        console.print(f"and {left} more recordings, in summary.json and the report", highlight=False)


def _raised(recording: Mapping[str, Any]) -> list[str]:
    return [f"ALARM {alarm['name']}" for alarm in recording["alarms"] if alarm["raised"]]
