"""What distillation and compression cost and saved, as rows for people."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from inversion.store.card import Card
from inversion.training.network import judge, quantize, race_loss, races
from inversion.training.network.answers import graph_of, measured, run, told_truth
from inversion.training.network.stages import Material, Network, Work, load_network

Array = NDArray[np.float64]


def summary(
    work: Work, given: Material, card: Card, graphs: dict[str, onnx.ModelProto], teacher: race_loss.Teacher
) -> list[tuple[str, str]]:
    """What, and how much of it."""
    student, pruned = load_network(work, "student"), load_network(work, "pruned")
    sizes = [races.parameter_count(each) for each in teacher.members]
    small, smaller = races.parameter_count(student.weights), races.parameter_count(pruned.weights)
    work_before, work_after = (races.multiplications(each.weights) for each in (student, pruned))
    full, lite = (quantize.weight_bytes(graphs[name]) for name in ("full", "lite"))
    before, after = (_mean_score(work, given, each) for each in (student, pruned))
    half = quantize.half_precision(graphs["full"])
    halved = _mean_score_of(work, given, run(half, given.encoded[given.parts.judge])[0])
    files = {cost.network: cost.file_bytes for cost in card.cost}
    calls = {cost.network: cost.call_us for cost in card.cost}
    return [
        ("parameters, teacher", f"{sum(sizes)} in {len(sizes)} members"),
        ("parameters, student", f"{small} ({sum(sizes) / small:.1f} times fewer)"),
        ("parameters, pruned", f"{smaller} ({sum(sizes) / smaller:.1f} times fewer)"),
        (
            "multiplications of a race",
            f"{work_before} before pruning, {work_after} after ({1 - work_after / work_before:.0%} less)",
        ),
        ("interval score of widths", f"{before:.3f} mm before pruning, {after:.3f} after ({after / before - 1:+.1%})"),
        ("weights", f"{full} bytes in fp32, {lite} in int8 ({1 - lite / full:.1%} less)"),
        ("files", f"full {files['full']} bytes, lite {files['lite']}, fp16 {len(half.SerializeToString())}"),
        ("interval score of widths, fp16", f"{halved / after - 1:+.2%} against fp32"),
        ("call", f"full {calls['full']:.0f} us, lite {calls['lite']:.0f} us"),
    ]


def _mean_score(work: Work, given: Material, network: Network) -> float:
    return _mean_score_of(work, given, run(graph_of(work, given, network), given.encoded[given.parts.judge])[0])


def _mean_score_of(work: Work, given: Material, quantiles: Array) -> float:
    """Of the widths, mm, without calibration."""
    rows = given.parts.judge
    levels, seen = work.recipe.network.levels, measured(given)[rows]
    answers = judge.told(work.model.space, levels, quantiles, given.encoded[rows], given.at, seen, None)
    return float(np.nanmean(judge.scores(answers, told_truth(given)[rows])[:, 3:]) * 1e3)
