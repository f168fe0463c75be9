"""A worker answers at the precision that time allows, and knows when its quota stopped it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from inversion.app.adaptive import Choice, choice_of, throttled_periods
from inversion.engines.precision import Strain


@dataclass(frozen=True)
class Inverter:
    precisions: tuple[str, ...] = ("full", "lite")
    budget_s: float = 0.01
    now: str = "full"

    def at(self, precision):
        return replace(self, now=precision)

    def invert(self, features):
        return []


@dataclass(frozen=True)
class Held:
    inverter: object


def test_it_answers_lite_while_time_is_short():
    choice = choice_of(Held(Inverter()))
    taken = []
    for strain in (Strain(0.001), Strain(0.02), *[Strain(0.001)] * 50):
        choice = choice.after(strain)
        taken.append(choice.pipeline.inverter.now)
    assert taken == ["full", *["lite"] * 50, "full"]


@pytest.mark.parametrize("inverter", [SimpleNamespace(invert=None), Inverter(precisions=("full",))])
def test_an_engine_without_precisions_stays_as_it_is(inverter):
    held = Held(inverter)
    assert choice_of(held).after(Strain(9.0, True, 1.0)) == Choice((held,))
    assert choice_of(held).pipeline is held


@pytest.mark.parametrize(
    ("own", "stat"),
    [
        ("4:memory:/m\n3:cpu,cpuacct:/box/worker\n", "cpu/box/worker/cpu.stat"),
        ("0::/box/worker\n", "box/worker/cpu.stat"),
    ],
    ids=["version 1", "version 2"],
)
def test_how_often_the_quota_stopped_it_is_read(tmp_path, own, stat):
    (tmp_path / "own").write_text(own)
    file = tmp_path / "mounted" / stat
    assert throttled_periods(tmp_path / "own", tmp_path / "mounted") == 0
    file.parent.mkdir(parents=True)
    file.write_text("nr_periods 40\nnr_throttled 12\nthrottled_time 5\n")
    assert throttled_periods(tmp_path / "own", tmp_path / "mounted") == 12
    assert throttled_periods(tmp_path / "absent", tmp_path / "mounted") == 0
