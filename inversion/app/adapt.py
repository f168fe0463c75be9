"""`inversion adapt`: a shipped network fitted on to the labelled recordings of one site, or the reason why not."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inversion.app.batch.asset import recording_source
from inversion.app.configuration import load_pipeline
from inversion.app.labelled_windows import recordings
from inversion.app.train import in_one_line, refuse_unwritable, require_torch
from inversion.app.truth import TrueWindow, Truth, read_truth
from inversion.core import ConfigurationError, ForwardModel, InversionError
from inversion.core.encoding import Columns, columns, encode, floor_shares
from inversion.forward.rolling_bearing import RollingBearing
from inversion.store.card import FILE, Metric, count_conditions, write_card
from inversion.store.network import check_fits, load_card, load_graph, network_folder
from sensors import Frame, Quality, SensorError
from sensors.recording import RecordingSource

if TYPE_CHECKING:
    from inversion.training.network.adapt import Adapted, Site
    from inversion.training.network.recipe import Fit

Array = NDArray[np.float64]

_SEED = 1


@dataclass(frozen=True)
class Told:
    """Where the network is, and loss by left-out group, shipped and adapted; unusable: why windows were not used."""

    out: Path
    windows: int
    groups: tuple[tuple[str, float, float], ...]
    unusable: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        groups = [{"group": name, "shipped": before, "adapted": after} for name, before, after in self.groups]
        return {"out": str(self.out), "windows": self.windows, "groups": groups, "unusable": self.unusable}

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.out}: adapted to {self.windows} windows in {len(self.groups)} groups"]
        told += [f"not used: {count} windows, {reason}" for reason, count in self.unusable.items()]
        return [*told, *(f"left out {name}: loss {a:.3f} as shipped, {b:.3f} adapted" for name, a, b in self.groups)]


def run_adaptation(site: Path, truth: Path, network: Path, out: Path) -> Told:
    """Writes the adapted network into `out`. network: a folder, or the name of a shipped one.

    Raises ConfigurationError for a wrong site, table or network, TrainingError where it would not help, InversionError
    where it cannot be written.
    """
    refuse_unwritable(out)
    model, source = load_pipeline(site).model, recording_source(site)
    if not isinstance(model, RollingBearing):
        raise ConfigurationError(
            f"{site}: forward: networks of rolling_bearing are adapted, found {type(model).__name__}; "
            "that of a fitted model is trained anew by `inversion train`"
        )
    try:
        folder = network_folder(network)
    except ValueError as problem:
        raise ConfigurationError(str(problem)) from problem
    card = load_card(folder)
    check_fits(folder, card, model)
    stored = load_graph(folder, card, "full")
    if out.exists() and any(out.iterdir()):
        raise InversionError(f"{out}: is not empty; choose another folder")
    table = read_truth(truth, [each for each in model.space if not each.nuisance])
    require_torch()
    from inversion.training.network import adapt

    measured, at, unusable = _measured(model, source, table)
    weights, fit, center = adapt.read_weights(stored.data)
    widest = float(model.space.high[3])
    made = adapt.adapted(weights, fit, measured, at, card.network.levels, widest, _SEED, lambda _: None)
    with in_one_line(site, out):
        _write(out, folder, model, measured, at, made, fit, center)
    return Told(out, len(measured.encoded), made.groups, unusable)


def _measured(model: RollingBearing, source: RecordingSource, table: Truth) -> tuple[Site, Columns, dict[str, int]]:
    from inversion.training.network.adapt import Site

    names = [each.name for each in model.space if not each.nuisance]
    encoded, truth, group, unusable = [], [], [], Counter[str]()
    for frame, row in _labelled(source, table):
        features = model.observe([frame])
        if features.quality[0] is Quality.BAD or row.leave_out:
            unusable[row.leave_out or features.reasons[0]] += 1
            continue
        encoded.append(encode(features, floor_shares(model.space, _floor(model, features.conditions[0])[None])))
        truth.append([row.values.get(name, np.nan) for name in names])
        group.append(row.group)
    if not encoded:
        raise InversionError(f"{table.path}: no usable window among those labelled")
    at = columns(len(model.observables), len(model.space), count_conditions(model))
    return Site(np.concatenate(encoded), np.array(truth), np.array(group, dtype=np.str_)), at, dict(unusable)


def _floor(model: ForwardModel, conditions: Array) -> Array:
    return model.floor(conditions) if np.all(np.isfinite(conditions)) else np.zeros(len(model.space))


def _labelled(source: RecordingSource, table: Truth) -> Iterator[tuple[Frame, TrueWindow]]:
    for path in recordings(source, table):
        labels = table.of(path.name)
        try:
            frames = source.read(path)
        except SensorError as problem:
            raise InversionError(str(problem)) from problem
        for frame in frames:
            found = labels.get(frame.position, labels.get(None))
            if found is not None:
                yield frame, found


def _write(
    out: Path, folder: Path, model: RollingBearing, measured: Site, at: Columns, made: Adapted, fit: Fit, center: Array
) -> None:
    """Graphs and card, beside the final name first. The calibration stays the shipped one; the card says so."""
    import onnx

    from inversion.training.network.adapt import graphs_of, not_narrower
    from inversion.training.network.answers import measured_in, run

    card = load_card(folder)
    hardest, name = float(model.space.high[0]), f"{card.network.name}_adapted"
    graphs = graphs_of(made, fit, measured, at, card.network.levels, center, hardest, name)
    shipped = onnx.load_model_from_string(load_graph(folder, card, "full").data)
    before, after = (run(each, measured.encoded)[0] for each in (shipped, graphs["full"]))
    calibration = not_narrower(card.calibration, before, after, card.network.levels, measured_in(measured.encoded, at))
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for precision, graph in graphs.items():
        (partial / f"{precision}.onnx").write_bytes(graph.SerializeToString())
    failures = (
        *card.network.failures,
        f"adapted to {len(measured.encoded)} windows of one site: how often its intervals hold the truth was measured "
        "on the network that it comes from, and they are as wide as that one's",
    )
    origin = replace(card.network, name=name, failures=failures)
    sha256 = {each: hashlib.sha256((partial / f"{each}.onnx").read_bytes()).hexdigest() for each in graphs}
    no_metric: tuple[Metric, ...] = ()
    changed = replace(card, network=origin, sha256=sha256, metric=no_metric, calibration=calibration)
    write_card(changed, partial / FILE)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rmdir()
    partial.replace(out)
