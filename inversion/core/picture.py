"""What a forward model can show of a frame, for people: a curve with marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sensors import Frame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """One curve.

    x, y: (n,), in what their labels say (unit included)
    markers: names and x positions of lines to draw across, such as ("BPFO", 3.58)
    log_x, log_y: logarithmic axes; their values must be positive
    """

    title: str
    x: Array
    y: Array
    x_label: str
    y_label: str
    markers: tuple[tuple[str, float], ...] = ()
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self) -> None:
        if self.x.ndim != 1 or self.x.shape != self.y.shape or self.x.size == 0:
            raise ValueError(f"{self.title}: x and y must share one shape (n,), got {self.x.shape} and {self.y.shape}")


@runtime_checkable
class Illustrator(Protocol):
    """A forward model that can also show what it looks at. Optional."""

    def pictures(self, frame: Frame) -> tuple[Picture, ...]:
        """Pictures of one frame that holds the model's channels; empty where there is nothing to show."""
        ...
