"""What a network is shown: bounded, free of levels but for the one column that says so, the same in any batch."""

import numpy as np
import pytest

from inversion.core import Features, Parameter, ParameterSpace
from inversion.core.encoding import Z_MOST, columns, encode, encode_and_rate, floor_shares, ratio_db
from sensors import Quality


def features(values, std, limit, conditions=((30.0, 51_200.0),)):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    n = len(values)
    return Features(
        values,
        np.broadcast_to(np.asarray(std, dtype=float), values.shape),
        np.broadcast_to(np.asarray(limit, dtype=float), values.shape),
        np.broadcast_to(np.asarray(conditions, dtype=float), (n, 2)),
        (Quality.GOOD,) * n,
        ("",) * n,
    )


def test_measured_censored_and_missing_are_told_apart():
    row = encode(
        features([3.0, 0.5, 7.0, np.nan], [1.0, 1.0, np.inf, 1.0], [-np.inf, 2.0, 1.0, 1.0]), np.zeros((1, 3))
    )[0]
    at = columns(4, 3, 2)
    assert row[at.state].tolist() == [1, -1, 0, 0]
    assert row[at.level].tolist() == [3, 2, 0, 0]
    assert row[at.z] == pytest.approx(np.arcsinh([3.0, 0.5, 0.0, 0.0]))


def test_scaling_a_record_changes_its_levels_only():
    one = encode(features([3.0, 0.5], [1.0, 0.1], [-np.inf, 2.0]), np.full((1, 3), 0.2))
    ten = encode(features([30.0, 5.0], [10.0, 1.0], [-np.inf, 20.0]), np.full((1, 3), 0.2))
    at = columns(2, 3, 2)
    assert ten[:, at.level] == pytest.approx(10 * one[:, at.level])
    without = np.delete(np.arange(at.width), np.arange(at.level.start, at.level.stop))
    assert ten[:, without] == pytest.approx(one[:, without])


def test_a_batch_is_its_rows():
    rng = np.random.default_rng(1)
    many = features(rng.normal(size=(5, 6)), 0.3, -np.inf)
    floors = rng.uniform(size=(5, 3))
    for row in range(5):
        one = features(many.values[row], 0.3, -np.inf)
        assert np.array_equal(encode(one, floors[row : row + 1])[0], encode(many, floors)[row])


def test_z_is_bounded_and_unknown_conditions_are_finite():
    row = encode(features([1e30, -1e30], 1.0, -np.inf, ((np.nan, np.inf),)), np.zeros((1, 1)))
    assert np.all(np.isfinite(row[:, : columns(2, 1, 2).level.start]))
    assert np.abs(row[:, columns(2, 1, 2).z]).max() == Z_MOST
    assert row[0, columns(2, 1, 2).condition].tolist() == [0, 0]


def test_floors_are_shares_of_the_ranges_and_zero_says_none():
    space = ParameterSpace((Parameter("a", "m", 0.0, 2.0, "x"), Parameter("b", "1", -1.0, 1.0, "y")))
    assert floor_shares(space, np.array([0.5, 0.0])).tolist() == [0.25, 0.0]
    assert floor_shares(space, np.array([9.0, 0.5])).tolist() == [1.0, 0.75]


def test_the_ratio_is_of_values_over_their_noise_and_of_what_was_observed():
    row = encode(features([3.0, 10.0, 7.0], [0.3, 1.0, np.inf], -np.inf), np.zeros((1, 1)))
    at = columns(3, 1, 2)
    assert ratio_db(row, at) == pytest.approx([20.0], abs=1e-5)
    assert ratio_db(np.zeros_like(row), at).tolist() == [-20.0]


def test_the_ratio_is_the_same_from_what_was_measured_and_from_what_is_shown():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 9)) * 10 ** rng.uniform(-1, 2, (40, 1))
    values[rng.uniform(size=values.shape) < 0.3] = np.nan
    values[0] = [1e9, *values[0, 1:]]
    values[1] = np.nan
    rows, rates = encode_and_rate(features(values, 0.7, 0.2, ((30.0, 51_200.0),) * 40), np.zeros((40, 2)))
    assert rates == pytest.approx(ratio_db(rows, columns(9, 2, 2)).tolist(), abs=1e-5)


def test_what_stands_first_is_written_as_what_stands_anywhere():
    """As a slice where all that was observed stands together, as a mask where not; the numbers are the same."""
    rng = np.random.default_rng(4)
    first = np.concatenate([rng.normal(size=20), np.full(5, np.nan)])
    last = np.roll(first, 5)
    for turned in (last, np.concatenate([first[:20:2], first[20:], first[1:20:2]])):
        one, other = (encode_and_rate(features(each, 0.3, 0.1), np.zeros((1, 1))) for each in (first, turned))
        at = columns(25, 1, 2)
        for part in (at.z, at.state, at.level):
            seen = [row[0, part][row[0, at.state] != 0] for row in (one[0], other[0])]
            order = np.argsort(first[:20]), np.argsort(turned[~np.isnan(turned)])
            assert np.array_equal(seen[0][order[0]], seen[1][order[1]])


@pytest.mark.parametrize("low", [0.0, -1.0, 2.0])
def test_a_floor_is_a_share_only_where_there_is_one(low):
    space = ParameterSpace((Parameter("a", "m", low, 3.0, "x"),))
    floors = np.array([[0.0], [-1.0], [0.5], [2.5], [9.0], [np.nan]])
    expected = [0.0, 0.0, *(min(max((floor - low) / (3.0 - low), 0.0), 1.0) for floor in (0.5, 2.5, 9.0)), np.nan]
    np.testing.assert_array_equal(floor_shares(space, floors)[:, 0], expected)
    np.testing.assert_array_equal([floor_shares(space, floor)[0] for floor in floors], expected)
