"""A model file holds everything, whole or not at all, and never a pickle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inversion.forward.empirical import Empirical
from inversion.signal.features import Feature
from inversion.store.empirical import EmpiricalFileError, EmpiricalFit, load, save
from inversion.training.fitting import fit
from inversion.training.labelled import Labelled
from inversion.training.recipe import Calibration, Target


@pytest.fixture(scope="module")
def fitted() -> EmpiricalFit:
    rng = np.random.default_rng(0)
    theta = rng.uniform(0, 1, (40, 1))
    values = np.concatenate([theta, theta**2], axis=1) + rng.normal(0, 0.05, (40, 2))
    features = (Feature("a", "v", "level"), Feature("b", "v", "rms", part=(0.25, 0.75)))
    group = np.array([f"run {k % 5}" for k in range(40)])
    labelled = Labelled(values, np.zeros((40, 0)), theta, group, {"v": "V"}, {"v": 100.0}, 2.0)
    return fit(labelled, Calibration(features, (Target("x", "V", 0, 1, "any"),)))


def test_what_was_saved_is_loaded(fitted, tmp_path):
    path = tmp_path / "deeper" / "model.npz"
    save(fitted, path)
    back = load(path)
    assert (back.parameters, back.features, back.groups) == (fitted.parameters, fitted.features, fitted.groups)
    assert (back.fingerprint, back.windows, back.window_s) == (fitted.fingerprint, 40, 2.0)
    theta = np.linspace(0, 1, 7)[:, None]
    np.testing.assert_array_equal(back.surface.mean(theta), fitted.surface.mean(theta))
    np.testing.assert_array_equal(back.surface.deviation(theta), fitted.surface.deviation(theta))
    assert [file.name for file in path.parent.iterdir()] == ["model.npz"]


def test_it_holds_no_object_that_would_need_a_pickle(fitted, tmp_path):
    save(fitted, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "fu" for name in arrays.files)


def test_an_absent_file_and_one_of_another_kind_are_said_in_one_line(fitted, tmp_path):
    with pytest.raises(EmpiricalFileError, match=r"absent.npz: cannot be read: No such file or directory; make one by"):
        Empirical(tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", vibration=np.zeros(3))
    with pytest.raises(EmpiricalFileError, match=r"other.npz: damaged or no empirical model; make one by"):
        Empirical(tmp_path / "other.npz")
    np.savez(tmp_path / "pickled.npz", header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(EmpiricalFileError, match=r"pickled.npz: damaged or no empirical model"):
        Empirical(tmp_path / "pickled.npz")


def test_a_changed_number_is_found_by_the_fingerprint(fitted, tmp_path):
    path = tmp_path / "model.npz"
    save(fitted, path)
    with np.load(path, allow_pickle=False) as arrays:
        content = dict(arrays)
    content["noise"] = content["noise"] - 1.0
    np.savez(path, **content)
    with pytest.raises(EmpiricalFileError, match="its fingerprint does not fit its content"):
        load(path)


def said_or_whole(path) -> str:
    """The fingerprint of what is loaded; empty where it is refused in one line."""
    try:
        return load(path).fingerprint
    except EmpiricalFileError as refused:
        return "two lines" if "\n" in str(refused) else ""


@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_unharmed(fitted, tmp_path, share, byte):
    path = tmp_path / "model.npz"
    save(fitted, path)
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] = byte
    path.write_bytes(bytes(content))
    assert said_or_whole(path) in ("", fitted.fingerprint)
    path.write_bytes(bytes(content[: int(share * len(content))]))
    with pytest.raises(EmpiricalFileError):
        load(path)


def test_a_failed_write_leaves_the_old_model(fitted, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    save(fitted, path)
    before = path.read_bytes()

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        save(fitted, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]
