"""Whether a site's sources deliver what its forward model needs: told at start, not window by window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from inversion.app.nearest import did_you_mean
from inversion.core import ConfigurationError, ForwardModel
from sensors import Source
from sensors.tomlfile import load


@runtime_checkable
class KnownChannels(Protocol):
    """A source that knows the names of its channels before it measures. Optional."""

    @property
    def channel_names(self) -> tuple[str, ...]:
        """All names that its frames may hold."""
        ...


def check_channels(path: Path, sources: Sequence[Source], model: ForwardModel) -> None:
    """Raises ConfigurationError where a source is known not to deliver a channel of the model."""
    for source in sources:
        if not isinstance(source, KnownChannels):
            continue
        missing = [name for name in model.channels if name not in source.channel_names]
        if missing:
            _, locate = load(path, ConfigurationError)
            raise ConfigurationError(
                f"{path}:{locate('forward')}: forward: needs channel {missing[0]!r}, which the source does not deliver "
                f"({did_you_mean(missing[0], source.channel_names)})"
            )
