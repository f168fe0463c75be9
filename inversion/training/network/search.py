"""Which shape a student should have: trials of width, depth, kernel, precision, and the Pareto front of their costs.

The time of a call is told and decides nothing: it is not the same twice, and the same seed shall give the same network.
Multiplications stand for it. Another shape than the recipe's is chosen only where it is better by more than chance:
else the last bits of the windows would choose.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.training.network import judge, races
from inversion.training.network.answers import graph_of, measured, run, session_of, told_truth
from inversion.training.network.errors import TrainingError
from inversion.training.network.ratios import ratio
from inversion.training.network.recipe import Fit, Search
from inversion.training.network.stages import Material, Network, Work, learn_student, ready_to_round

_CALLS = 300
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One shape.

    score: mean interval score of the widths on windows to calibrate by, mm; multiplications: of a race
    call_us: median of a call; bytes: file
    """

    channels: int
    blocks: int
    kernel: int
    precision: str
    score: float
    multiplications: int
    call_us: float
    bytes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, blocks, kernel."""
        return self.channels, self.blocks, self.kernel

    def cost(self, search: Search, best: float) -> float:
        """What is minimized: the score over the best one's, and time and size at their price."""
        work = search.million * self.multiplications / 1e6
        return self.score / best + work + search.kb * self.bytes / 1000


def search(work: Work, given: Material, timer: Callable[[], float]) -> tuple[Trial, ...]:
    """The chosen trial, and the others of the Pareto front of all; written to `search.json`. timer: s."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options = work.recipe.search
    sampler = optuna.samplers.NSGAIISampler(population_size=max(4, options.trials // 2), seed=work.recipe.network.seed)
    study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
    trained: dict[Fit, Network] = {}
    judged: list[tuple[Trial, Array]] = []
    own = work.recipe.student.channels, work.recipe.student.blocks, work.recipe.student.kernel
    if _within(own, options):
        names = ("channels", "blocks", "kernel", "precision")
        study.enqueue_trial(dict(zip(names, (*own, "full"), strict=True)))

    def objective(trial: optuna.Trial) -> tuple[float, float, float]:
        fit = replace(
            work.recipe.student,
            channels=trial.suggest_int("channels", *options.channels, step=8),
            blocks=trial.suggest_int("blocks", *options.blocks),
            kernel=trial.suggest_categorical("kernel", options.kernels),
            epochs=options.epochs,
        )
        precision = trial.suggest_categorical("precision", ("full", "lite"))
        if fit not in trained:
            name = f"search_{fit.channels}_{fit.blocks}_{fit.kernel}"
            trained[fit] = learn_student(work, given, name, fit)
        network = trained[fit] if precision == "full" else ready_to_round(work, given, trained[fit])
        model = graph_of(work, given, network)
        size = len(model.SerializeToString())
        told, call_us = _scores(work, given, model), _call(model, given, timer)
        many = races.multiplications(network.weights)
        done = Trial(fit.channels, fit.blocks, fit.kernel, precision, float(told.mean()), many, call_us, size)
        judged.append((done, told))
        work.told("search", len(judged), options.trials, None)
        return done.score, done.multiplications, done.bytes

    study.optimize(objective, n_trials=options.trials)
    ordered = in_order(judged, own, _machines(given), options, work.recipe.network.seed)
    told = {"key": work.key, "front": [asdict(each) for each in ordered]}
    (work.folder / "search.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return tuple(ordered)


def in_order(
    judged: Sequence[tuple[Trial, Array]],
    own: tuple[int, int, int],
    machine: NDArray[np.int64],
    options: Search,
    seed: int,
) -> list[Trial]:
    """The Pareto front by what each trial costs, the chosen one first, were it that of the recipe and not in the front.

    judged: trials with their (m,) scores on the windows of `machine` (m,); own: the recipe's shape, which is chosen
    unless the best costs less in 19 of 20 draws of the machines
    """
    best = min(each.score for each, _ in judged)
    ordered = sorted(_front([each for each, _ in judged]), key=lambda each: each.cost(options, best))
    first, ours = ordered[0], [(each, told) for each, told in judged if each.shape == own]
    if not ours or first.shape == own:
        return ordered
    mine, known = min(ours, key=lambda each: each[0].cost(options, best))
    _, _, most = ratio(next(told for each, told in judged if each is first), known, machine, seed)
    if replace(first, score=most * mine.score).cost(options, best) < mine.cost(options, best):
        return ordered
    return [mine, *(each for each in ordered if each is not mine)]


def chosen(work: Work) -> Fit:
    """The student's shape: the recipe's, or what the search chose. Raises TrainingError where it has not run."""
    fit, path = work.recipe.student, work.folder / "search.json"
    if not work.recipe.search.trials:
        return fit
    if not path.exists():
        raise TrainingError(f"{path}: not searched yet, run the stage search")
    told = json.loads(path.read_text(encoding="utf-8"))
    if told["key"] != work.key:
        raise TrainingError(f"{path}: searched by another recipe; remove it or train into another folder")
    first = told["front"][0]
    return replace(fit, channels=first["channels"], blocks=first["blocks"], kernel=first["kernel"])


def front_lines(trials: tuple[Trial, ...]) -> list[str]:
    """For people."""
    told = ["Pareto front: channels, blocks, kernel, precision; interval score of widths, multiplications, call, file"]
    for i, each in enumerate(trials):
        shape = f"{each.channels:>3} {each.blocks} {each.kernel} {each.precision}"
        mark = "  <- chosen" if i == 0 else ""
        many = f"{each.multiplications / 1e6:.2f} million"
        told.append(f"  {shape}: {each.score:.3f} mm, {many}, {each.call_us:.0f} us, {each.bytes / 1000:.0f} kB{mark}")
    return told


def _front(trials: list[Trial]) -> list[Trial]:
    """Those that no other beats in everything."""
    points = [(each.score, each.multiplications, each.bytes) for each in trials]
    return [
        each
        for each, own in zip(trials, points, strict=True)
        if not any(other != own and all(a <= b for a, b in zip(other, own, strict=True)) for other in points)
    ]


def _within(shape: tuple[int, int, int], options: Search) -> bool:
    """Whether a trial could have this shape."""
    channels, blocks, kernel = shape
    low, high = options.channels
    some = low <= channels <= high and (channels - low) % 8 == 0
    return some and options.blocks[0] <= blocks <= options.blocks[1] and kernel in options.kernels


def _scores(work: Work, given: Material, model: onnx.ModelProto) -> Array:
    """(m,) interval scores of all widths that are known of the windows to calibrate by, mm."""
    rows = given.parts.calibrate
    encoded: NDArray[np.float32] = given.encoded[rows]
    levels = work.recipe.network.levels
    answers = judge.told(
        work.model.space, levels, run(model, encoded)[0], encoded, given.at, measured(given)[rows], None
    )
    scores = judge.scores(answers, told_truth(given)[rows])[:, races.RACES :] * 1e3
    known: Array = scores[np.isfinite(scores)]
    return known


def _machines(given: Material) -> NDArray[np.int64]:
    """(m,) machine of each of `_scores`."""
    rows = given.parts.calibrate
    known = np.isfinite(told_truth(given)[rows][:, races.RACES :])
    return given.windows.machine[rows][np.nonzero(known)[0]]


def _call(model: onnx.ModelProto, given: Material, timer: Callable[[], float]) -> float:
    session, row = session_of(model), given.encoded[given.parts.calibrate[:1]]
    times = np.empty(_CALLS)
    for k in range(_CALLS):
        start = timer()
        session.run(None, {"features": row})
        times[k] = timer() - start
    return float(np.median(times)) * 1e6
