"""Features of a wrong shape cannot be built."""

from __future__ import annotations

import numpy as np
import pytest

from inversion.core import Features
from sensors import Quality

GOOD = {
    "values": np.zeros((2, 3)),
    "std": np.ones((2, 3)),
    "limit": np.full((2, 3), -np.inf),
    "conditions": np.zeros((2, 1)),
    "quality": (Quality.GOOD, Quality.BAD),
    "reasons": ("", "why"),
}


def test_length_is_the_number_of_frames():
    assert len(Features(**GOOD)) == 2
    empty = {name: each[:0] for name, each in GOOD.items()}
    assert len(Features(**empty)) == 0


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"values": np.zeros((2, 4))}, r"values, std, limit must share one shape \(2, d\), got \[\(2, 3\), \(2, 4\)\]"),
        ({"std": np.ones(3)}, r"got \[\(2, 3\), \(3,\)\]"),
        ({"limit": np.zeros((3, 3))}, "must share one shape"),
        ({"quality": (Quality.GOOD,), "reasons": ("",)}, r"must share one shape \(1, d\)"),
        ({"conditions": np.zeros(2)}, r"conditions and reasons must have 2 rows, got \(2,\), 2"),
        ({"conditions": np.zeros((3, 1))}, r"must have 2 rows, got \(3, 1\), 2"),
        ({"reasons": ("",)}, r"must have 2 rows, got \(2, 1\), 1"),
    ],
)
def test_shapes_are_checked(wrong, found):
    with pytest.raises(ValueError, match=found):
        Features(**{**GOOD, **wrong})
