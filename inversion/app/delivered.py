"""Whether a site's sources deliver what its forward model and its alarms need: told at check, not window by window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inversion.app.nearest import did_you_mean
from inversion.app.options import Document, Key, read_document
from inversion.app.site_options import ENOUGH, LEAST_WAIT_S, MOST_WAIT_S
from inversion.core import ConfigurationError, ForwardModel
from sensors import Source
from sensors.tomlfile import load

if TYPE_CHECKING:
    from inversion.alerts import AlertRule, QualityRule, SilenceRule, StateRule


@runtime_checkable
class KnownChannels(Protocol):
    """A source that knows the names of its channels before it measures. Optional."""

    @property
    def channel_names(self) -> tuple[str, ...]:
        """All names that its frames may hold."""
        ...


@runtime_checkable
class KnownPace(Protocol):
    """A source that knows how often it measures. Optional."""

    @property
    def every_s(self) -> float:
        """From one frame to the next at least, s."""
        ...


@runtime_checkable
class KnownExtents(Protocol):
    """A source that knows what its channels can hold before it measures. Optional."""

    @property
    def channel_extents(self) -> Mapping[str, tuple[float, float]]:
        """Lowest and highest value, SI, by channel."""
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


def check_state_channels(
    path: Path, sources: Sequence[Source], states: Sequence[StateRule], rules: Sequence[AlertRule | QualityRule]
) -> None:
    """Raises ConfigurationError for a machine state by a channel that no source delivers, and for an alarm that is
    watched only in states which no frame of some asset can show."""
    document = read_document(path)
    known = [source for source in sources if isinstance(source, KnownChannels)]
    delivered = sorted({name for source in known for name in source.channel_names})
    if len(known) == len(sources):
        for i, state in enumerate(states):
            if state.channel not in delivered:
                problem = f"no source delivers {state.channel!r} ({did_you_mean(state.channel, delivered)})"
                raise document.error(("machine_state", i, "channel"), problem)
    for i, state in enumerate(states):
        _check_extent(document, ("machine_state", i), state, sources)
    for source in known:
        shown = {state.name for state in states if state.channel in source.channel_names}
        for rule in rules:
            told = {state.name for state in states} & set(rule.only_in)
            if told == set(rule.only_in) and told and not told & shown:
                asset = getattr(source, "asset", "an asset")
                problem = f"its source does not deliver what tells them, so that this never alarms for {asset!r}"
                raise document.error(("alarm", _index(document, rule.name), "only_in"), problem)


def _check_extent(document: Document, key: Key, state: StateRule, sources: Sequence[Source]) -> None:
    """Raises ConfigurationError for a state that holds whatever can be measured, or never: its unit is another one."""
    if state.changing is not None or not all(isinstance(source, KnownExtents) for source in sources):
        return
    every = [source.channel_extents for source in sources if isinstance(source, KnownExtents)]
    extents = [each[state.channel] for each in every if state.channel in each]
    if not extents:
        return
    low, high = min(each[0] for each in extents), max(each[1] for each in extents)
    at_least = -math.inf if state.at_least is None else state.at_least
    below = math.inf if state.below is None else state.below
    always, never = at_least <= low and below > high, at_least > high or below <= low
    if always or never:
        option = "below" if (below <= low or (always and state.below is not None)) else "at_least"
        found = state.below if option == "below" else state.at_least
        told = (
            f"{state.name!r} would {'always' if always else 'never'} hold: {state.channel} is {low:g} to {high:g} (SI)"
        )
        raise document.error((*key, option), f"{told}, found {found:g}")


def check_pace(
    path: Path, sources: Sequence[Source], rules: Sequence[AlertRule | QualityRule], silences: Sequence[SilenceRule]
) -> None:
    """Raises ConfigurationError for an alarm whose delay breaks off, or that is silence, between any two windows."""
    document = read_document(path)
    for asset, every_s in _paces(sources):
        told = _longer(asset, every_s)
        for rule in rules:
            if rule.on_delay_s > 0 and rule.max_gap_s <= every_s:
                problem = f"{told}, found {rule.max_gap_s:g}: its delay would never be over"
                raise document.error(("alarm", _index(document, rule.name), "max_gap_s"), problem)
        for silence in silences:
            if silence.after_s <= every_s and (not silence.assets or asset in silence.assets):
                raise document.error(
                    ("alarm", _index(document, silence.name), "after_s"), f"{told}, found {silence.after_s:g}"
                )


def check_stale(path: Path, sources: Sequence[Source], sinks: Sequence[object], commit_s: float | None) -> None:
    """Raises ConfigurationError for a server whose values are stale before the next ones can come.

    commit_s: how long findings wait for others before a sink has them; None: as the gateway chooses
    """
    document, wait_s = read_document(path), commit_s if commit_s is not None else _wait_s(sources)
    for asset, every_s in _paces(sources):
        for number, sink in enumerate(sinks):
            stale_s = getattr(sink, "stale_s", None)
            if isinstance(stale_s, float) and stale_s <= every_s + wait_s:
                waits = f"and the {wait_s:g} s that a finding may wait for others"
                problem = f"{_longer(asset, every_s)} {waits}, found {stale_s:g}: no value would hold until the next"
                raise document.error(("sink", number, "stale_s"), problem)


def _wait_s(sources: Sequence[Source]) -> float:
    paces = [source.every_s for source in sources if isinstance(source, KnownPace)]
    if len(paces) < len(sources):
        return LEAST_WAIT_S
    return min(MOST_WAIT_S, max(LEAST_WAIT_S, ENOUGH / sum(1 / every_s for every_s in paces)))


def _paces(sources: Sequence[Source]) -> Iterator[tuple[str, float]]:
    """Asset, and seconds from window to window, of the sources that know."""
    for source in sources:
        if isinstance(source, KnownPace):
            yield getattr(source, "asset", "an asset"), source.every_s


def _longer(asset: str, every_s: float) -> str:
    return f"must be longer than the {every_s:g} s from window to window of {asset!r}"


def _index(document: Document, alarm: str) -> int:
    """Its place among the tables [[alarm]]."""
    return [table.get("name") for table in document.content["alarm"]].index(alarm)
