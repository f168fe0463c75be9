"""The last stage: graphs, judged on machines that nothing was learnt from, and the card that says how good they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.engines.least_squares import LeastSquares
from inversion.engines.misfit import learn_misfit
from inversion.store.card import FILE, Calibration, Card, Metric, ranges, write_card
from inversion.store.whole import whole
from inversion.training.network import judge, races
from inversion.training.network.answers import graph_of, measured, run, teachers, told_truth
from inversion.training.network.cost import cost
from inversion.training.network.judge import Told
from inversion.training.network.origin import origin_of
from inversion.training.network.ratios import ratio_rows
from inversion.training.network.stages import Material, Work, load_network, load_teacher
from inversion.training.network.summary import summary
from inversion.training.network.windows import bearing_of

Array = NDArray[np.float64]

ALIKE = {"impact, any race": (0, 1, 2), "spall, any race": (3, 4, 5)}  # races share their weights
DIRECT = np.arange(2 * races.RACES) < races.RACES  # an impact has one observable


@dataclass(frozen=True)
class Table:
    """What distillation and compression cost and saved. rows: (what, value) each; gate: bins in which lite fails."""

    rows: tuple[tuple[str, str], ...]
    gate: tuple[str, ...]
    card: Card


def export(
    work: Work, given: Material, out: Path, timer: Callable[[], float], memory_mb: Callable[[Path], float]
) -> Table:
    """Writes `full.onnx`, `lite.onnx`, `card.toml` into `out`. timer: s; memory_mb: of a process that runs a graph."""
    shipped, teacher = load_network(work, "pruned"), load_teacher(work)
    graphs = {"full": graph_of(work, given, shipped), "lite": graph_of(work, given, load_network(work, "rounded"))}
    answers = {name: run(each, given.encoded) for name, each in graphs.items()}
    row = _with_a_profile(given)
    quantiles = {name: each[0] for name, each in answers.items()} | {"teacher": teachers(work, given, teacher)}
    calibrations = {name: _calibrated(work, given, each) for name, each in quantiles.items() if name != "lite"}
    calibrations["lite"] = calibrations["full"]
    metrics, compared = _judged(work, given, quantiles, calibrations)
    out.mkdir(parents=True, exist_ok=True)
    for name, each in graphs.items():
        with whole(out / f"{name}.onnx") as partial:
            partial.write_bytes(each.SerializeToString())
    costs = tuple(cost(name, out, graphs[name], row, timer, memory_mb) for name in graphs)
    card = Card(
        origin_of(work.recipe, work.key, work.model, given.at.width, shipped.fit.hidden),
        {name: hashlib.sha256((out / f"{name}.onnx").read_bytes()).hexdigest() for name in graphs},
        ranges(tuple(work.model.space)),
        calibrations["full"],
        learn_misfit(_known(answers["full"][1][given.parts.calibrate])),
        tuple(metrics),
        costs,
    )
    write_card(card, out / FILE)
    return Table((*summary(work, given, card, graphs, teacher), *compared), tuple(judge.misses(metrics)), card)


def _calibrated(work: Work, given: Material, quantiles: Array) -> Calibration:
    rows, space = given.parts.calibrate, work.model.space
    shown = [not each.nuisance for each in space]
    shares = (told_truth(given)[rows] - space.low[shown]) / (space.high - space.low)[shown]
    levels, options = work.recipe.network.levels, work.recipe.judge
    seen, encoded = measured(given)[rows], given.encoded[rows]
    return judge.calibrate(
        space, levels, quantiles[rows], encoded, given.at, shares, seen, options, tuple(ALIKE.values()), DIRECT
    )


def _judged(
    work: Work, given: Material, quantiles: dict[str, Array], calibrations: dict[str, Calibration]
) -> tuple[list[Metric], list[tuple[str, str]]]:
    """Rows of the card, and how the student compares with its teacher."""
    rows, space = given.parts.judge, work.model.space
    truth, levels = told_truth(given)[rows], work.recipe.network.levels
    bins = judge.bins_of(space, truth, ALIKE)
    answers = {
        name: judge.told(
            space, levels, each[rows], given.encoded[rows], given.at, measured(given)[rows], calibrations[name], DIRECT
        )
        for name, each in quantiles.items()
    }
    metrics = [metric for name, each in answers.items() for metric in judge.metrics(name, each, truth, bins)]
    together = [one for one in bins if one.name in ALIKE]
    some, solver, own = _against_solver(work, given, answers)
    compared = _compared(work, given, answers, np.arange(rows.size), together)
    return [*metrics, *solver], [*compared, *_compared(work, given, answers, some, own)]


def _compared(
    work: Work, given: Material, answers: dict[str, Told], some: NDArray[np.intp], bins: list[judge.Bin]
) -> list[tuple[str, str]]:
    """Full over its teacher, and lite over full, in some of the held-out windows."""
    rows = given.parts.judge[some]
    truth, machine, seed = told_truth(given)[rows], given.windows.machine[rows], work.recipe.network.seed
    found: list[tuple[str, str]] = []
    for names in (("full", "teacher"), ("lite", "full")):
        ours, theirs = (answers[each].take(some) for each in names)
        found += ratio_rows(names, ours, theirs, truth, bins, machine, seed)
    return found


def _against_solver(
    work: Work, given: Material, answers: dict[str, Told]
) -> tuple[NDArray[np.intp], list[Metric], list[judge.Bin]]:
    """Least squares on some of the held-out windows that hold a profile, and the networks on the same ones.

    Which, rows of the card, and the bins of them.
    """
    rows = given.parts.judge
    truth = told_truth(given)[rows]
    chosen = np.flatnonzero(np.any(np.isfinite(truth[:, races.RACES :]), axis=1))[: work.recipe.judge.solver_windows]
    if not chosen.size:
        return chosen, [], []
    solved = []
    for done, k in enumerate(chosen):
        one = given.windows.take(rows[k : k + 1])
        model = bearing_of(work.model, one.geometry[0])
        estimate = LeastSquares().bind(model).invert(one.features)[0]
        names = [each.name for each in model.space if not each.nuisance]
        solved.append([(*estimate.interval(n), estimate.value(n), float(estimate.resolvable(n))) for n in names])
        work.told("export", done + 1, chosen.size, None)
    numbers = np.array(solved)
    own = Told(numbers[..., 0], numbers[..., 1], numbers[..., 2], numbers[..., 3] > 0)
    shown = [each for each in work.model.space if not each.nuisance]
    bins = [
        judge.Bin(name, shown[group[0]], words, np.isin(np.arange(len(shown)), group) & (own.resolved == flag))
        for name, group in ALIKE.items()
        for words, flag in (("least_squares resolves", True), ("least_squares does not", False))
    ]
    told = {"least_squares": own} | {name: each.take(chosen) for name, each in answers.items()}
    rows_of_card = [row for name, each in told.items() for row in judge.metrics(name, each, truth[chosen], bins)]
    return chosen, rows_of_card, bins


def _with_a_profile(given: Material) -> NDArray[np.float32]:
    """(1, k) the first held-out window that goes through all layers, for what a call costs; any where none does."""
    rows = given.parts.judge
    profile = given.encoded[rows][:, given.at.state][:, races.RACES :]
    first = int(np.argmax(np.any(profile != 0, axis=1)))
    return given.encoded[rows[first : first + 1]]


def _known(latent: Array) -> Array:
    """Without the windows that hold no profile: their latent is zero, the mean of all others."""
    return latent[np.any(latent != 0, axis=1)]


def table_lines(table: Table) -> list[str]:
    """For people."""
    told = [f"{what}: {value}" for what, value in table.rows]
    told += [f"{'lite' if i == 0 else '    '} misses its gate: {line}" for i, line in enumerate(table.gate)]
    return told


def as_dict(table: Table) -> dict[str, Any]:
    """As JSON has it."""
    return {"table": dict(table.rows), "gate": list(table.gate), "network": table.card.title}
