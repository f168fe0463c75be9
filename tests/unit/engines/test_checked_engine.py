"""Two engines on one window: the quick one answers, unless it doubts itself or the reference excludes what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from inversion.core import Answered, Estimate, Features, Fit, Parameter, ParameterSpace
from inversion.engines.checked import Checked
from sensors import Quality

SPACE = ParameterSpace(
    (Parameter("width", "m", 0.0, 8e-3, "any", "mm"), Parameter("shift", "1", -1.0, 1.0, "any", nuisance=True))
)


def answer(
    middle: float, *, reason: str = "", quality: Quality = Quality.GOOD, shift: float = 0.0, network=None
) -> Estimate:
    latent = SPACE.to_latent(np.array([middle, shift]))
    return Estimate(SPACE, latent, 1e-4 * np.eye(2), np.zeros(2), (True, True), Fit(quality, 1.0, reason, network))


@dataclass(frozen=True)
class Says:
    """An engine that answers what it was told, and notes which windows it was asked about."""

    given: tuple[Estimate, ...]
    asked: list

    def bind(self, model):
        return self

    def invert(self, features: Features) -> list[Estimate]:
        self.asked.append(features.values[:, 0].tolist())
        return [self.given[int(value)] for value in features.values[:, 0]]


def windows(n: int, quality: Quality = Quality.GOOD, reason: str = "") -> Features:
    values = np.arange(n, dtype=float)[:, None]
    return Features(values, np.ones((n, 1)), np.full((n, 1), -np.inf), np.ones((n, 1)), (quality,) * n, (reason,) * n)


def both(first, second, every: int, features: Features):
    quick, reference = Says(tuple(first), []), Says(tuple(second), [])
    found = Checked(quick, reference, every).bind(None).invert(features)
    return found, reference.asked


def test_where_they_agree_the_quick_one_answers():
    quick = [answer(2e-3, network=Answered("n_v1", "full", "0" * 16))]
    found, asked = both(quick, [answer(2.01e-3)], 1, windows(1))
    assert found == quick
    assert asked == [[0.0]]


def test_where_they_exclude_each_other_the_reference_answers_and_says_so():
    found, _ = both([answer(2e-3)], [answer(4e-3)], 1, windows(1))
    assert found[0].value("width") == pytest.approx(4e-3)
    assert found[0].fit.quality is Quality.UNCERTAIN
    assert found[0].fit.reason.startswith("Says and Says disagree about width (1.9")
    assert found[0].fit.reason.endswith(" mm): the latter answers")


def test_a_nuisance_is_no_reason_to_disagree():
    quick = [answer(2e-3, shift=-0.9)]
    assert both(quick, [answer(2e-3, shift=0.9)], 1, windows(1))[0] == quick


def test_a_doubt_of_the_quick_one_is_settled_by_the_reference():
    doubts = [answer(2e-3, reason="unlike anything", quality=Quality.UNCERTAIN), answer(2e-3)]
    found, asked = both(doubts, [answer(3e-3), answer(2e-3)], 10**9, windows(2))
    assert asked == [[0.0]]
    assert (found[0].value("width"), found[0].fit.reason) == (pytest.approx(3e-3), "")


def test_a_doubt_of_the_source_is_no_doubt_of_the_engine():
    said = [answer(2e-3, reason="clipped", quality=Quality.UNCERTAIN)]
    _, asked = both(said, said, 10**9, windows(1, Quality.UNCERTAIN, "clipped"))
    assert asked == [[]]


def test_bad_windows_are_never_looked_at_twice():
    said = [answer(2e-3, reason="dead", quality=Quality.BAD)]
    _, asked = both(said, said, 1, windows(1, Quality.BAD, "dead"))
    assert asked == [[]]


def test_one_window_in_so_many_is_looked_at_twice_whatever_the_batching():
    """400 windows, one in eight: 50, within four binomial deviations (27)."""
    said = [answer(2e-3)] * 400
    _, (together,) = both(said, said, 8, windows(400))
    assert 23 <= len(together) <= 77
    whole = windows(400)
    alone = [value for k in range(400) for asked in both(said, said, 8, whole.take([k]))[1] for value in asked]
    assert alone == together


def test_the_precisions_are_those_of_the_quick_engine():
    @dataclass(frozen=True)
    class Both(Says):
        precisions: tuple[str, ...] = ("full", "lite")
        budget_s: float = 0.01
        now: str = "full"

        def at(self, precision):
            return replace(self, now=precision)

    inverter = Checked(Both((), []), Says((), [])).bind(None)
    assert (inverter.precisions, inverter.budget_s) == (("full", "lite"), 0.01)
    assert inverter.at("lite").quick.now == "lite"
    plain = Checked(Says((), []), Says((), [])).bind(None)
    assert plain.precisions == ()
    with pytest.raises(ValueError, match="has no precisions"):
        plain.at("lite")


def test_it_refuses_to_look_at_less_than_every_window():
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        Checked(Says((), []), Says((), []), every=0)
