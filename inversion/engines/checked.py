"""A quick engine, watched by a reference: on a sample of windows, and wherever the quick one is in doubt of itself.

Where both look at a window and their intervals for a parameter have nothing in common, the reference answers and the
finding says so. Which windows are sampled follows from what was observed in them, so that the same frames give the same
findings in any batching, live and in batch.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from inversion.core import Adaptive, Answered, Engine, Estimate, Features, ForwardModel, Inverter, Parameter
from inversion.core.protocols import Trained, Warming
from sensors import Quality

_LEVEL = 0.9  # of the intervals that are compared


@dataclass(frozen=True)
class Checked:
    """A quick engine, watched by a reference: on a sample of windows, and wherever the quick one is in doubt.

    quick: what answers as a rule, such as a network; reference: what it is held against, such as least squares
    every: one window in so many is looked at by both, chosen by what was observed in it
    """

    quick: Engine
    reference: Engine
    every: int = 20

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    def bind(self, model: ForwardModel) -> CheckedInverter:
        """An inverter for this model. Raises ModelError where one of the two does not fit it."""
        names = (type(self.quick).__name__, type(self.reference).__name__)
        return CheckedInverter(self.quick.bind(model), self.reference.bind(model), self.every, names)

    def warm(self) -> None:
        """Both."""
        for engine in (self.quick, self.reference):
            if isinstance(engine, Warming):
                engine.warm()


@dataclass(frozen=True)
class CheckedInverter:
    """Both, bound to one forward model. names: of the quick and of the reference engine, for reasons."""

    quick: Inverter
    reference: Inverter
    every: int
    names: tuple[str, str]

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those of the quick engine."""
        return self.quick.precisions if isinstance(self.quick, Adaptive) else ()

    @property
    def budget_s(self) -> float:
        """Of the quick engine; infinite where it has nothing to choose."""
        return self.quick.budget_s if isinstance(self.quick, Adaptive) else float("inf")

    @property
    def networks(self) -> tuple[Answered, ...]:
        """Of both engines."""
        return tuple(
            each for engine in (self.quick, self.reference) if isinstance(engine, Trained) for each in engine.networks
        )

    def at(self, precision: str) -> CheckedInverter:
        """The same, the quick engine answering at this precision."""
        if not isinstance(self.quick, Adaptive):
            raise ValueError(f"{self.names[0]} has no precisions, got {precision!r}")
        return replace(self, quick=self.quick.at(precision))

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame: the quick one's, or the reference's where that was in doubt or the two disagree."""
        answers = self.quick.invert(features)
        doubted = [_doubted(features, row, answer) for row, answer in enumerate(answers)]
        rows = [row for row in range(len(features)) if doubted[row] or self._sampled(features, row)]
        for row, second in zip(rows, self.reference.invert(features.take(rows)), strict=True):
            answers[row] = second if doubted[row] else self._compared(answers[row], second)
        return answers

    def _sampled(self, features: Features, row: int) -> bool:
        """Whether both look at this window; the numbers in it decide, so that batching does not."""
        if features.quality[row] is Quality.BAD:
            return False
        return zlib.crc32(np.ascontiguousarray(features.values[row]).tobytes()) % self.every == 0

    def _compared(self, first: Estimate, second: Estimate) -> Estimate:
        """The first, or where the two exclude each other the second, with the reason."""
        disputes = [text for parameter in first.space if (text := _dispute(parameter, first, second))]
        if not disputes:
            return first
        reason = f"{' and '.join(self.names)} disagree about {'; '.join(disputes)}: the latter answers"
        fit = replace(
            second.fit,
            quality=max(second.fit.quality, Quality.UNCERTAIN),
            reason="; ".join(text for text in (second.fit.reason, reason) if text),
        )
        return replace(second, fit=fit)


def _doubted(features: Features, row: int, answer: Estimate) -> bool:
    """Whether the quick engine itself had something to say against its answer."""
    return features.quality[row] is not Quality.BAD and answer.fit.reason != features.reasons[row]


def _dispute(parameter: Parameter, first: Estimate, second: Estimate) -> str:
    """What the two say where their intervals have nothing in common; empty where they have, and for a nuisance."""
    if parameter.nuisance:
        return ""
    one, two = (estimate.interval(parameter.name, _LEVEL) for estimate in (first, second))
    if one[0] <= two[1] and two[0] <= one[1]:
        return ""
    told = [f"{parameter.to_shown(low):.3g} to {parameter.to_shown(high):.3g}" for low, high in (one, two)]
    return f"{parameter.name} ({' against '.join(told)} {parameter.shown})"
