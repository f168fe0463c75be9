"""A forward model whose look at a window depends on the windows of the same asset before it. Optional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from inversion.core.features import Features
from sensors import Frame

#: What is remembered of one asset: plain data, as JSON has it, of bounded size; None before its first window.
Memory = Mapping[str, Any]


@runtime_checkable
class Remembering(Protocol):
    """Observes frames one after the other. Pure: what it remembers goes in and comes back."""

    @property
    def remembers(self) -> bool:
        """Whether it is set to; else `observe` says it all."""
        ...

    def observe_in_turn(
        self, frames: Sequence[Frame], memories: Mapping[str, Memory | None]
    ) -> tuple[Features, dict[str, Memory | None]]:
        """As `observe`, and what is remembered of each asset after these frames. memories: by asset, before them."""
        ...
