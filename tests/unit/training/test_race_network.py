"""The network of a rolling bearing: the graph says what torch says, levels are units only, no profile is the prior."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
onnx = pytest.importorskip("onnx", reason="needs the extra `train`")

from inversion.training.network import (  # noqa: E402
    density,
    graph,
    graph_writer,
    impacts,
    prune,
    race_loss,
    races,
    rounding,
)
from inversion.training.network.answers import run  # noqa: E402
from inversion.training.network.quantize import half_precision, weight_bytes  # noqa: E402
from inversion.training.network.recipe import Fit  # noqa: E402
from tests.unit.training.network_material import AT, encoded_windows  # noqa: E402

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
HARDEST = 490.3325
FIT = Fit(channels=8, blocks=3, kernel=5, hidden=6)


@pytest.fixture(scope="module")
def weights():
    made = races.new_weights(FIT, len(LEVELS), torch.Generator().manual_seed(4))
    return {name: each + 0.05 * torch.randn(each.shape, generator=torch.Generator().manual_seed(5))
            for name, each in made.items()}  # fmt: skip


@pytest.fixture(scope="module")
def model(weights):
    arrays = {name: each.numpy() for name, each in weights.items()}
    return graph.race_graph(arrays, FIT.blocks, AT, LEVELS, np.full(6, 0.1, np.float32), HARDEST, "test")


def answered(weights, encoded):
    """(n, 6, q) by torch."""
    rows = races.rows(torch.from_numpy(encoded), AT)
    found = races.answer(weights, FIT, rows)
    widths = density.quantiles(found.logits, torch.tensor(LEVELS)).reshape(-1, 3, len(LEVELS))
    impacts = (found.ratios * rows.level[:, None] / HARDEST).clamp(0, 1).reshape(-1, 3, len(LEVELS))
    return torch.cat([impacts, widths], dim=1).numpy()


def test_the_graph_answers_as_torch_does(model, weights):
    encoded = encoded_windows(40)
    quantiles, latent = run(model, encoded)
    assert quantiles == pytest.approx(answered(weights, encoded), abs=2e-5)
    assert latent.shape == (40, 6)


def test_one_window_is_answered_as_in_a_batch(model):
    encoded = encoded_windows(8)
    whole = run(model, encoded)[0]
    single = np.concatenate([run(model, encoded[k : k + 1])[0] for k in range(8)])
    assert single == pytest.approx(whole, abs=1e-5)


def test_quantiles_rise_and_lie_within_the_range(model):
    quantiles = run(model, encoded_windows(60, seed=3))[0]
    assert np.all(np.diff(quantiles, axis=2) >= 0)
    assert quantiles.min() >= 0
    assert quantiles.max() <= 1


def test_a_louder_record_has_larger_impacts_and_the_same_widths(model):
    encoded = encoded_windows(30)
    louder = encoded.copy()
    louder[:, AT.level] *= 7
    one, seven = run(model, encoded), run(model, louder)
    assert seven[0][:, :3] == pytest.approx(7 * one[0][:, :3], rel=1e-4)
    assert seven[0][:, 3:] == pytest.approx(one[0][:, 3:], abs=1e-5)
    assert seven[1] == pytest.approx(one[1], abs=1e-5)


def test_without_a_profile_the_width_has_its_prior(model):
    encoded = encoded_windows(30)
    without = ~np.any(encoded[:, AT.state][:, 3:].reshape(30, 3, 128) != 0, axis=2)
    assert without.any()
    widths = run(model, encoded)[0][:, 3:][without]
    assert widths == pytest.approx(np.tile(LEVELS, (len(widths), 1)), abs=1e-5)


def test_an_impact_that_was_not_seen_may_be_none(model):
    encoded = encoded_windows(30)
    unseen = encoded[:, AT.state][:, :3] < 0
    assert np.all(run(model, encoded)[0][:, :3][unseen][:, 0] == 0)


def test_an_impact_is_answered_whatever_the_profile(model):
    encoded = encoded_windows(30)
    other = encoded.copy()
    other[:, AT.z][:, 3:] += 2.0
    other[:, AT.state][:, 3:] = -1.0
    other[:, AT.floor][:, 3:] *= 3.0
    one, two = run(model, encoded)[0], run(model, other)[0]
    assert np.array_equal(one[:, :3], two[:, :3])
    assert not np.allclose(one[:, 3:], two[:, 3:])


def test_the_impact_learns_by_itself_and_leaves_the_other_layers_alone(weights):
    encoded, rng = encoded_windows(60), np.random.default_rng(6)
    level = encoded[:, AT.level][:, :3].astype(float)
    truth = np.concatenate([level * rng.uniform(1.0, 3.0, level.shape), np.full((60, 3), 2e-3)], axis=1)
    given, levels = race_loss.taught(encoded, AT, truth, 8e-3), torch.tensor(LEVELS)
    fitted, again = (impacts.fitted(weights, given, levels, 1, 3) for _ in range(2))
    assert all(torch.equal(fitted[name], again[name]) for name in weights)
    assert {name for name in weights if not torch.equal(fitted[name], weights[name])} == {
        "impact1", "impact1_bias", "impact2", "impact2_bias",
    }  # fmt: skip
    seen = given.impacts[given.rows.impact[given.impacts, races.STATE] > 0]

    def held(of):
        """Of the impacts that were seen, within the 90 % interval."""
        ratios = races.impact(of, given.rows.impact[seen])
        return float(((ratios[:, 1] <= given.ratio[seen]) & (given.ratio[seen] <= ratios[:, -2])).float().mean())

    assert held(fitted) > 0.8
    assert race_loss.held_loss(fitted, FIT, given, levels) < race_loss.held_loss(weights, FIT, given, levels)


def test_a_students_impact_learns_from_the_mean_of_its_teachers(weights):
    encoded, rng = encoded_windows(60), np.random.default_rng(6)
    level = encoded[:, AT.level][:, :3].astype(float)
    truth = np.concatenate([level * rng.uniform(1.0, 3.0, level.shape), np.full((60, 3), 2e-3)], axis=1)
    given, levels = race_loss.taught(encoded, AT, truth, 8e-3), torch.tensor(LEVELS)
    members = [impacts.fitted(weights, given, levels, 1, seed) for seed in (3, 4)]
    members = [
        {**each, "impact2_bias": each["impact2_bias"] + up} for each, up in zip(members, (0.0, 0.4), strict=True)
    ]
    teacher = race_loss.Teacher(members, FIT)
    mean = torch.stack([races.impact(each, given.rows.impact) for each in members]).mean(dim=0)[given.impacts]

    def off(of):
        apart = (races.impact(of, given.rows.impact)[given.impacts] - mean).abs()
        return float((apart / (mean[:, -2] - mean[:, 1])[:, None]).mean())

    learnt, again = (impacts.fitted(weights, given, levels, 2, 7, teacher) for _ in range(2))
    assert all(torch.equal(learnt[name], again[name]) for name in learnt)
    assert off(learnt) < 0.05 < min(off(each) for each in members)


def test_races_are_answered_alike(model):
    """The outer race's numbers given to the inner one get the outer one's answer: the weights are shared."""
    encoded = encoded_windows(20)
    swapped = encoded.copy()
    for part in (AT.z, AT.state, AT.level):
        block = encoded[:, part]
        swapped[:, part][:, [0, 1]] = block[:, [1, 0]]
        swapped[:, part][:, 3:131], swapped[:, part][:, 131:259] = block[:, 131:259], block[:, 3:131]
    one, other = run(model, encoded)[0], run(model, swapped)[0]
    assert other[:, [1, 0, 2, 4, 3, 5]] == pytest.approx(one, abs=1e-5)


def test_a_pruned_network_is_the_same_where_its_channels_did_nothing(weights):
    dead = dict(weights)
    for name, each in weights.items():
        if each.dim() == 3 and name.startswith(("first", "point", "last_point")):
            dead[name] = each.clone()
            dead[name][5] = 0
            dead[f"{name}_bias"] = weights[f"{name}_bias"].clone()
            dead[f"{name}_bias"][5] = 0
    dead["back"], dead["back_bias"] = weights["back"].clone(), weights["back_bias"].clone()
    dead["back"][5] = dead["back_bias"][5] = 0
    for block in range(FIT.blocks):
        dead[f"deep{block}_bias"] = weights[f"deep{block}_bias"].clone()
        dead[f"deep{block}_bias"][5] = 0
    dead["last_deep_bias"] = weights["last_deep_bias"].clone()
    dead["last_deep_bias"][5] = 0
    smaller, fit = prune.pruned(dead, FIT, 1 / 8)
    assert fit.channels == 7
    rows = races.rows(torch.from_numpy(encoded_windows(10)), AT)
    assert torch.allclose(races.answer(smaller, fit, rows).logits, races.answer(dead, FIT, rows).logits, atol=1e-5)
    assert races.multiplications(smaller) < races.multiplications(dead)


def test_half_precision_stays_near_full(model):
    encoded = encoded_windows(80)
    assert run(half_precision(model), encoded)[0] == pytest.approx(run(model, encoded)[0], abs=0.01)


@pytest.fixture(scope="module")
def integers(weights):
    """A network in integers: (weights, ranges, graph), and the rows of profiles that its ranges are of."""
    rows = races.rows(torch.from_numpy(encoded_windows(80)), AT)
    some = race_loss.take(rows, torch.nonzero(rows.observed)[:, 0])
    short, ranges = rounding.started(weights, FIT.blocks, some)
    arrays = {name: each.numpy() for name, each in short.items()}
    center = np.full(6, 0.1, np.float32)
    return short, ranges, graph.race_graph(arrays, FIT.blocks, AT, LEVELS, center, HARDEST, "test", ranges), some


def test_integers_stay_near_full(model, integers):
    encoded = encoded_windows(80)
    assert np.sqrt(np.mean((run(integers[2], encoded)[0] - run(model, encoded)[0]) ** 2)) < 0.02


def test_integers_take_at_most_a_quarter_of_the_memory():
    """Of a network of the shipped shape: steps and biases are told in what the four bits of two layers save."""
    fit = Fit(channels=32, blocks=3, kernel=5, hidden=24)
    made = races.new_weights(fit, 15, torch.Generator().manual_seed(1))
    rows = races.rows(torch.from_numpy(encoded_windows(80)), AT)
    some = race_loss.take(rows, torch.nonzero(rows.observed)[:, 0])
    levels, center = tuple(np.linspace(0.01, 0.99, 15)), np.zeros(24, np.float32)
    sizes = []
    for weights, ranges in ((made, None), rounding.started(made, fit.blocks, some)):
        arrays = {name: each.numpy() for name, each in weights.items()}
        sizes.append(weight_bytes(graph.race_graph(arrays, fit.blocks, AT, levels, center, HARDEST, "test", ranges)))
    assert sizes[1] <= 0.25 * sizes[0]


def test_the_graph_in_integers_answers_as_training_rounds(integers):
    short, ranges, lite, some = integers
    encoded = encoded_windows(80)
    observed = races.rows(torch.from_numpy(encoded), AT).observed.numpy() > 0
    by_graph = run(lite, encoded)[0][:, 3:].reshape(-1, len(LEVELS))[observed]
    logits, _ = races.profile(rounding.rounded(short), FIT.blocks, some.planes, some.scalars, ranges.seen)
    by_torch = density.quantiles(logits, torch.tensor(LEVELS)).numpy()
    apart = np.abs(by_graph - by_torch)
    assert np.quantile(apart, 0.9) < 2e-3  # a tie here and there falls to the other side
    assert apart.max() < 0.05


def test_making_ready_to_round_changes_no_answer(weights, integers):
    short, _, _, some = integers
    one, two = (races.profile(each, FIT.blocks, some.planes, some.scalars)[0] for each in (weights, short))
    assert torch.allclose(one, two, atol=1e-3)


def test_four_bits_are_read_as_they_were_written():
    onnxruntime = pytest.importorskip("onnxruntime")
    w = graph_writer.Writer()
    whole = np.arange(-7, 8, dtype=np.int8).reshape(3, 5)
    name = w.four_bits("four", whole)
    w.node("DequantizeLinear", [name, w.floats("step", 0.5)], "out")
    port = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [3, 5])
    made = onnx.helper.make_graph(w.nodes, "four", [], [port], list(w.constants.values()))
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", graph.OPSET)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(None, {})[0], whole / 2)


def test_stretching_by_one_changes_nothing():
    rows = races.rows(torch.from_numpy(encoded_windows(20)), AT)
    some = torch.nonzero(rows.observed)[:, 0]
    planes, scalars = race_loss.stretched(rows.planes[some], rows.scalars[some], torch.ones(some.numel()))
    seen = planes[:, 1] > 0  # a cell beside one that was not observed is lost to the interpolation
    assert torch.allclose(planes[:, 0][seen], rows.planes[some][:, 0][seen], atol=1e-4)
    assert torch.allclose(scalars[:, 0], rows.scalars[some][:, 0], atol=1e-5)


def test_stretching_moves_a_mark_and_the_floor_with_it():
    rows = races.rows(torch.from_numpy(encoded_windows(1)), AT)
    planes, scalars = rows.planes[:1].clone(), rows.scalars[:1].clone()
    planes[:, 0], planes[:, 1] = 0.0, 1.0
    planes[0, 0, 40] = 3.0
    moved, changed = race_loss.stretched(planes, scalars, torch.tensor([1.5]))
    assert abs(int(moved[0, 0].argmax()) - 40.5 * 1.5) < 1.5
    assert float(torch.exp(changed[0, 0] - scalars[0, 0])) == pytest.approx(1.5, rel=1e-4)


def test_the_quantiles_of_a_density_are_its_quantiles():
    mass = torch.tensor([[0.1, 0.4, 0.4, 0.1]])
    found = density.quantiles(torch.log(mass), torch.tensor([0.05, 0.1, 0.3, 0.5, 0.95]))
    assert found.numpy() == pytest.approx(np.array([[0.125, 0.25, 0.375, 0.5, 0.875]]), abs=1e-6)


def test_a_channel_that_nothing_excites_does_not_coarsen_the_others(weights, integers):
    """Its answers are zero, its weights as large as any."""
    some = integers[3]
    dead = {name: each.clone() for name, each in weights.items()}
    dead["first"][3], dead["first_bias"][3] = 0.0, 0.0
    levels = torch.tensor(LEVELS)
    short, ranges = rounding.started(dead, FIT.blocks, some)
    largest = short["deep0"].abs().amax(dim=(1, 2))
    assert float(largest.max() / largest.median()) < 10
    logits = [
        races.profile(each, FIT.blocks, some.planes, some.scalars, seen)[0]
        for each, seen in ((dead, races.as_it_is), (rounding.rounded(short), ranges.seen))
    ]
    exact, rounded = (density.quantiles(each, levels) for each in logits)
    assert float((exact - rounded).square().mean().sqrt()) < 0.05
