"""The smallest forward model and engine there can be: the level of a signal, from its RMS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inversion.core import Estimate, Features, Fit, Parameter, ParameterSpace
from sensors import Frame, Quality, Waveform

SPACE = ParameterSpace(
    (
        Parameter("level", "m/s2", 0.0, 100.0, "RMS of the signal", shown="g"),
        Parameter("gain", "1", 0.5, 2.0, "of the path", nuisance=True),
    )
)


@dataclass(frozen=True)
class LevelModel:
    """One observable, the RMS. Below `resolution` (m/s2) the level is not resolvable."""

    resolution: float = 1.0

    @property
    def space(self) -> ParameterSpace:
        return SPACE

    @property
    def observables(self) -> tuple[str, ...]:
        return ("rms",)

    @property
    def channels(self) -> tuple[str, ...]:
        return ("vibration", "shaft_hz")

    def simulate(self, theta, conditions):
        return theta[..., :1] * theta[..., 1:2]

    def observe(self, frames: Sequence[Frame]) -> Features:
        channels = [frame.channels["vibration"] for frame in frames]
        rms = np.array([[float(np.sqrt(np.mean(c.samples.astype(float) ** 2)))] for c in channels])
        bad = [c.quality is Quality.BAD or not np.isfinite(r) for c, r in zip(channels, rms[:, 0], strict=True)]
        return Features(
            values=np.where(np.isfinite(rms), rms, 0.0),
            std=np.full_like(rms, 0.05),
            limit=np.full_like(rms, self.resolution),
            conditions=np.array([[frame.channels["shaft_hz"].samples[0]] for frame in frames], dtype=float),
            quality=tuple(Quality.BAD if b else c.quality for b, c in zip(bad, channels, strict=True)),
            reasons=tuple("not finite" if b else c.reason for b, c in zip(bad, channels, strict=True)),
        )

    def floor(self, conditions):
        return np.array([self.resolution, 0.0])


@dataclass(frozen=True)
class LevelEngine:
    """Says what was observed, with its noise."""

    def bind(self, model: LevelModel) -> LevelInverter:
        return LevelInverter(model)


@dataclass(frozen=True)
class LevelInverter:
    model: LevelModel

    def invert(self, features: Features) -> list[Estimate]:
        estimates = []
        for k in range(len(features)):
            rms = float(features.values[k, 0])
            resolved = rms > float(features.limit[k, 0])
            mean = SPACE.to_latent(np.array([max(rms, 0.5) if resolved else self.model.resolution / 2, 1.0]))
            fit = Fit(features.quality[k], 1.0, features.reasons[k])
            floor = self.model.floor(features.conditions[k])
            estimates.append(Estimate(SPACE, mean, np.diag([0.01, 1.0]), floor, (resolved, False), fit))
        return estimates


def frame(
    rms: float, second: float, *, asset: str = "fan", quality: Quality = Quality.GOOD, position: int | None = None
) -> Frame:
    """A frame of 64 samples of plus and minus `rms`, m/s2."""
    samples = np.full(64, rms, dtype=np.float32) * np.where(np.arange(64) % 2, 1, -1)
    vibration = Waveform(samples, 1000.0, "m/s2", quality, "" if quality is Quality.GOOD else "said so")
    channels = {"vibration": vibration, "shaft_hz": Waveform(np.array([25.0]), 1.0, "Hz")}
    return Frame(asset, round(second * 1e9), False, channels, "made up", position)
