"""Which shape a student should have: trials of width, depth, kernel, precision, and the Pareto front of their costs.

The time of a call is told and decides nothing: it is not the same twice, and the same seed shall give the same network.
Multiplications stand for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.training.network import judge, races
from inversion.training.network.answers import graph_of, measured, run, session_of, told_truth
from inversion.training.network.errors import TrainingError
from inversion.training.network.recipe import Fit, Search
from inversion.training.network.stages import Material, Network, Work, learn_student, ready_to_round

_CALLS = 300


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

    def cost(self, search: Search, best: float) -> float:
        """What is minimized: the score over the best one's, and time and size at their price."""
        work = search.million * self.multiplications / 1e6
        return self.score / best + work + search.kb * self.bytes / 1000


def search(work: Work, given: Material, timer: Callable[[], float]) -> tuple[Trial, ...]:
    """The Pareto front of all trials, the chosen one first; written to `search.json`. timer: s."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options = work.recipe.search
    sampler = optuna.samplers.NSGAIISampler(population_size=max(4, options.trials // 2), seed=work.recipe.network.seed)
    study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
    trained: dict[Fit, Network] = {}
    trials: list[Trial] = []

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
        score, call_us = _score(work, given, model), _call(model, given, timer)
        many = races.multiplications(network.weights)
        done = Trial(fit.channels, fit.blocks, fit.kernel, precision, score, many, call_us, size)
        trials.append(done)
        work.told("search", len(trials), options.trials, None)
        return done.score, done.multiplications, done.bytes

    study.optimize(objective, n_trials=options.trials)
    front = _front(trials)
    best = min(each.score for each in trials)
    ordered = tuple(sorted(front, key=lambda each: each.cost(options, best)))
    told = {"key": work.key, "front": [asdict(each) for each in ordered]}
    (work.folder / "search.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return ordered


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


def _score(work: Work, given: Material, model: onnx.ModelProto) -> float:
    rows = given.parts.calibrate
    encoded: NDArray[np.float32] = given.encoded[rows]
    levels = work.recipe.network.levels
    answers = judge.told(
        work.model.space, levels, run(model, encoded)[0], encoded, given.at, measured(given)[rows], None
    )
    return float(np.nanmean(judge.scores(answers, told_truth(given)[rows])[:, races.RACES :]) * 1e3)


def _call(model: onnx.ModelProto, given: Material, timer: Callable[[], float]) -> float:
    session, row = session_of(model), given.encoded[given.parts.calibrate[:1]]
    times = np.empty(_CALLS)
    for k in range(_CALLS):
        start = timer()
        session.run(None, {"features": row})
        times[k] = timer() - start
    return float(np.median(times)) * 1e6
