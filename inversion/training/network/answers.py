"""What networks answer to many windows: as graphs on onnxruntime, and the teacher as it was trained."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from inversion.core.encoding import Columns
from inversion.training.network import density, graph, race_loss, races, rounding
from inversion.training.network.stages import Material, Network, Work

Array = NDArray[np.float64]

_BATCH = 256


def graph_of(work: Work, given: Material, network: Network) -> onnx.ModelProto:
    """In single precision, or in integers where the network is rounded."""
    taught = race_loss.taught(
        given.encoded[given.parts.learn], given.at, given.truth[given.parts.learn], work.model.widest_mm * 1e-3
    )
    rows = race_loss.take(taught.rows, taught.profiles)
    with torch.no_grad():
        weights, seen = network.weights, races.as_it_is
        if network.rounding:
            weights, seen = rounding.rounded(weights), network.rounding.seen
        center = races.profile(weights, network.fit.blocks, rows.planes, rows.scalars, seen)[1].mean(dim=0)
    return graph.race_graph(
        {name: each.numpy() for name, each in network.weights.items()},
        network.fit.blocks,
        given.at,
        work.recipe.network.levels,
        center.numpy(),
        float(work.model.space.high[0]),
        work.recipe.network.name,
        network.rounding,
    )


def run(model: onnx.ModelProto, encoded: NDArray[np.float32]) -> tuple[Array, Array]:
    """(n, p, q) quantiles and (n, h) latent of all windows."""
    session = session_of(model)
    parts = [session.run(None, {"features": encoded[k : k + _BATCH]}) for k in range(0, len(encoded), _BATCH)]
    quantiles, latent = (np.concatenate([part[i] for part in parts]).astype(np.float64) for i in (0, 1))
    return quantiles, latent


def session_of(model: onnx.ModelProto) -> Any:
    """The graph, ready to run on one thread."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # must stand before the import
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def teacher_quantiles(
    teacher: race_loss.Teacher, encoded: NDArray[np.float32], given: Material, levels: torch.Tensor, hardest: float
) -> Array:
    """(n, 6, q) of the mean density of its members. hardest: SI, end of the range of impacts."""
    found = []
    with torch.no_grad():
        for k in range(0, len(encoded), _BATCH):
            rows = races.rows(torch.from_numpy(encoded[k : k + _BATCH]), given.at)
            answers = [races.answer(each, teacher.fit, rows) for each in teacher.members]
            widths = density.quantiles(density.pooled([each.logits for each in answers]), levels)
            ratios = torch.stack([each.ratios for each in answers]).mean(dim=0)
            impacts = (ratios * rows.level[:, None] / hardest).clamp(0, 1)
            shape = (-1, races.RACES, levels.numel())
            found.append(torch.cat([impacts.reshape(shape), widths.reshape(shape)], dim=1).numpy().astype(np.float64))
    return np.concatenate(found)


def teachers(work: Work, given: Material, teacher: race_loss.Teacher) -> Array:
    """Of all windows."""
    return teacher_quantiles(teacher, given.encoded, given, work.levels, float(work.model.space.high[0]))


def told_truth(given: Material) -> Array:
    """(n, 6) SI, NaN also for widths of which no profile tells: their answer is the prior, whatever the network."""
    state = given.encoded[:, given.at.state][:, races.RACES :].reshape(len(given.encoded), races.RACES, -1)
    truth = given.truth.copy()
    truth[:, races.RACES :][~np.any(state != 0, axis=2)] = np.nan
    return truth


def measured(given: Material) -> NDArray[np.bool_]:
    """(n, 6) whether an impact, or any cell of a profile, lies above its limit of detection."""
    return measured_in(given.encoded, given.at)


def measured_in(encoded: NDArray[np.float32], at: Columns) -> NDArray[np.bool_]:
    """The same of any encoded windows."""
    state = encoded[:, at.state]
    profiles = state[:, races.RACES :].reshape(len(state), races.RACES, -1)
    return np.concatenate([state[:, : races.RACES] > 0, np.any(profiles > 0, axis=2)], axis=1)
