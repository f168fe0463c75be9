"""`inversion calibrate`: an empirical model fitted to labelled recordings of the user's own machine."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from inversion.app.batch.asset import recording_source
from inversion.app.calibrate_page import calibration_page
from inversion.app.configuration import load_calibration
from inversion.app.labelled_windows import measure_labelled
from inversion.app.report import require_plotly
from inversion.app.truth import read_truth
from inversion.core import Engine, InversionError, ParameterSpace
from inversion.engines.least_squares import LeastSquares
from inversion.forward.empirical import Empirical
from inversion.store.empirical import save
from inversion.store.whole import whole
from inversion.training.fitting import fit, widened
from inversion.training.labelled import Labelled
from inversion.training.leave_out import LeftOut, Score, invert, leave_groups_out, scores, widening

Array = NDArray[np.float64]

#: Windows that are inverted to judge a model, spread over all; more would only take longer.
JUDGED = 120


@dataclass(frozen=True)
class Calibrated:
    """What `calibrate` found.

    unusable: labelled windows in which nothing could be measured; widened: factor on all intervals
    left_out: scores where each group was left out; put_aside: of windows not learnt from; reasons: why, how many
    """

    model: Path
    fingerprint: str
    windows: int
    groups: int
    unusable: int
    widened: float
    left_out: tuple[Score, ...]
    put_aside: tuple[Score, ...]
    reasons: dict[str, int]
    page: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **asdict(self),
            "model": str(self.model),
            "page": None if self.page is None else str(self.page),
            "left_out": [asdict(score) for score in self.left_out],
            "put_aside": [asdict(score) for score in self.put_aside],
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.model}: {self.windows} windows in {self.groups} groups, fingerprint {self.fingerprint}"]
        if self.unusable:
            told.append(f"{self.unusable} labelled windows could not be used")
        told += [f"not learnt from: {count} windows, {reason}" for reason, count in self.reasons.items()]
        if self.left_out:
            told.append(f"intervals widened by {self.widened:.2f}, so that they hold the truth of left-out groups")
        told += [f"left-out groups: {_told(score)}" for score in self.left_out]
        told += [f"not learnt from: {_told(score)}" for score in self.put_aside]
        told += [] if self.page is None else [f"{self.page}: left-out estimates and features, drawn"]
        return told


def _told(score: Score) -> str:
    unit = "" if score.unit == "1" else f" {score.unit}"
    return (
        f"{score.name}: RMSE {score.rmse:.3g}{unit}, bias {score.bias:+.2g}{unit}, 90 % interval holds the truth in "
        f"{score.covered:.0%} of {score.windows} windows, width {score.width:.2f} of the prior's, "
        f"not resolvable {score.unresolved:.0%}"
    )


def run_calibration(
    site: Path, truth: Path, out: Path, *, page: bool = False, judged: int = JUDGED, console: Console | None = None
) -> Calibrated:
    """Fits the model that the site's `[calibration]` describes and writes it to `out`, whole or not at all.

    Each group is left out in turn: the error there is told, and all intervals are widened until 90 % hold the truth.
    page: also an HTML page beside it that draws this; judged: windows that are inverted to tell
    Raises ConfigurationError for a wrong site or table, CalibrationError for windows that cannot teach,
    ReportUnavailable for a page without plotly.
    """
    if page:
        require_plotly()
    console = console or Console(stderr=True)
    calibration, engine = load_calibration(site)
    freedom = engine.freedom if isinstance(engine, LeastSquares) and engine.loss == "student" else np.inf
    space = ParameterSpace(tuple(target.parameter for target in calibration.parameter))
    table = read_truth(truth, space.parameters)
    source = recording_source(site)
    with _bar(console, "reading recordings", len(table.files)) as done:
        measured = measure_labelled(site, source, table, calibration, done)
    labelled = measured.learnt
    model = fit(labelled, calibration, freedom)
    factor, wider = 1.0, np.ones(0)
    found: LeftOut | None = None
    left_out: tuple[Score, ...] = ()
    if not calibration.baseline:
        groups = int(np.unique(labelled.group).size)
        with tempfile.TemporaryDirectory() as scratch, _bar(console, "leaving groups out", groups) as done:
            found = leave_groups_out(labelled, calibration, engine, freedom, Path(scratch), judged, done)
        factor, wider, left_out = _judged(found, labelled)
        model = widened(model, factor)
    try:
        save(model, out)
    except OSError as error:
        raise InversionError(f"cannot write {out}: {error.strerror or error}") from error
    aside = measured.aside
    put_aside = _put_aside(out, engine, aside, judged) if len(aside) and not calibration.baseline else ()
    made = Calibrated(
        out,
        model.fingerprint,
        len(labelled),
        len(model.groups),
        measured.unusable,
        factor,
        left_out,
        put_aside,
        dict(Counter(measured.reasons)),
    )
    if not page:
        return made
    drawn = calibration_page(site.stem, made.lines(), model, labelled, found, wider)
    return replace(made, page=_written(out.with_suffix(".html"), drawn))


def _written(path: Path, text: str) -> Path:
    try:
        with whole(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InversionError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _judged(found: LeftOut, labelled: Labelled) -> tuple[float, Array, tuple[Score, ...]]:
    """The factor on all intervals; (k,) factors of each estimate, from the other groups alone, and its scores."""
    theta, group = labelled.theta[found.rows], labelled.group[found.rows]
    wider = {name: widening(found.estimates, theta, group, name) for name in np.unique(group)}
    own = np.array([wider[name] for name in group])
    return widening(found.estimates, theta, group), own, tuple(scores(found.estimates, theta, own))


def _put_aside(out: Path, engine: Engine, aside: Labelled, judged: int) -> tuple[Score, ...]:
    chosen = aside.take(np.arange(0, len(aside), -(-len(aside) // judged)))
    return tuple(scores(invert(Empirical(out), engine, chosen), chosen.theta))


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress on a terminal; silence elsewhere."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda finished: bar.update(task, completed=finished)
