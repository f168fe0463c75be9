"""The last stage of a dense network: graphs, judged on windows that nothing was learnt from, and the card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.core.tangent import Linked
from inversion.engines.misfit import learn_misfit, misfit_score
from inversion.store.card import FILE, Calibration, Card, Metric, Misfit, ranges, write_card
from inversion.store.whole import whole
from inversion.training.dense import graph
from inversion.training.dense.material import Material, Work
from inversion.training.dense.stages import Answers, Network, load_network, load_teacher
from inversion.training.network import judge, quantize
from inversion.training.network.answers import run
from inversion.training.network.cost import cost
from inversion.training.network.export import Table
from inversion.training.network.judge import Bin, Told
from inversion.training.network.origin import origin_of
from inversion.training.network.ratios import ratio_rows

Array = NDArray[np.float64]

_CLEAR = float(np.arcsinh(3.0))  # of a single observable, as the engine has it
_FAR = 0.99
_BLOCKS = 300  # of windows, to say how far a ratio may be chance


def export(
    work: Work, given: Material, out: Path, timer: Callable[[], float], memory_mb: Callable[[Path], float]
) -> Table:
    """Writes `full.onnx`, `lite.onnx`, `card.toml` into `out`. timer: s; memory_mb: of a process that runs a graph."""
    networks = {"full": load_network(work, "pruned"), "lite": load_network(work, "rounded")}
    graphs = {name: graph_of(work, given, each, name == "lite") for name, each in networks.items()}
    answers = {name: run(each, given.encoded) for name, each in graphs.items()}
    calibration, misfit = _calibrated(work, given, answers["full"][0]), _misfit(work, given, answers["full"][1])
    told = _told(work, given, answers, calibration, misfit) | {
        "least_squares": _solved(given, load_teacher(work, given))
    }
    metrics, compared = _judged(work, given, told)
    out.mkdir(parents=True, exist_ok=True)
    for name, each in graphs.items():
        with whole(out / f"{name}.onnx") as partial:
            partial.write_bytes(each.SerializeToString())
    row = given.encoded[given.parts.judge[:1]]
    card = Card(
        origin_of(work.recipe, work.key, work.model, given.at.width, given.shape.observables),
        {name: hashlib.sha256((out / f"{name}.onnx").read_bytes()).hexdigest() for name in graphs},
        ranges(tuple(work.model.space)),
        calibration,
        misfit,
        tuple(metrics),
        tuple(cost(name, out, graphs[name], row, timer, memory_mb) for name in graphs),
    )
    write_card(card, out / FILE)
    return Table((*_summary(work, card, graphs), *compared), tuple(judge.misses(metrics)), card)


def graph_of(work: Work, given: Material, network: Network, integers: bool) -> onnx.ModelProto:
    """In single precision, or with integers for weights."""
    weights = {name: each.numpy() for name, each in network.weights.items()}
    shape, name = given.shape, work.recipe.network.name
    return graph.dense_graph(weights, network.fit.blocks, shape, given.scale, given.at, name, integers)


def _misfit(work: Work, given: Material, latent: Array) -> Misfit:
    """Distance from the echo, about 1 where all features agree.

    Known is what 99 of 100 windows reach in which they do. A teacher that bears what strays is followed up to what 99
    of 100 windows reach in which some do; one that does not is sure of wrong answers there, and nothing is said beyond
    twice the known.
    """
    rows = given.parts.calibrate
    strayed = given.drawn.strayed[rows]
    made = learn_misfit(latent[rows[~strayed]])
    if not strayed.any() or work.recipe.solver.loss == "gaussian":
        return made
    score = misfit_score(made)
    far = float(np.quantile([score.distance(each) for each in latent[rows[strayed]]], _FAR))
    return replace(made, threshold=max(made.threshold, far))


def _links(work: Work) -> NDArray[np.bool_]:
    """(p, d) which observables tell of each parameter that is no nuisance."""
    model, shown = work.model, [not each.nuisance for each in work.model.space]
    linked = model.links() if isinstance(model, Linked) else np.ones((len(shown), len(model.observables)), np.bool_)
    return linked[shown]


def _measured(work: Work, given: Material) -> NDArray[np.bool_]:
    """(n, p) whether an engine would take the parameter for measured, see `inversion.engines.network_reading`."""
    state, z = given.encoded[:, given.at.state] > 0, given.encoded[:, given.at.z]
    links = _links(work)
    return np.where(
        _direct(work), (state & (z >= _CLEAR)).astype(np.int64) @ links.T > 0, state.astype(np.int64) @ links.T > 0
    )


def _direct(work: Work) -> NDArray[np.bool_]:
    """(p,) whether a single observable tells of it, and the model says so."""
    direct: NDArray[np.bool_] = isinstance(work.model, Linked) & (_links(work).sum(axis=1) == 1)
    return direct


def _calibrated(work: Work, given: Material, quantiles: Array) -> Calibration:
    """Where all features agree: there the intervals are to hold; where some stray, they are widened by the misfit."""
    rows, space = given.parts.calibrate, work.model.space
    rows = rows[~given.drawn.strayed[rows]]
    shown = [not each.nuisance for each in space]
    shares = (given.drawn.theta[rows] - space.low[shown]) / (space.high - space.low)[shown]
    options, each = work.recipe, tuple((j,) for j in range(given.shape.parameters))
    return judge.calibrate(
        space, options.network.levels, quantiles[rows], given.encoded[rows], given.at, shares,
        _measured(work, given)[rows], options.judge, each, _direct(work),
    )  # fmt: skip


def _told(
    work: Work, given: Material, answers: dict[str, tuple[Array, Array]], calibration: Calibration, misfit: Misfit
) -> dict[str, Told]:
    """What findings would say of the held-out windows, withheld ones left as they are."""
    rows, levels, score = given.parts.judge, work.recipe.network.levels, misfit_score(misfit)
    return {
        name: judge.told(
            work.model.space, levels, quantiles[rows], given.encoded[rows], given.at, _measured(work, given)[rows],
            calibration, _direct(work), np.array([score.widening(score.distance(each)) for each in latent[rows]]),
        )
        for name, (quantiles, latent) in answers.items()
    }  # fmt: skip


def _solved(given: Material, solver: Answers) -> Told:
    """What least squares says of them."""
    low, high, middle, resolved = np.moveaxis(solver.told[given.parts.judge], 2, 0)
    return Told(low, high, middle, resolved > 0)


def _judged(work: Work, given: Material, told: dict[str, Told]) -> tuple[list[Metric], list[tuple[str, str]]]:
    """Rows of the card, and how the network compares with the solver that taught it."""
    rows = given.parts.judge
    truth, bins = given.drawn.theta[rows], list(_bins(work, given))
    metrics = [metric for name, each in told.items() for metric in judge.metrics(name, each, truth, bins)]
    compared: list[tuple[str, str]] = []
    block = np.arange(rows.size, dtype=np.int64) % _BLOCKS
    for names in (("full", "least_squares"), ("lite", "full")):
        ours, theirs = (told[name] for name in names)
        compared += ratio_rows(names, ours, theirs, truth, bins, block, work.recipe.network.seed)
    return metrics, compared


def _bins(work: Work, given: Material) -> Iterator[Bin]:
    """Every parameter, where all features agree by size as well, and where some stray."""
    rows = given.parts.judge
    strayed = given.drawn.strayed[rows][:, None]
    shown = [each.name for each in work.model.space if not each.nuisance]
    sizes = {f"{name}, features that agree": (j,) for j, name in enumerate(shown)}
    truth = np.where(strayed, np.nan, given.drawn.theta[rows])
    for one in judge.bins_of(work.model.space, truth, sizes):
        alone = one.name in shown
        yield one if alone else replace(one, inside=one.inside & ~strayed)
        if alone and strayed.any():
            yield Bin(one.name, one.parameter, "features that stray", one.inside & strayed)


def _summary(work: Work, card: Card, graphs: dict[str, onnx.ModelProto]) -> list[tuple[str, str]]:
    student, pruned = (load_network(work, name).weights for name in ("student", "pruned"))
    before, after = (sum(each.numel() for each in weights.values()) for weights in (student, pruned))
    full, lite = (quantize.weight_bytes(graphs[name]) for name in ("full", "lite"))
    files = {cost.network: cost.file_bytes for cost in card.cost}
    calls = {cost.network: cost.call_us for cost in card.cost}
    return [
        ("parameters", f"{before} before pruning, {after} after ({1 - after / before:.0%} less)"),
        ("weights", f"{full} bytes in fp32, {lite} as integers ({1 - lite / full:.1%} less)"),
        ("files", f"full {files['full']} bytes, lite {files['lite']}"),
        ("call", f"full {calls['full']:.0f} us, lite {calls['lite']:.0f} us"),
    ]
