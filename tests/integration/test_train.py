"""`inversion train`: a recipe becomes a network that the engine loads; a stopped one goes on; mistakes are one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from fitted_machine import fitted_machine
from typer.testing import CliRunner

from inversion.app.cli import application
from inversion.engines.network import Network
from inversion.forward.rolling_bearing import RollingBearing
from inversion.store.card import read_card
from inversion.training.network.recipe import Data
from inversion.training.network.windows import draw_machine_windows

RECIPE = Path("configs/train/tiny.toml")
SHIPPED = Path("configs/train/rolling_bearing.toml")


def train(*arguments):
    return CliRunner().invoke(application(), ["train", *map(str, arguments)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("torch", reason="needs the extra `train`")
    folder = tmp_path_factory.mktemp("train")
    for stage in ("data", "teacher", "search", "student", "compress"):
        done = train(RECIPE, "--work", folder, "--out", folder / "tiny_v1", "--stage", stage)
        assert done.exit_code == 0, done.output
    done = train(RECIPE, "--work", folder, "--out", folder / "tiny_v1", "--json")
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_what_is_trained_is_loaded_and_answers(trained):
    folder, _ = trained
    model = RollingBearing(designation="6205")
    windows = draw_machine_windows(model, Data(windows=100, samples=(24_576, 32_768)), 1, 1)
    for precision in ("full", "lite"):
        estimates = Network(folder / "tiny_v1", precision).bind(model).invert(windows.features)
        assert all(np.all(np.isfinite(each.marginals)) for each in estimates if each.marginals is not None)


def test_the_card_says_what_was_measured(trained):
    folder, told = trained
    card = read_card(folder / "tiny_v1" / "card.toml")
    assert {row.network for row in card.metric} >= {"full", "lite", "teacher"}
    assert {row.unit for row in card.metric} == {"g", "mm"}
    assert all(0 <= row.coverage <= 1 for row in card.metric)
    assert {row.network for row in card.cost} == {"full", "lite"}
    assert card.network.seed == 3
    assert "times fewer" in told["table"]["parameters, student"]


def test_the_curves_are_drawn(trained):
    page = (trained[0] / "curves.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("teacher0", "student", "pruned"))


def test_training_twice_by_one_seed_gives_one_network(trained, tmp_path):
    folder, _ = trained
    (tmp_path / "data").symlink_to(folder / "data")
    done = train(RECIPE, "--work", tmp_path, "--out", tmp_path / "tiny_v1")
    assert done.exit_code == 0, done.output
    for name in ("full.onnx", "lite.onnx"):
        assert (tmp_path / "tiny_v1" / name).read_bytes() == (folder / "tiny_v1" / name).read_bytes()


def test_the_search_prints_its_front_and_the_student_takes_the_choice(trained, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra `train`")
    text = RECIPE.read_text(encoding="utf-8").replace('name = "tiny"', 'name = "searched"')
    recipe = tmp_path / "searched.toml"
    recipe.write_text(f"{text}\n[search]\ntrials = 3\nepochs = 1\n", encoding="utf-8")
    (tmp_path / "data").symlink_to(trained[0] / "data")
    for stage in ("teacher", "search", "student"):
        done = train(recipe, "--work", tmp_path, "--stage", stage)
        assert done.exit_code == 0, done.output
        if stage == "search":
            assert "Pareto front" in done.stdout
            assert done.stdout.count("<- chosen") == 1
    front = json.loads((tmp_path / "search.json").read_text(encoding="utf-8"))["front"]
    with np.load(tmp_path / "student.npz", allow_pickle=False) as student:
        assert student["first"].shape[0] == front[0]["channels"]


def test_another_recipe_in_the_same_folder_is_refused(trained, tmp_path):
    changed = tmp_path / "changed.toml"
    changed.write_text(RECIPE.read_text(encoding="utf-8").replace("epochs = 2", "epochs = 3"), encoding="utf-8")
    done = train(changed, "--work", trained[0], "--out", tmp_path / "x")
    assert done.exit_code == 1
    assert "another recipe" in done.stderr
    assert done.stderr.count("\n") == 2  # the name of the stage that was begun, and the complaint


def test_an_unknown_option_is_refused_with_its_line(tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RECIPE.read_text(encoding="utf-8").replace("windows = 90", "windws = 90"), encoding="utf-8")
    done = train(wrong)
    assert done.exit_code == 2
    assert "wrong.toml:12: data.windws: no such option (did you mean 'windows'?)" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[data]", "[dta]", "no such option (did you mean 'data'?)"),
        ('use = "rolling_bearing"\ndesignation = "6205"', 'use = "linear"', "forward"),
        ("prune = 0.25", "prune = 1.5", "compress"),
        ("held_out = 0.3", "held_out = 0.9", "held_out must lie between"),
        ("levels = [0.01,", "levels = [0.2, 0.01,", "levels must rise"),
        ('name = "tiny"', 'name = "../../tiny"', "name must be letters, digits"),
        ("seed = 3", "seed = 99999999999", "seed from 0 to 2^32 - 1"),
        ("sample_rates = [51200.0]", "sample_rates = [0.0]", "sample_rates must lie between 1 and"),
        ("ratio_db = [5.0, 20.0]", "ratio_db = [-1e9, 1e9]", "ratio_db must be a range within 120 dB"),
        ("samples = [24576, 32768]", "samples = [10, 20]", "samples must be at least 1024"),
        ("channels = 16", "channels = 9000000", "channels must be at most 2048"),
        ("epochs = 1\n", "epochs = 1\nrounding_epochs = 0\n", "epochs be at least 1"),
        ("solver_windows = 2", "solver_windows = -3", "solver_windows must be at least 1"),
        ("solver_windows = 2", "speeds = [40.0, 25.0]", "speeds must rise"),
    ],
)
def test_a_wrong_recipe_is_refused_at_the_start(tmp_path, old, new, said):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RECIPE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    done = train(wrong, "--work", tmp_path / "work")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("option", ["--work", "--out"])
def test_a_folder_that_cannot_be_is_said_before_anything_is_drawn(tmp_path, option):
    pytest.importorskip("torch", reason="needs the extra `train`")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    folders = {"--work": tmp_path / "work", "--out": tmp_path / "out", option: tmp_path / "file" / "deeper"}
    done = train(RECIPE, *(part for pair in folders.items() for part in pair))
    assert done.exit_code == 1
    assert f"{tmp_path / 'file'} is no folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "work").exists()


def test_a_stage_without_the_one_before_says_which(tmp_path):
    pytest.importorskip("torch", reason="needs the extra `train`")
    done = train(RECIPE, "--work", tmp_path, "--stage", "student")
    assert done.exit_code == 1
    assert "run the stage data" in done.stderr


def test_the_shipped_recipes_are_sound(tmp_path):
    from inversion.app.train import load_recipe

    fitted_machine(tmp_path / "fitted.npz")
    for path in sorted(SHIPPED.parent.glob("*.toml")):
        text = path.read_text(encoding="utf-8").replace("../../var/femto.npz", str(tmp_path / "fitted.npz"))
        text = text.replace('"../linear/', f'"{SHIPPED.parents[1].resolve()}/linear/')
        (tmp_path / path.name).write_text(text, encoding="utf-8")
        recipe, model = load_recipe(tmp_path / path.name)
        assert recipe.network.name
        assert model.observables


def adapt_site(folder, truths):
    """A site of short simulated recordings, and its table of truth: (name, width mm, group) each."""
    for k, (name, width, _) in enumerate(truths):
        arguments = ["--width-mm", width, "--seed", k, "--seconds", 1.5, "--impact-g", 0.4]
        done = CliRunner().invoke(
            application(), ["simulate", "--out", str(folder / f"{name}.npz"), *map(str, arguments)]
        )
        assert done.exit_code == 0, done.output
    text = Path("configs/simulated.toml").read_text(encoding="utf-8")
    layout = Path("configs/layouts/simulated.toml").resolve()
    text = text.replace('"layouts/simulated.toml"', f'"{layout}"').replace("../var/simulated/", "")
    (folder / "site.toml").write_text(text.replace("window_revolutions = 40", "window_revolutions = 18"), "utf-8")
    rows = [f"{name}.npz,{group},{width}" for name, width, group in truths]
    (folder / "truth.csv").write_text("\n".join(["file,group,outer_spall", *rows]), encoding="utf-8")
    return folder / "site.toml", folder / "truth.csv"


def adapt(*arguments):
    return CliRunner().invoke(application(), ["adapt", *map(str, arguments)])


def test_a_network_is_adapted_to_a_site_and_says_so(trained, tmp_path):
    truths = [(f"r{k}", 3.0 + 0.2 * k, f"m{k}") for k in range(6)]
    site, truth = adapt_site(tmp_path, truths)
    done = adapt(site, truth, "--network", trained[0] / "tiny_v1", "--out", tmp_path / "net_v1")
    assert done.exit_code == 0, done.output
    card = read_card(tmp_path / "net_v1" / "card.toml")
    assert card.network.name == "tiny_adapted"
    assert "adapted to 12 windows" in card.network.failures[-1]
    model = RollingBearing(designation="6205")
    Network(tmp_path / "net_v1", "lite").bind(model)


def test_too_few_recordings_adapt_nothing(trained, tmp_path):
    site, truth = adapt_site(tmp_path, [("one", 3.0, "a"), ("two", 3.0, "b")])
    done = adapt(site, truth, "--network", trained[0] / "tiny_v1", "--out", tmp_path / "net_v1")
    assert done.exit_code == 1
    assert "too few" in done.stderr
    assert not (tmp_path / "net_v1").exists()


def test_a_network_that_is_none_is_refused(tmp_path):
    site, truth = adapt_site(tmp_path, [("one", 3.0, "a")])
    done = adapt(site, truth, "--network", tmp_path, "--out", tmp_path / "net_v1")
    assert done.exit_code == 2
    assert "network must be a folder with a card.toml" in done.stderr
