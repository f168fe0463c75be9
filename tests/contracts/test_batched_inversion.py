"""A window's estimate is the same, to the bit, whatever windows are inverted beside it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.invert import NAMES, Case, cases, picked
from inversion.core import AffineModel, Estimate, Features
from inversion.engines.least_squares import LeastSquares
from inversion.engines.tikhonov import Tikhonov
from sensors import Quality

WINDOWS = 9


@pytest.fixture(scope="module")
def made() -> dict[str, Case]:
    return cases(WINDOWS)


def told(estimate: Estimate) -> tuple[object, ...]:
    arrays = (estimate.mean, estimate.covariance, estimate.floor, estimate.marginals)
    return (*(None if each is None else each.tobytes() for each in arrays), estimate.resolved, repr(estimate.fit))


def rows(features: Features, order: list[int]) -> Features:
    return Features(
        *(each[order] for each in (features.values, features.std, features.limit, features.conditions)),
        tuple(features.quality[row] for row in order),
        tuple(features.reasons[row] for row in order),
    )


def torn(features: Features) -> Features:
    """The same with one window of which nothing is known and one that lacks its first observable."""
    values, std = features.values.copy(), features.std.copy()
    std[3, 0] = np.inf
    quality = [Quality.BAD if row == 5 else each for row, each in enumerate(features.quality)]
    return Features(values, std, features.limit, features.conditions, tuple(quality), features.reasons)


@pytest.mark.parametrize(
    "engine", [LeastSquares(), LeastSquares(loss="student"), Tikhonov()], ids=["", "robust", "box"]
)
@pytest.mark.parametrize("name", NAMES)
def test_any_batching_gives_the_same_bytes(made, name, engine):
    model, features = made[name]
    if isinstance(engine, Tikhonov) and not isinstance(model, AffineModel):
        pytest.skip("no linear model")
    features = torn(features)
    inverter = engine.bind(model)
    together = [told(each) for each in inverter.invert(features)]
    alone = [told(each) for row in range(WINDOWS) for each in inverter.invert(picked(features, row))]
    assert together == alone
    order = [8, 2, 5, 0, 3, 7, 1]
    assert [told(each) for each in inverter.invert(rows(features, order))] == [alone[row] for row in order]


@pytest.mark.parametrize("loss", ["gaussian", "student"])
@pytest.mark.parametrize("name", ["linear, four of nine", "empirical, four parameters"])
def test_values_below_their_limits_change_nothing_of_those_beside_them(made, name, loss):
    model, features = made[name]
    limit = np.full_like(features.values, -np.inf)
    limit[::3, ::2] = features.values[::3, ::2] + 0.1
    limit[1::3] = features.values[1::3] + 0.1
    features = Features(features.values, features.std, limit, features.conditions, features.quality, features.reasons)
    inverter = LeastSquares(loss=loss).bind(model)
    alone = [told(each) for row in range(WINDOWS) for each in inverter.invert(picked(features, row))]
    assert [told(each) for each in inverter.invert(features)] == alone


def test_chunks_change_nothing(made, monkeypatch):
    model, features = made["bearing, damaged and sized"]
    before = [told(each) for each in LeastSquares().bind(model).invert(features)]
    monkeypatch.setattr("inversion.engines.least_squares._TOGETHER", 1)
    monkeypatch.setattr("inversion.engines.minimize._PIECE", 1)
    assert [told(each) for each in LeastSquares().bind(model).invert(features)] == before
