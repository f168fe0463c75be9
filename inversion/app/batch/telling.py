"""What a batch found, on the console: one line a recording, where there are many those that say something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from inversion.app.report.verdict import verdict

_LINES = 20


def tell(console: Console, summary: Mapping[str, Any]) -> None:
    """Verdict and raised alarms of each recording of summary.json, alarms first of many; how many files failed."""
    recordings = summary["recordings"]
    said = recordings
    if len(recordings) > _LINES:
        said = sorted(recordings, key=lambda one: (not _raised(one), not one["claimed"]))[:_LINES]
    for recording in said:
        line = f"{Path(recording['file']).name}: {'; '.join([verdict(recording), *_raised(recording)])}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    failed = len(summary["failed"])
    if failed:
        console.print(f"{failed} of {failed + len(recordings)} files gave nothing, as said above", highlight=False)
    left = len(recordings) - len(said)
    if left:
        console.print(f"and {left} more recordings, in summary.json and the report", highlight=False)


def _raised(recording: Mapping[str, Any]) -> list[str]:
    return [f"ALARM {alarm['name']}" for alarm in recording["alarms"] if alarm["raised"]]
