"""One self-contained HTML file: what was found on top, then the pictures of every asset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TextIO

from inversion.app.report import figures
from inversion.app.report.page import BEHAVIOR, POLICY, READING, STYLE
from inversion.app.report.verdict import verdict

#: Assets that are pictured; those with a claim or an alarm come first. Each costs about 100 kB.
PICTURED = 100
#: Recordings of one asset in the table.
LISTED = 20
Record = Mapping[str, Any]


def write_report(path: Path, summary: Record, portraits: Sequence[Path]) -> None:
    """Writes the page. summary: the content of summary.json; portraits: one file an asset, see `Portrait`.

    One portrait is held in memory at a time.
    """
    recordings: dict[str, list[Record]] = {}
    for recording in summary["recordings"]:
        recordings.setdefault(recording["asset"], []).append(recording)
    pictured = _pictured(recordings)
    with path.open("w", encoding="utf-8") as page:
        page.write(_head(summary))
        page.write(_overview(summary, len(recordings)))
        page.write(_failures(summary["failed"]))
        page.write(_table(recordings, pictured))
        for portrait in portraits:
            drawn = json.loads(portrait.read_text(encoding="utf-8"))
            if drawn["asset"] in pictured:
                _section(page, pictured[drawn["asset"]], drawn, recordings[drawn["asset"]])
        page.write(READING)
        page.write(f"</main>\n<script>{figures.script()}</script>\n<script>{BEHAVIOR}</script>\n</body></html>\n")


def _pictured(recordings: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """Anchors of the assets that are pictured."""
    ranked = sorted(recordings, key=lambda asset: not any(_notable(r) for r in recordings[asset]))
    kept = set(ranked[:PICTURED])
    return {asset: f"asset-{i}" for i, asset in enumerate(recordings) if asset in kept}


def _notable(recording: Record) -> bool:
    return bool(recording["claimed"]) or any(alarm["raised"] for alarm in recording["alarms"])


def _head(summary: Record) -> str:
    name = escape(Path(summary["configuration"]["path"]).stem)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Inversion report: {name}</title>\n<style>{STYLE}</style></head>\n<body><main>\n"
        f"<h1>Inversion report: {name}</h1>\n"
    )


def _overview(summary: Record, assets: int) -> str:
    raised = sum(alarm["raised"] for recording in summary["recordings"] for alarm in recording["alarms"])
    facts = [
        (len(summary["recordings"]), "recordings"), (assets, "assets"), (summary["windows"], "windows"),
        (sum(bool(recording["claimed"]) for recording in summary["recordings"]), "recordings with a claim"),
        (raised, "alarms raised"), (len(summary["failed"]), "files not read"),
    ]  # fmt: skip
    items = "".join(f"<li><b>{count}</b><span>{what}</span></li>" for count, what in facts)
    configuration = summary["configuration"]
    made = (
        f"inversion {escape(summary['version'])}, configuration {escape(Path(configuration['path']).name)} "
        f"({configuration['sha256'][:12]}), {summary['duration_s']:g} s"
    )
    return f'<p class="soft">{made}</p>\n<section class="card"><ul class="facts">{items}</ul></section>\n'


def _failures(failed: Sequence[Record]) -> str:
    if not failed:
        return ""
    rows = "".join(f"<li>{escape(failure['reason'])}</li>" for failure in failed)
    return f'<section class="card"><h2 class="alarm">Files not read</h2><ul class="plain">{rows}</ul></section>\n'


def _table(recordings: Mapping[str, Sequence[Record]], pictured: Mapping[str, str]) -> str:
    rows = "".join(_rows(own, pictured) for own in recordings.values())
    return (
        '<section class="card"><table class="recordings"><thead><tr><th>Recording</th><th>Verdict</th>'
        '<th>Alarms</th><th class="n">Windows</th><th class="n">Good</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>\n"
    )


def _rows(recordings: Sequence[Record], pictured: Mapping[str, str]) -> str:
    """Every recording of an asset; of very many only those with a claim or a new alarm, and the last."""
    if len(recordings) <= LISTED:
        return "".join(_row(recording, pictured) for recording in recordings)
    notable = [recording for recording in recordings[:-1] if _notable(recording)]
    shown = [*notable[-LISTED:], recordings[-1]]
    asset, left_out = escape(recordings[0]["asset"]), len(recordings) - len(shown)
    more = f'<tr><td colspan="5" class="soft">{asset}: {left_out} more recordings, see summary.json</td></tr>\n'
    return "".join(_row(recording, pictured) for recording in shown) + more


def _row(recording: Record, pictured: Mapping[str, str]) -> str:
    name = escape(Path(recording["file"]).name).replace("_", "_<wbr>")  # a line ends there, not in the extension
    anchor = pictured.get(recording["asset"])
    linked = f'<a href="#{anchor}">{name}</a>' if anchor else name
    claim = ' class="claim"' if recording["claimed"] else ""
    return (
        f"<tr><td>{linked}</td><td><span{claim}>{escape(verdict(recording))}</span></td><td>{_alarms(recording)}</td>"
        f'<td class="n" data-label="Windows">{recording["windows"]}</td>'
        f'<td class="n" data-label="Good">{100 * recording["good_share"]:.0f} %</td></tr>\n'
    )


def _alarms(recording: Record) -> str:
    raised = [alarm for alarm in recording["alarms"] if alarm["raised"] or alarm["state"] in ("active", "clearing")]
    return "<br>".join(f'<span class="alarm">{escape(a["name"])}: {a["state"]}</span>' for a in raised)


def _section(page: TextIO, anchor: str, drawn: Record, recordings: Sequence[Record]) -> None:
    """Waveform, the model's pictures, and every parameter along time."""
    page.write(f'<section class="card asset" id="{anchor}"><h2>{escape(drawn["asset"])}</h2>\n')
    said = verdict(recordings[-1])
    page.write(f'<p class="verdict">{escape(said)}</p>\n')
    if len(recordings) > 1:
        page.write(f'<p class="soft">{len(recordings)} recordings; verdict, waveform and spectrum of the last</p>\n')
    reasons = list(recordings[-1]["reasons"])
    if reasons and reasons[0] not in said:
        page.write(f'<p class="soft">{escape(reasons[0])}</p>\n')
    if drawn["every"] > 1:
        page.write(f'<p class="soft">every {drawn["every"]}th window is drawn</p>\n')
    specs = [
        *(figures.waveform(waveform) for waveform in drawn["waveforms"]),
        *(figures.picture(picture) for picture in drawn["pictures"]),
        *figures.parameters(drawn),
    ]
    for i, spec in enumerate(specs):
        page.write(f'<div class="figure" data-figure="{anchor}-{i}"></div>\n')
        page.write(f'<script type="application/json" id="{anchor}-{i}">{spec}</script>\n')
    page.write("</section>\n")
