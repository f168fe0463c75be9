"""One asset's recordings, one after the other, through the pipeline: what a batch process does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from inversion.app.batch.summary import summarize
from inversion.app.configuration import load_pipeline, load_site
from inversion.app.report.portrait import Portrait
from inversion.core import ConfigurationError, dumps, to_json
from inversion.pipeline import AssetState, Pipeline, advance
from sensors import Frame, RecordingError, SensorError
from sensors.recording import RecordingSource

_TOGETHER = 32  # frames inverted at once: enough to spread the fixed costs


@dataclass(frozen=True)
class AssetJob:
    """The recordings of one asset, with their place in the whole batch, and where the results are staged.

    portrait: whether to gather what the report shows
    """

    site: Path
    files: tuple[tuple[int, Path], ...]
    staged: Path
    portrait: bool


@runtime_checkable
class Recorded(Protocol):
    """A source whose frames lie in files, each of one asset."""

    @property
    def described_by(self) -> tuple[Path, ...]:
        """Files beside the recordings that say what they hold."""
        ...

    def paths(self) -> tuple[Path, ...]:
        """The files that the site names. Raises SensorError."""
        ...

    def asset_of(self, path: Path) -> str:
        """The asset of a file. Raises SensorError."""
        ...

    def read(self, path: Path) -> list[Frame]:
        """All frames of a file. Raises RecordingError."""
        ...

    def frames(self) -> AsyncGenerator[Frame, None]:
        """As of any source."""
        ...


def recorded_source(path: Path) -> Recorded:
    """The one source of a site, which must read files. Raises ConfigurationError."""
    sources = load_site(path).sources
    if len(sources) == 1 and isinstance(sources[0], Recorded):
        return sources[0]
    return recording_source(path)


def recording_source(path: Path) -> RecordingSource:
    """The one source of a site, which must read recordings by a layout. Raises ConfigurationError."""
    sources = load_site(path).sources
    if len(sources) != 1 or not isinstance(sources[0], RecordingSource):
        found = ", ".join(type(source).__name__ for source in sources)
        raise ConfigurationError(f'{path}: source: batch needs one source, with use = "recording", found {found}')
    return sources[0]


def invert_asset(job: AssetJob, done: Callable[[int], None]) -> list[dict[str, Any]]:
    """One entry a file: its summary, or why it failed. `done` is told the place of every file that is finished.

    Findings go to `<place>.jsonl` in the staging folder, the portrait to `<place of the first file>.portrait.json`.
    Raises OSError where results cannot be written.
    """
    run = _Run.of(job)
    entries = []
    states: dict[str, AssetState] = {}
    for place, path in job.files:
        part = job.staged / f"{place:06d}.jsonl"
        try:
            states, entry = _invert_file(run, states, path, part)
        except SensorError as error:  # what the file did to the state is forgotten with it
            part.unlink(missing_ok=True)
            entry = {"file": str(path), "failed": str(error)}
        entries.append(entry)
        done(place)
    if job.portrait:
        run.portrait.write(job.staged / f"{job.files[0][0]:06d}.portrait.json")
    return entries


@dataclass(frozen=True)
class _Run:
    pipeline: Pipeline
    source: Recorded
    level: float
    portrait: Portrait

    @classmethod
    def of(cls, job: AssetJob) -> _Run:
        pipeline = load_pipeline(job.site)
        return cls(pipeline, recorded_source(job.site), load_site(job.site).level, Portrait(pipeline.model))


def _invert_file(
    run: _Run, states: dict[str, AssetState], path: Path, part: Path
) -> tuple[dict[str, AssetState], dict[str, Any]]:
    frames = _frames(run.source, path)
    alarming = _alarming(states.get(frames[0].asset, AssetState()))
    records = []
    with part.open("w", encoding="utf-8") as lines:
        for start in range(0, len(frames), _TOGETHER):
            states, findings = advance(run.pipeline, states, frames[start : start + _TOGETHER])
            found = [to_json(finding, run.level) for finding in findings]
            lines.writelines(dumps(record) + "\n" for record in found)
            records += found
    run.portrait.add(frames, records)
    priors = {p.name: (p.to_shown(p.low), p.to_shown(p.high)) for p in run.pipeline.model.space}
    return states, summarize(str(path), records, alarming, priors)


def _alarming(state: AssetState) -> frozenset[str]:
    return frozenset(name for name, alert in state.alerts.items() if alert.alarming)


def _frames(source: Recorded, path: Path) -> list[Frame]:
    """The windows of one recording. Raises RecordingError where it cannot be read."""
    try:
        frames = source.read(path)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if not frames:
        raise RecordingError(f"{path}: shorter than one window, nothing to invert")
    return frames
