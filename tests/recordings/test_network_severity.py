"""A network of a machine's own severity model, trained from healthy snapshots alone, alarms as least squares does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from test_empirical_models import alarms, folder, site  # noqa: F401

from benchmarks import labels
from inversion.app.batch.asset import recording_source
from inversion.app.calibrate import run_calibration
from inversion.app.configuration import load_pipeline
from inversion.app.train import run_training
from inversion.core import ModelError
from inversion.engines.network import Network
from inversion.forward.empirical import Empirical

pytestmark = [pytest.mark.recordings, pytest.mark.timeout(600)]

RECIPE = Path(__file__).parents[2] / "configs" / "train" / "femto.toml"
RUNS = ("Bearing1_1", "Bearing1_2", "Bearing2_1", "Bearing2_2")


@pytest.fixture(scope="module", params=RUNS)
def run(request, data, folder) -> tuple[str, Path, Path]:  # noqa: F811
    """A run, its site with least squares, and the same site with a network trained by the shipped recipe."""
    pytest.importorskip("torch", reason="needs the extra `train`")
    name = request.param
    by_solver = site(data, folder, "femto", name)
    model = folder / f"femto_{name}.npz"
    run_calibration(by_solver, labels.femto(data, folder, name), model)
    recipe = folder / f"recipe_{name}.toml"
    recipe.write_text(RECIPE.read_text(encoding="utf-8").replace("../../var/femto.npz", str(model)), encoding="utf-8")
    network = folder / f"{name}_v1"
    run_training(recipe, folder / f"work_{name}", network, None)
    engine = f'[engine]\nuse = "network"\nnetwork = "{network}"\n'
    text = re.sub(r"\[engine\]\n.*?(?=\n\[)", engine, by_solver.read_text(encoding="utf-8"), flags=re.DOTALL)
    by_network = folder / f"network_{name}.toml"
    by_network.write_text(text, encoding="utf-8")
    return name, by_solver, by_network


def test_a_bearing_is_alarmed_before_its_end_and_not_in_its_first_fifth(run):
    name, _, by_network = run
    active = alarms(by_network)[name]
    assert any(active[:-1])
    assert not any(active[: -(-len(active) // 5)])


def test_the_alarm_comes_when_that_of_least_squares_does(run):
    name, by_solver, by_network = run
    ours, theirs = (np.argmax(alarms(path)[name]) for path in (by_network, by_solver))
    assert abs(ours - theirs) <= 1  # snapshot


def test_the_answers_are_those_of_least_squares(run):
    """Where both resolve a rise, medians agree to a tenth of an interval; and few windows are told apart."""
    _, by_solver, by_network = run
    source = recording_source(by_solver)
    frames = [frame for path in source.paths() for frame in source.read(path)]
    solver, network = (load_pipeline(path) for path in (by_solver, by_network))
    features = solver.model.observe(frames)
    theirs, ours = (each.inverter.invert(features) for each in (solver, network))
    both = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.resolvable("rise") and b.resolvable("rise")]
    assert len(both) >= 5
    apart = [abs(a.value("rise") - b.value("rise")) / np.ptp(b.interval("rise")) for a, b in both]
    assert np.median(apart) < 0.05
    assert max(apart) < 0.3
    told_apart = sum(a.resolvable("rise") != b.resolvable("rise") for a, b in zip(ours, theirs, strict=True))
    assert told_apart <= 0.1 * len(frames)


def test_the_network_of_another_run_is_refused(run, folder):  # noqa: F811
    name, _, _ = run
    others = [other for other in RUNS if other != name and (folder / f"femto_{other}.npz").exists()]
    for other in others:
        with pytest.raises(ModelError, match="trained anew"):
            Network(folder / f"{name}_v1").bind(Empirical(folder / f"femto_{other}.npz"))
