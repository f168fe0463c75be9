"""What a network answers is read by its card: bands, misfit, precision; and the runtime is a good neighbor."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scale_model import Scale, watched
from tiny_networks import grid_network, linear_network, write_tiny

from inversion.engines.network import Network
from inversion.store.card import Calibration, Cost, read_card, write_card
from sensors import Quality


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("networks") / "tiny_v1"
    write_tiny(made, Scale(), linear_network(Scale()))
    return made


def with_card(folder: Path, tmp_path: Path, **changes) -> Path:
    """A copy of the network with another table in its card."""
    copy = tmp_path / "tiny_v1"
    copy.mkdir()
    for name in ("full.onnx", "lite.onnx"):
        (copy / name).write_bytes((folder / name).read_bytes())
    write_card(replace(read_card(folder / "card.toml"), **changes), copy / "card.toml")
    return copy


def answered(folder, values, **options):
    return Network(folder, **options).bind(Scale()).invert(watched(values))


def width(estimate, name="x"):
    low, high = estimate.interval(name, 0.9)
    return high - low


def test_every_answer_names_its_network_and_precision(folder):
    inverter = Network(folder, precision="adaptive").bind(Scale())
    assert inverter.precisions == ("full", "lite")
    sha = read_card(folder / "card.toml").sha256["full"][:16]
    for each, precision in ((inverter, "full"), (inverter.at("lite"), "lite")):
        (estimate,) = each.invert(watched([5.0, 5.0, 0.0]))
        assert (estimate.fit.answered.network, estimate.fit.answered.precision) == ("tiny_v1", precision)
        assert estimate.fit.answered.fingerprint == sha
    with pytest.raises(ValueError, match="precision must be one of full, lite"):
        inverter.at("half")
    assert Network(folder, precision="lite").bind(Scale()).precisions == ("lite",)


@pytest.mark.parametrize(("lite_us", "precisions"), [(20.0, ("full", "lite")), (40.0, ("full",))])
def test_lite_is_a_choice_only_where_it_saves_time(folder, tmp_path, lite_us, precisions):
    costs = tuple(Cost(name, "any", us, 2 * us, 50.0, 10, 100) for name, us in (("full", 30.0), ("lite", lite_us)))
    copy = with_card(folder, tmp_path, cost=costs)
    assert Network(copy, precision="adaptive").bind(Scale()).precisions == precisions


def test_intervals_are_widened_by_the_factor_of_their_band(folder, tmp_path):
    bands = Calibration(0.9, (1.5,), (), (((1.0, 1.0),), ((2.0, 0.5),)), ((100,), (100,)))
    copy = with_card(folder, tmp_path, calibration=bands)
    slow, fast = watched([5.0, 5.0, 0.0], condition=1.0), watched([10.0, 10.0, 0.0], condition=2.0)
    inverter = Network(copy).bind(Scale())
    plain = Network(folder).bind(Scale())
    for row, factors in ((slow, (1.0, 1.0)), (fast, (2.0, 0.5))):
        (ours,), (theirs,) = inverter.invert(row), plain.invert(row)
        for name, factor in zip("xy", factors, strict=True):
            assert ours.value(name) == pytest.approx(theirs.value(name), abs=1e-4)
            assert width(ours, name) == pytest.approx(factor * width(theirs, name), rel=1e-3)


def test_a_window_unlike_most_gets_wider_intervals_and_one_unlike_all_no_answer(folder):
    """The latent of this network is the misfit in deviations: up to 3.5 stands, beyond 7 nothing is answered."""
    usual, odd, alien = (answered(folder, [5.0 + d, 5.0, -d / 2])[0] for d in (0.1, 0.45, 2.0))
    assert (usual.fit.quality, usual.fit.reason) == (Quality.GOOD, "")
    assert odd.fit.quality is Quality.UNCERTAIN
    assert "intervals widened" in odd.fit.reason
    assert 1.05 < width(odd) / width(usual) < 2.0
    assert alien.fit.quality is Quality.BAD
    assert alien.fit.reason.startswith("unlike anything trained on (")
    assert alien.interval("x") == pytest.approx((0.0, 9.0), abs=0.1)
    assert not any(alien.resolved)
    assert alien.fit.answered is not None


def test_what_is_only_known_to_lie_below_a_limit_is_never_resolved(folder):
    """Whatever the network makes of it: this one takes a limit for a value."""

    @dataclass(frozen=True)
    class Told(Scale):
        def links(self):
            return np.array([[True, False, True], [False, True, True]])

    features = watched([5.0, 5.0, 0.0])
    features.limit[0] = [6.0, -np.inf, 1.0]
    for model, resolved in ((Told(), (False, True)), (Scale(), (True, True))):
        (estimate,) = Network(folder).bind(model).invert(features)
        assert estimate.resolved == resolved
    assert Network(folder).bind(Told()).invert(features)[0].interval("x")[0] == 0.0


def test_what_was_doubted_before_is_doubted_after(folder):
    (estimate,) = Network(folder).bind(Scale()).invert(watched([5.45, 5.0, -0.225], Quality.UNCERTAIN, "clipped"))
    assert estimate.fit.reason.startswith("clipped; unlike most")


def test_an_answer_that_is_no_number_is_the_prior(folder):
    """Single precision ends at 3e38: the squares of these values do not fit."""
    with np.errstate(over="ignore"):
        (estimate,) = answered(folder, [1e25, -1e25, 1e25])
    assert estimate.fit.quality is Quality.BAD
    assert estimate.fit.reason


_PROGRAM = """
import os, sys
sys.path[:0] = {paths}
import numpy as np
from scale_model import Scale, watched
from inversion.engines.network import Network
assert "onnxruntime" not in sys.modules
features = watched(np.zeros((50, 3)) + 5.0)
before = len(os.listdir("/proc/self/task"))
inverter = Network({folder!r}, precision="adaptive").bind(Scale())
for _ in range(20):
    inverter.invert(features)
    inverter.at("lite").invert(features)
print(len(os.listdir("/proc/self/task")) - before, os.environ["ORT_DISABLE_TELEMETRY"])
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_it_starts_no_thread_writes_no_file_and_disables_telemetry(folder, tmp_path):
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    program = _PROGRAM.format(paths=paths, folder=str(folder))
    homes = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | homes
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["OPENBLAS_NUM_THREADS"] = "1"
    held = sorted(Path(folder).iterdir())
    told = subprocess.run(
        [sys.executable, "-c", program.replace(repr(str(folder)), f"__import__('pathlib').Path({str(folder)!r})")],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["0", "1"]
    assert told.stderr == ""
    assert list(tmp_path.iterdir()) == []
    assert sorted(Path(folder).iterdir()) == held


def test_the_grid_network_of_these_tests_is_a_posterior(tmp_path):
    from scale_model import Plain

    write_tiny(tmp_path / "g_v1", Plain(), grid_network(Plain()))
    (estimate,) = Network(tmp_path / "g_v1").bind(Plain()).invert(watched([4.0]))
    assert estimate.interval("x", 0.9) == pytest.approx((4.0 - 0.1645, 4.0 + 0.1645), abs=0.005)
