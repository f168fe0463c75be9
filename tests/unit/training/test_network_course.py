"""Learning that is stopped goes on as if it had not been, and never from another course or a pickle."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from inversion.training.network.arrays import load_arrays, save_arrays  # noqa: E402
from inversion.training.network.errors import TrainingError  # noqa: E402
from inversion.training.network.learn import Course, learn  # noqa: E402

COURSE = Course("line", 64, 16, 6, 6, 0.3, 3, "key")


def line(course, at, told=lambda *_: None):
    """A straight line through noisy points; what is drawn in a batch depends on the generator."""
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.normal(size=(64, 3)).astype(np.float32))
    y = x @ torch.tensor([1.0, -2.0, 0.5])
    start = {"w": torch.zeros(3), "b": torch.zeros(1)}

    def loss(weights, rows, generator):
        noise = 0.1 * torch.randn(rows.numel(), generator=generator)
        return (x[rows] @ weights["w"] + weights["b"] - y[rows] - noise).square().mean()

    return learn(start, course, loss, lambda w: float((x @ w["w"] + w["b"] - y).square().mean()), at, told)


def test_a_stopped_course_ends_where_an_uninterrupted_one_does(tmp_path):
    whole = line(COURSE, tmp_path / "whole.npz")

    def stop(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        line(COURSE, tmp_path / "parts.npz", stop)
    resumed = line(COURSE, tmp_path / "parts.npz")
    assert np.array_equal(resumed.curve, whole.curve)
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)
    assert whole.curve[-1, 1] < 0.1 * whole.curve[0, 1]


def test_it_stops_when_nothing_gets_better(tmp_path):
    patient = replace(COURSE, epochs=50, patience=2, rate=1e-12)
    x = {"calls": 0}

    def held(_):
        x["calls"] += 1
        return float(x["calls"])  # ever worse

    learnt = learn(
        {"w": torch.zeros(1)}, patient, lambda w, *_: w["w"].sum(), held, tmp_path / "c.npz", lambda *_: None
    )
    assert len(learnt.curve) == 3


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    line(COURSE, tmp_path / "c.npz")
    with pytest.raises(TrainingError, match="another recipe"):
        line(replace(COURSE, key="other"), tmp_path / "c.npz")


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path):
    line(COURSE, tmp_path / "c.npz")
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="damaged") as problem:
        line(COURSE, tmp_path / "c.npz")
    assert "\n" not in str(problem.value)


def test_a_pickle_is_never_read(tmp_path):
    np.savez(tmp_path / "p.npz", key=np.array([{"a": 1}], dtype=object))
    with pytest.raises(TrainingError, match="damaged"):
        load_arrays(tmp_path / "p.npz")


def test_a_loss_that_is_no_number_is_said(tmp_path):
    with pytest.raises(TrainingError, match="lower the rate"):
        learn({"w": torch.ones(1)}, COURSE, lambda w, *_: w["w"].sum() * float("nan"), lambda _: 1.0,
              tmp_path / "c.npz", lambda *_: None)  # fmt: skip


def test_arrays_are_written_whole_or_not_at_all(tmp_path):
    save_arrays(tmp_path / "a.npz", {"x": np.arange(3)})
    assert load_arrays(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
