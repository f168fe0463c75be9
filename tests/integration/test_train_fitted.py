"""`inversion train` for one machine's fitted model: a network that the engine loads, and for no other machine."""

import json
from pathlib import Path

import numpy as np
import pytest
from fitted_machine import fitted_machine
from interrupting import interrupted
from typer.testing import CliRunner

from inversion.app.cli import application
from inversion.app.train import load_recipe
from inversion.core import Features, InversionError, ModelError
from inversion.engines.checked import Checked
from inversion.engines.least_squares import LeastSquares
from inversion.engines.network import Network
from inversion.store.card import read_card
from sensors import Quality

RECIPE = """
[network]
name = "pump"
kind = "dense"

[forward]
use = "empirical"
model = "pump.npz"

[data]
windows = 3000
shard = 1000

[student]
channels = 24
blocks = 2
hidden = 12
epochs = 12
rate = 1e-2

[compress]
epochs = 2
rounding_epochs = 1
"""


def train(*arguments):
    return CliRunner().invoke(application(), ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder, with what was told."""
    pytest.importorskip("torch", reason="needs the extra `train`")
    folder = tmp_path_factory.mktemp("fitted")
    fitted_machine(folder / "pump.npz")
    (folder / "pump.toml").write_text(RECIPE, encoding="utf-8")
    done = train(folder / "pump.toml", "--work", folder / "work", "--out", folder / "pump_v1", "--json")
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout.splitlines()[-1])


def windows(model, values):
    """Features with these whitened values."""
    values = np.asarray(values, dtype=np.float64)
    n, d = values.shape
    std, seen = np.tile(model.least, (n, 1)), np.full((n, 1), 2.0**d - 1)
    return Features(values, std, np.full((n, d), -np.inf), seen, (Quality.GOOD,) * n, ("",) * n)


def test_the_network_answers_as_least_squares_does(trained):
    folder, _ = trained
    model = fitted_machine(folder / "same.npz")  # the same fit in another file
    given = windows(model, model.simulate(np.array([[0.5], [1.0], [2.5], [4.0]]), np.full((4, 1), 3.0)))
    theirs = LeastSquares(loss="student").bind(model).invert(given)
    for precision in ("full", "lite"):
        ours = Network(folder / "pump_v1", precision).bind(model).invert(given)
        for a, b in zip(ours, theirs, strict=True):
            assert a.resolvable("rise")
            assert b.resolvable("rise")
            assert abs(a.value("rise") - b.value("rise")) < np.ptp(b.interval("rise")) / 3
            assert 0.5 < np.ptp(a.interval("rise")) / np.ptp(b.interval("rise")) < 2
            assert a.fit.answered.network == "pump_v1"


def test_features_that_disagree_are_said(trained):
    folder, _ = trained
    model = fitted_machine(folder / "same.npz")
    agree = model.simulate(np.array([[1.5]]), np.array([[3.0]]))
    far = agree * [[-3.0, 1.0]]
    one, other = Network(folder / "pump_v1").bind(model).invert(windows(model, np.concatenate([agree, far])))
    assert one.fit.quality is Quality.GOOD
    assert other.fit.quality > Quality.GOOD
    assert other.fit.reduced_chi2 > 5 * one.fit.reduced_chi2
    assert "trained on" in other.fit.reason


def test_the_network_of_another_fit_is_refused(trained):
    folder, _ = trained
    other = fitted_machine(folder / "other.npz", seed=2)
    with pytest.raises(ModelError, match="calibrated anew needs its network trained anew"):
        Network(folder / "pump_v1").bind(other)


def test_least_squares_checks_it(trained):
    folder, _ = trained
    model = fitted_machine(folder / "same.npz")
    inverter = Checked(Network(folder / "pump_v1"), LeastSquares(loss="student"), every=1).bind(model)
    (estimate,) = inverter.invert(windows(model, model.simulate(np.array([[2.0]]), np.array([[3.0]]))))
    assert estimate.resolvable("rise")


def test_the_card_compares_it_with_least_squares_in_every_bin(trained):
    folder, told = trained
    card = read_card(folder / "pump_v1" / "card.toml")
    assert card.network.model == "empirical"
    bins = {by: {(row.parameter, row.bin) for row in card.metric if row.network == by} for by in card_networks(card)}
    assert bins["full"] == bins["lite"] == bins["least_squares"]
    assert ("rise", "features that stray") in bins["full"]
    assert len([1 for name, _ in bins["full"] if name == "rise, features that agree"]) == 4  # all, and thirds
    assert "full over least_squares" in "".join(told["table"])


def card_networks(card):
    return {row.network for row in card.metric}


def test_training_stage_by_stage_gives_the_same_network(trained, tmp_path):
    folder, _ = trained
    for stage in ("data", "teacher", "student", "compress", "export"):
        done = train(folder / "pump.toml", "--work", tmp_path, "--out", tmp_path / "pump_v1", "--stage", stage)
        assert done.exit_code == 0, done.output
    for name in ("full.onnx", "lite.onnx"):
        assert (tmp_path / "pump_v1" / name).read_bytes() == (folder / "pump_v1" / name).read_bytes()


def test_a_run_that_is_interrupted_goes_on_to_the_same_network(trained, tmp_path):
    folder, _ = trained
    command = ["train", str(folder / "pump.toml"), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "pump_v1")]
    told = interrupted(command, at="student")  # its first epoch is done
    assert "Traceback" not in told
    assert not (tmp_path / "pump_v1").exists()
    assert (tmp_path / "work" / "student.checkpoint.npz").exists()
    done = train(*command[1:])
    assert done.exit_code == 0, done.output
    for name in ("full.onnx", "lite.onnx"):
        assert (tmp_path / "pump_v1" / name).read_bytes() == (folder / "pump_v1" / name).read_bytes()


def test_it_is_trained_anew_instead_of_adapted(trained, tmp_path):
    folder, _ = trained
    layouts = Path("configs/layouts").resolve()
    text = Path("configs/calibration/femto.toml").read_text(encoding="utf-8").replace("../layouts", str(layouts))
    (tmp_path / "site.toml").write_text(text.replace("../../var/femto.npz", str(folder / "pump.npz")), encoding="utf-8")
    (tmp_path / "truth.csv").write_text("file,rise\na.csv,1.0\n", encoding="utf-8")
    arguments = [str(tmp_path / name) for name in ("site.toml", "truth.csv")]
    done = CliRunner().invoke(application(), ["adapt", *arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "trained anew by `inversion train`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stage_without_the_one_before_says_which(trained, tmp_path):
    done = train(trained[0] / "pump.toml", "--work", tmp_path, "--stage", "student")
    assert done.exit_code == 1
    assert "run the stage teacher" in done.stderr


def test_another_calibration_in_the_same_folder_is_refused(trained, tmp_path):
    folder, _ = trained
    fitted_machine(tmp_path / "pump.npz", seed=2)
    (tmp_path / "pump.toml").write_text(RECIPE, encoding="utf-8")
    done = train(tmp_path / "pump.toml", "--work", folder / "work", "--out", tmp_path / "pump_v1")
    assert done.exit_code == 1
    assert "of another recipe or model" in done.stderr
    assert not (tmp_path / "pump_v1").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "dense"', 'kind = "races"', "expected the table [teacher]"),
        ("[student]", "[teacher]\nchannels = 8\n\n[student]", "teacher: is not for a network of kind 'dense'"),
        (
            'use = "empirical"\nmodel = "pump.npz"',
            'use = "rolling_bearing"\ndesignation = "6205"',
            "networks of RollingBearing are of kind 'races'",
        ),
        ('model = "pump.npz"', 'model = "none.npz"', "cannot be read"),
        ("shard = 1000", "strays = 1.5", "strays must lie between 0 and 1"),
        ("shard = 1000", "conditions = [[0.0, 1.0]]", "a range for each of 0"),
        ("[compress]", '[solver]\nloss = "cauchy"\n\n[compress]', "loss must be 'gaussian' or 'student'"),
    ],
)
def test_a_wrong_recipe_is_refused_at_the_start(tmp_path, old, new, said):
    fitted_machine(tmp_path / "pump.npz")
    assert old in RECIPE
    (tmp_path / "pump.toml").write_text(RECIPE.replace(old, new), encoding="utf-8")
    with pytest.raises(InversionError) as refused:
        load_recipe(tmp_path / "pump.toml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
