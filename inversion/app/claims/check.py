"""Whether two parts of a site take the same: a file, a place to listen at, a name at a broker.

Whoever came second would spoil the first, or be refused by the system again and again, in a gateway that looks well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inversion.app.claims.files import Clash, clashes, files_of
from inversion.app.options import Document, Key
from inversion.app.serving.place import Place, place
from inversion.core import ConfigurationError
from sensors.source import Claiming, Measuring
from sensors.tomlfile import dotted

if TYPE_CHECKING:
    from inversion.app.configuration import Site


@runtime_checkable
class Taking(Protocol):
    """A sink that takes something for itself that is neither a file nor its option `listen`. Optional."""

    @property
    def takes(self) -> tuple[tuple[str, str, str], ...]:
        """Option, what nobody else may have, and what would become of two that have it."""
        ...


@dataclass(frozen=True)
class _Listener:
    key: Key
    place: Place


def check_claims(document: Document, site: Site) -> None:
    """Raises ConfigurationError, one line for each option that claims what another one has."""
    several = isinstance(document.content.get("source"), list)
    sources: list[tuple[Key, object]] = [
        (("source", i) if several else ("source",), source) for i, source in enumerate(site.sources)
    ]
    sinks: list[tuple[Key, object]] = [(("sink", i), sink) for i, sink in enumerate(site.sinks.values())]
    found = [
        *clashes(document, files_of(document, site, sources, sinks)),
        *_listening(document, [*_listeners(sinks), *_observed(site)], sources),
        *_taken(document, sinks),
        *_measured(document, sources),
    ]
    complaints = {clash.key: str(document.error(clash.key, clash.problem)) for clash in reversed(found)}
    if complaints:
        raise ConfigurationError("\n".join(reversed(complaints.values())))


def overlap(one: Place, other: Place) -> bool:
    """Whether the system lets only one of them be listened at: 0.0.0.0 holds all addresses of IPv4, :: of IPv6."""
    if one.port != other.port or not one.port or (":" in one.host) != (":" in other.host):
        return False
    return one.host == other.host or one.everywhere or other.everywhere


def _listeners(sinks: Sequence[tuple[Key, object]]) -> Iterator[_Listener]:
    for key, sink in sinks:
        listen = getattr(sink, "listen", None)
        if isinstance(listen, str):
            try:
                yield _Listener((*key, "listen"), place(listen))
            except ValueError:
                continue  # of another form: a third party's


def _observed(site: Site) -> Iterator[_Listener]:
    if site.observe.listen:
        yield _Listener(("observe", "listen"), Place(*site.observe.place))


def _listening(
    document: Document, listeners: Sequence[_Listener], sources: Sequence[tuple[Key, object]]
) -> Iterator[Clash]:
    for i, one in enumerate(listeners):
        for before in listeners[:i]:
            if overlap(before.place, one.place):
                held = "" if before.place == one.place else f" holds {before.place} and"
                problem = f"must be a place of its own, found {one.place}: {_at(document, before.key)}{held}"
                yield Clash(one.key, f"{problem} listens there, and a place has one listener")
                break
    for key, source in sources:
        resource = source.claim[0] if isinstance(source, Claiming) else ""
        for ours in listeners:
            if _leads_to(resource, ours.place):
                problem = f"must lead to a device, found {resource}, where this very site listens"
                yield Clash((*key, "line"), f"{problem}, by {_at(document, ours.key)}")
                break


def _leads_to(resource: str, ours: Place) -> bool:
    try:
        return overlap(place(resource), ours)
    except ValueError:
        return False  # a serial port, or a name


def _taken(document: Document, sinks: Sequence[tuple[Key, object]]) -> Iterator[Clash]:
    holders: dict[str, Key] = {}
    for key, sink in sinks:
        for option, what, otherwise in sink.takes if isinstance(sink, Taking) else ():
            holder = holders.setdefault(what, (*key, option))
            if holder[:2] != key:
                problem = f"must differ from {_at(document, holder)}, found {what} a second time: {otherwise}"
                yield Clash((*key, option), problem)


def _measured(document: Document, sources: Sequence[tuple[Key, object]]) -> Iterator[Clash]:
    """A table that was copied, and of which the name alone was changed: one machine's values, told of another."""
    known: list[tuple[Key, object]] = []
    for key, source in sources:
        if not isinstance(source, Measuring):
            continue
        twin = next((other for other, measured in known if measured == source.measured), None)
        if twin is not None:
            told = f"must differ from {_at(document, twin)} in line, unit_id or profile, found all of them the same"
            yield Clash(key, f"{told}: another asset would have that one's values")
        known.append((key, source.measured))


def _at(document: Document, key: Key) -> str:
    return f"{dotted(key)} (line {document.locate(key)})"
