"""Years of recordings through the pipeline: findings, tables, summary and report in one folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from inversion.app.batch.asset import AssetJob, Recorded, recorded_source
from inversion.app.batch.processes import BatchFailed, invert_all
from inversion.app.batch.progress import Advance, progress
from inversion.app.batch.staging import Staging, staging
from inversion.app.batch.telling import tell
from inversion.app.configuration import load_pipeline
from inversion.app.delivered import check_channels
from inversion.app.report import ReportUnavailable, require_plotly, write_report
from inversion.app.tables import require_pyarrow, write_csv, write_parquet
from inversion.core import ConfigurationError
from sensors import SensorError

FORMATS = ("jsonl", "parquet", "csv")


@dataclass(frozen=True)
class BatchResult:
    """What a batch left behind. summary: the content of summary.json; outputs: the files, in the results folder."""

    summary: dict[str, Any]
    outputs: tuple[Path, ...]

    @property
    def exit_code(self) -> int:
        """1 where a file failed."""
        return 1 if self.summary["failed"] else 0


def run_batch(
    site: Path,
    files: Sequence[Path],
    out: Path,
    *,
    formats: Sequence[str] = ("jsonl",),
    report: bool = True,
    workers: int | None = None,
    console: Console | None = None,
) -> BatchResult:
    """Inverts the files, in this order within an asset, and writes the results to the folder `out`.

    files: empty for those that the site itself names
    formats: of "jsonl" (always written), "parquet", "csv"; workers: processes, by default one a core
    console: for progress and complaints, by default standard error
    A damaged file is one line on the console and an entry of summary.json; the others go on.
    Raises ConfigurationError before anything is read, BatchFailed where nothing can be written. KeyboardInterrupt
    leaves no result, nor does any other failure: results of an earlier batch stay until new ones are whole.
    """
    console = console or Console(stderr=True)
    began = time.monotonic()
    for name in formats:
        if name not in FORMATS:
            raise ConfigurationError(f"--format {name}: no such format, there are: {', '.join(FORMATS)}")
    if "parquet" in formats:
        require_pyarrow()
    source = recorded_source(site)
    check_channels(site, (source,), load_pipeline(site).model)
    report = report and _plotly(console)
    paths = list(dict.fromkeys(files or _own_files(site, source)))
    try:
        with _orderly(signal.SIGTERM), staging(out, lambda line: _complain(console, line)) as staged:
            jobs = _jobs(site, paths, source.asset_of, staged.folder, report)
            entries = _invert(jobs, paths, workers or os.cpu_count() or 1, console)
            summary = _summary(site, source.described_by, entries, time.monotonic() - began)
            _write(staged, jobs, summary, formats, report)
            result = BatchResult(summary, staged.publish())
            tell(console, summary)
            return result
    except OSError as error:
        raise BatchFailed(f"cannot write to {out}: {error.strerror or error}") from error


@contextmanager
def _orderly(number: signal.Signals) -> Iterator[None]:
    """A signal that would end the process at once unwinds it instead, so that nothing half-made stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, lambda *_: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(number, before)


def _own_files(site: Path, source: Recorded) -> Sequence[Path]:
    """The files that the site itself names."""
    try:
        return source.paths()
    except SensorError as error:
        raise ConfigurationError(f"{site}: source.{error}") from error


def _plotly(console: Console) -> bool:
    """Whether a report can be made; one line on the console where not."""
    try:
        require_plotly()
    except ReportUnavailable as missing:
        _complain(console, str(missing))
        return False
    return True


def _jobs(
    site: Path, paths: Sequence[Path], asset_of: Callable[[Path], str], staged: Path, portrait: bool
) -> list[AssetJob]:
    """One job an asset, in the order in which the assets first appear."""
    groups: dict[str, list[tuple[int, Path]]] = {}
    for place, path in enumerate(paths):
        groups.setdefault(asset_of(path), []).append((place, path))
    return [AssetJob(site, tuple(group), staged, portrait) for group in groups.values()]


def _invert(jobs: Sequence[AssetJob], paths: Sequence[Path], workers: int, console: Console) -> list[dict[str, Any]]:
    """One entry a file, in the order of the files."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    entries: dict[int, dict[str, Any]] = {}
    with progress(console, len(paths), sum(sizes)) as advance:
        for job, made in invert_all(jobs, workers, _told(advance, sizes)):
            for (place, _), entry in zip(job.files, made, strict=True):
                entries[place] = entry
                if "failed" in entry:
                    _complain(console, entry["failed"])
    return [entries[place] for place in range(len(paths))]


def _told(advance: Advance, sizes: Sequence[int]) -> Callable[[int], None]:
    return lambda place: advance(sizes[place])


def _summary(
    site: Path, described_by: Sequence[Path], entries: Sequence[dict[str, Any]], duration_s: float
) -> dict[str, Any]:
    recordings = [entry for entry in entries if "failed" not in entry]
    return {
        "version": version("edge-inversion"),
        "configuration": {"path": str(site), "sha256": _sha256(site, *described_by)},
        "duration_s": round(duration_s, 2),
        "windows": sum(entry["windows"] for entry in recordings),
        "recordings": recordings,
        "failed": [{"file": e["file"], "reason": e["failed"]} for e in entries if "failed" in e],
    }


def _sha256(*paths: Path) -> str:
    """One hash of the site and its layout: the same results come from the same hash and version."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(
    staged: Staging, jobs: Sequence[AssetJob], summary: dict[str, Any], formats: Sequence[str], report: bool
) -> None:
    findings = staged.folder / "findings.jsonl"
    with findings.open("wb") as whole:
        for part in sorted(staged.folder.glob("??????.jsonl")):
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, whole)
            part.unlink()
    if "csv" in formats:
        write_csv(findings, staged.folder / "findings.csv")
    if "parquet" in formats:
        write_parquet(findings, staged.folder / "findings.parquet")
    if report:
        portraits = [staged.folder / f"{job.files[0][0]:06d}.portrait.json" for job in jobs]
        write_report(staged.folder / "report.html", summary, [path for path in portraits if path.exists()])
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
    (staged.folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def _complain(console: Console, line: str) -> None:
    console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
