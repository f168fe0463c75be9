"""What an alarm was raised on, in one file: waveforms, states before them, configuration; replayed to the same bytes.

A bundle is a message of `inversion.app.wire`, as a file: a JSON header and raw samples.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inversion.app import wire
from inversion.app.bounds import MOST_MB, check_within
from inversion.core import InversionError, dumps
from sensors import Frame

KEEP = ("none", "alarm", "all")
_RESERVE_BYTES, _BLOCK_BYTES = 24_000_000, 4096
_FORMAT = 1


@dataclass(frozen=True)
class EvidenceOptions:
    """`[evidence]`. keep: "none", "alarm" (what an alarm was raised on) or "all"; most_mb: beyond it the oldest go."""

    keep: str = "alarm"
    most_mb: float = 64.0

    def __post_init__(self) -> None:
        if self.keep not in KEEP:
            raise ValueError(f"keep must be one of {', '.join(KEEP)}; got {self.keep!r}")
        why = "below it no waveforms are kept, beyond it no disk is"
        check_within("most_mb", self.most_mb, 0.1, MOST_MB, "MB", why)


@dataclass(frozen=True)
class Bundle:
    """frames: of one asset, in order; states: of that asset before them; finding: what the last frame led to

    site: path and text of the configuration; fingerprint: of the parameters that the state is about
    """

    frames: Sequence[Frame]
    states: Mapping[str, Any]
    finding: Mapping[str, Any]
    site: tuple[Path, str]
    level: float
    fingerprint: str


def save(bundle: Bundle, folder: Path, most_mb: float, synced: bool = False) -> Path:
    """Writes a bundle whole or not at all, and removes the oldest where there are too many. Raises OSError.

    The last 24 MB of a disk are left to the journal: a new bundle takes the place of old ones there.
    synced: it is on the disk when this returns, and not only on its way there
    """
    header, samples = wire.frames_message(bundle.frames, bundle.states)
    path, text = bundle.site
    more = {
        "format": _FORMAT,
        "finding": dict(bundle.finding),
        "site": str(path),
        "configuration": text,
        "configuration_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "level": bundle.level,
        "fingerprint": bundle.fingerprint,
    }
    name = hashlib.sha256(bundle.finding["asset"].encode()).hexdigest()[:8]
    target = folder / f"{bundle.finding['start_ns']:020d}-{name}.bundle"
    folder.mkdir(parents=True, exist_ok=True)
    for torn in folder.glob("*.part"):  # of a gateway that was killed
        torn.unlink()
    beside, content = target.with_suffix(".part"), wire.pack_file({**header, **more}, samples)
    _leave_to_others(folder, len(content))
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            if synced:
                os.fsync(file.fileno())
        beside.rename(target)
    except OSError:
        with suppress(OSError):
            beside.unlink()  # a disk that is full shall not hold half of it
        raise
    _make_room(folder, most_mb, target)
    return target


def read(path: Path) -> Bundle:
    """A bundle that was saved. Raises InversionError for a file that is none."""
    try:
        message = wire.read_file(io.BytesIO(path.read_bytes()))
    except OSError as error:
        raise InversionError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        message = None
    if message is None or message[0].get("format") != _FORMAT:
        raise InversionError(f"{path}: must be a bundle of evidence of format {_FORMAT}")
    header, payload = message
    found = hashlib.sha256(header["configuration"].encode()).hexdigest()
    if found != header["configuration_sha256"]:
        raise InversionError(f"{path}: the configuration in it has been changed: its sha256 is {found[:16]}...")
    return Bundle(
        wire.unpack_frames(header, payload),
        header["states"],
        header["finding"],
        (Path(header["site"]), header["configuration"]),
        header["level"],
        header["fingerprint"],
    )


def replay(bundle: Bundle) -> list[str]:
    """What comes out otherwise than it did, one line each; none where it is the same to the byte.

    At whatever precision the engine has: the gateway may have chosen a cheaper one. Raises InversionError.
    """
    from inversion.app.adaptive import choice_of
    from inversion.app.configuration import load_pipeline
    from inversion.app.worker import fingerprint
    from inversion.core import to_json
    from inversion.pipeline import AssetState, advance

    with _site(bundle) as path:
        pipeline = load_pipeline(path)
    if fingerprint(pipeline.model.space) != bundle.fingerprint:
        return ["the parameters of the model are others than they were"]
    states = {asset: AssetState.from_dict(state) for asset, state in bundle.states.items()}
    best: list[str] | None = None
    for precision in choice_of(pipeline).pipelines:
        _, findings = advance(precision, states, bundle.frames)
        differences = _differences(bundle.finding, to_json(findings[-1], bundle.level))
        if best is None or len(differences) < len(best):
            best = differences
    return best or []


def _differences(before: Mapping[str, Any], now: dict[str, Any]) -> list[str]:
    if dumps(dict(before)) == dumps(now):
        return []
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [f"{name}: was {before.get(name)}, is {now.get(name)}" for name in names] or ["the order of fields"]


@contextmanager
def _site(bundle: Bundle) -> Iterator[Path]:
    """The configuration as it was, where its relative paths mean what they meant; elsewhere if that place is gone."""
    original, text = bundle.site
    folder = original.parent if original.parent.is_dir() else None
    with tempfile.NamedTemporaryFile("w", suffix=".toml", dir=folder, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield Path(file.name)


def _make_room(folder: Path, most_mb: float, newest: Path) -> None:
    """Bundles go in the order in which they were saved, which their times keep though the clock is set back."""
    older, own = [each for each in _oldest_first(folder) if each[0] != newest], newest.stat()
    before_ns = max((one.st_mtime_ns for _, one in older), default=0)
    if own.st_mtime_ns <= before_ns:
        os.utime(newest, ns=(before_ns + 1, before_ns + 1))
    _remove(older, own.st_size + sum(one.st_size for _, one in older) - most_mb * 1e6)


def _leave_to_others(folder: Path, size: int) -> None:
    """On a disk that is short of room a bundle of this size takes the room of the oldest. Raises OSError."""
    wanted = size - _BLOCK_BYTES  # one is some bytes larger than another; for that no second one goes
    if shutil.disk_usage(folder).free - size < _RESERVE_BYTES and _remove(_oldest_first(folder), wanted) < wanted:
        raise OSError(errno.ENOSPC, "what room there is on the disk is left to the journal")


def _oldest_first(folder: Path) -> list[tuple[Path, os.stat_result]]:
    return sorted(((path, path.stat()) for path in folder.glob("*.bundle")), key=lambda each: each[1].st_mtime_ns)


def _remove(oldest_first: Sequence[tuple[Path, os.stat_result]], wanted: float) -> int:
    """Bundles of so many bytes at least, as far as there are any; how many bytes they had."""
    removed = 0
    for path, one in oldest_first:
        if removed >= wanted:
            break
        path.unlink()
        removed += one.st_size
    return removed
