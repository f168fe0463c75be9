"""A network is adapted to a site only where that helps on recordings that it was not adapted to."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
onnx = pytest.importorskip("onnx", reason="needs the extra `train`")

from onnx import numpy_helper  # noqa: E402

from inversion.store.card import Calibration  # noqa: E402
from inversion.store.network import load_card, network_folder, shipped_networks  # noqa: E402
from inversion.training.network import graph, races  # noqa: E402
from inversion.training.network.adapt import Site, adapted, named, not_narrower, read_weights  # noqa: E402
from inversion.training.network.answers import measured_in  # noqa: E402
from inversion.training.network.answers import run as answered  # noqa: E402
from inversion.training.network.errors import TrainingError  # noqa: E402
from inversion.training.network.recipe import Fit  # noqa: E402
from tests.unit.training.network_material import AT, encoded_windows  # noqa: E402

LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)
FIT = Fit(channels=12, blocks=1, hidden=8)
WIDEST = 8e-3


@pytest.fixture(scope="module")
def start():
    """A network that knows nothing yet of widths: all densities are flat."""
    weights = races.new_weights(FIT, len(LEVELS), torch.Generator().manual_seed(2))
    return weights | {"out": torch.zeros_like(weights["out"])}


def site(widths, windows=60, groups=5):
    encoded = encoded_windows(windows, seed=8)
    truth = np.full((windows, 6), np.nan)
    truth[:, 3:] = widths[:, None]
    return Site(encoded, truth, np.array([f"g{k % groups}" for k in range(windows)]))


def run(start, given):
    return adapted(start, FIT, given, AT, LEVELS, WIDEST, 1, lambda _: None)


def test_what_all_recordings_of_a_site_share_is_learnt(start):
    rng = np.random.default_rng(1)
    found = run(start, site(rng.uniform(3e-3, 4e-3, 60)))
    assert len(found.groups) == 5
    assert all(after < before for _, before, after in found.groups)
    assert torch.equal(found.weights["first"], start["first"])
    assert not torch.equal(found.weights["out"], start["out"])


def test_what_no_other_group_shares_is_refused(start):
    """Each group has one width of its own: what is learnt from the others misleads."""
    widths = np.array([0.5, 2.0, 3.5, 5.0, 7.0])[np.arange(60) % 5] * 1e-3
    with pytest.raises(TrainingError, match="left-out groups get worse"):
        run(start, site(widths))


def test_intervals_stay_as_wide_as_they_were(start):
    """All windows show one width: what is learnt from them would be told of every other one, and be sure of it."""
    given = site(np.full(60, 3e-3))
    made = run(start, given)
    graphs = [
        graph.race_graph(named(each), FIT.blocks, AT, LEVELS, np.zeros(FIT.hidden, np.float32), 1.0, "any")
        for each in (start, made.weights)
    ]
    before, after = (answered(each, given.encoded)[0] for each in graphs)
    told = measured_in(given.encoded, AT)[:, 3:]
    width = [(each[..., 3] - each[..., 1])[:, 3:][told] for each in (before, after)]
    assert np.mean(width[1] < 0.97 * width[0]) > 0.9
    card = Calibration(0.9, (), (), (((0.9,) * 6,),), ((60,),))
    wider = np.array(not_narrower(card, before, after, LEVELS, measured_in(given.encoded, AT)).factors[0][0])
    assert np.mean(wider[3] / 0.9 * width[1] >= width[0]) > 0.85
    assert np.all(wider[3:] == wider[3])
    same = not_narrower(card, before, before, LEVELS, measured_in(given.encoded, AT))
    assert same == card


@pytest.mark.parametrize("name", shipped_networks())
def test_a_shipped_network_answers_the_same_after_its_weights_were_read(name):
    folder = network_folder(Path(name))
    card = load_card(folder)
    graph_bytes = (folder / "full.onnx").read_bytes()
    weights, fit, center = read_weights(graph_bytes)
    assert weights["impact1"].shape[1] == races.IMPACT_SCALARS
    hardest = card.parameter[0].high
    made = graph.race_graph(
        named(weights), fit.blocks, AT, card.network.levels, center.astype(np.float32), hardest, "again"
    )
    encoded = encoded_windows(40)
    shipped = answered(onnx.load_model_from_string(graph_bytes), encoded)
    again = answered(made, encoded)
    assert again[0] == pytest.approx(shipped[0], abs=1e-6)
    assert again[1] == pytest.approx(shipped[1], abs=1e-5)


def test_impacts_that_depend_on_the_profile_are_refused(start):
    earlier = start | {"impact1": torch.ones(races.IMPACT_HIDDEN, 8)}
    tensors = [
        numpy_helper.from_array(each.numpy(), name if name.endswith("_bias") else f"{name}_weight")
        for name, each in earlier.items()
    ]
    tensors.append(numpy_helper.from_array(np.zeros(8, np.float32), "center"))
    model = onnx.helper.make_model(onnx.helper.make_graph([], "earlier", [], [], tensors))
    with pytest.raises(TrainingError, match="impacts depend on the profile"):
        read_weights(model.SerializeToString())


@pytest.mark.parametrize(("windows", "groups"), [(5, 5), (60, 2)])
def test_too_few_are_refused(start, windows, groups):
    with pytest.raises(TrainingError, match="too few"):
        run(start, site(np.full(windows, 3e-3), windows, groups))


def test_weights_come_back_from_the_graph(start):
    arrays = {name: each.numpy() for name, each in start.items()}
    center = np.linspace(0, 1, 8).astype(np.float32)
    made = graph.race_graph(arrays, FIT.blocks, AT, LEVELS, center, 490.0, "test")
    weights, fit, found = read_weights(made.SerializeToString())
    assert (fit.channels, fit.blocks, fit.kernel, fit.hidden) == (12, 1, 5, 8)
    assert found == pytest.approx(center)
    assert set(weights) == set(start)
    assert all(torch.equal(weights[name], each) for name, each in start.items())
