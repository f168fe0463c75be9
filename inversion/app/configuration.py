"""A site: what to measure, how to invert it, when to alarm and where findings go, from one TOML file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inversion.app.alarm_options import DeskOptions, alarm_rules, machine_states, silence_rules
from inversion.app.claims import check_claims
from inversion.app.clock.options import ClockOptions
from inversion.app.evidence import EvidenceOptions
from inversion.app.limits.options import Limits
from inversion.app.log import LogOptions
from inversion.app.nearest import did_you_mean
from inversion.app.observe.options import ObserveOptions
from inversion.app.options import Document, Key, build, build_around, read_document
from inversion.app.plugins import PluginError, load_plugin, option_types
from inversion.app.site_options import GatewayOptions, JournalOptions, SiteOptions
from inversion.core import ConfigurationError, Engine, ForwardModel, ModelError, Sink
from sensors import Source
from sensors.source import Claiming
from sensors.tomlfile import dotted

if TYPE_CHECKING:  # the gateway process never loads what inverts: its worker does
    from inversion.alerts import SilenceRule
    from inversion.app.parts import PipelineParts
    from inversion.pipeline import Pipeline
    from inversion.training.recipe import Calibration

_SECTIONS = (
    "site",
    "source",
    "forward",
    "engine",
    "tracking",
    "alarm",
    "alarm_desk",
    "limits",
    "machine_state",
    "sink",
    "journal",
    "clock",
    "log",
    "gateway",
    "evidence",
    "observe",
    "calibration",
)


@dataclass(frozen=True)
class Site:
    """Everything but the pipeline, which is built where it runs (`load_pipeline`).

    sinks: by the name under which the journal remembers how far each one got
    latching: of every alarm, by name, whether it stays until somebody resets it; learning: those with a baseline
    parts: what the pipeline is made of, as plain data; None: the worker reads it from the file
    """

    path: Path
    name: str
    level: float
    sources: tuple[Source, ...]
    sinks: Mapping[str, Sink]
    journal: Path
    gateway: GatewayOptions
    silences: tuple[SilenceRule, ...] = ()
    latching: Mapping[str, bool] = field(default_factory=dict)
    learning: tuple[str, ...] = ()
    alarm_desk: DeskOptions = field(default_factory=DeskOptions)
    journalling: JournalOptions = field(default_factory=JournalOptions)
    clock: ClockOptions = field(default_factory=ClockOptions)
    log: LogOptions = field(default_factory=LogOptions)
    limits: Limits = field(default_factory=Limits)
    observe: ObserveOptions = field(default_factory=ObserveOptions)
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)
    parts: Any = None


def load_site(path: Path) -> Site:
    """The site of a configuration file; connects to nothing. Raises ConfigurationError, one line a complaint."""
    document = _document(path)
    options = build(document, ("site",), document.content.get("site", {}), SiteOptions)
    journal = build(document, ("journal",), document.content.get("journal", {}), JournalOptions)
    sources = _sources(document)
    site = Site(
        path=path,
        name=options.name,
        level=options.level,
        sources=sources,
        sinks=_sinks(document),
        journal=journal.path or path.with_name(f"{options.name}.journal"),
        gateway=build(document, ("gateway",), document.content.get("gateway", {}), GatewayOptions),
        silences=_silences(document, sources),
        latching={str(t.get("name")): bool(t.get("latched")) for t in tables(document, "alarm")},
        learning=tuple(str(t.get("name")) for t in tables(document, "alarm") if "baseline" in t),
        alarm_desk=build(document, ("alarm_desk",), document.content.get("alarm_desk", {}), DeskOptions),
        journalling=journal,
        clock=build(document, ("clock",), document.content.get("clock", {}), ClockOptions),
        log=build(document, ("log",), document.content.get("log", {}), LogOptions),
        limits=build(document, ("limits",), document.content.get("limits", {}), Limits),
        evidence=build(document, ("evidence",), document.content.get("evidence", {}), EvidenceOptions),
        observe=build(document, ("observe",), document.content.get("observe", {}), ObserveOptions),
    )
    check_claims(document, site)
    return site


def load_pipeline(path: Path) -> Pipeline:
    """The forward model, engine, tracker and alarm rules of a site. Raises ConfigurationError."""
    document = _document(path)
    parts = _parts(document)
    try:
        inverter = parts.engine.bind(parts.model)
    except ModelError as error:
        raise document.error(("engine",), str(error)) from error
    try:
        return parts.pipeline(inverter)
    except ConfigurationError as error:  # rules are checked already, so it is the tracker that does not fit the model
        raise document.error(("tracking",), str(error)) from error


def load_parts(path: Path) -> PipelineParts:
    """What the pipeline of a site is made of; its engine is not bound yet. Raises ConfigurationError."""
    return _parts(_document(path))


def _parts(document: Document) -> PipelineParts:
    from inversion.app.parts import PipelineParts
    from inversion.tracking import Tracker

    model: ForwardModel = plugin_at(document, ("forward",), "inversion.forward")
    engine: Engine = plugin_at(document, ("engine",), "inversion.engine")
    tracker = build(document, ("tracking",), document.content.get("tracking", {}), Tracker)
    states = machine_states(document, tables(document, "machine_state"))
    rules = alarm_rules(document, tables(document, "alarm"), model, states, tracker)
    return PipelineParts(model, engine, document.content["engine"]["use"], rules, tracker, states)


def load_calibration(path: Path) -> tuple[Calibration, Engine]:
    """What `inversion calibrate` shall fit, and the engine that will invert it. Raises ConfigurationError."""
    from inversion.training.recipe import Calibration

    document = _document(path)
    if "calibration" not in document.content:
        raise document.error(("calibration",), "is required to calibrate, found nothing")
    engine: Engine = plugin_at(document, ("engine",), "inversion.engine")
    return build(document, ("calibration",), document.content["calibration"], Calibration), engine


def _document(path: Path) -> Document:
    document = read_document(path)
    unknown = [document.unknown((name,), _SECTIONS) for name in document.content if name not in _SECTIONS]
    if unknown:
        raise ConfigurationError("\n".join(map(str, unknown)))
    return document


def plugin_at(document: Document, key: Key, group: str, ours: Collection[str] = ("use",)) -> Any:
    """The plug-in that the table at `key` names in `use`, built from the table's options but `ours`.

    An option that is an engine itself is a table of its own, with its own `use`.
    """
    table = _at(document, key)
    if not isinstance(table, Mapping):
        raise document.error(
            key, "is required, found nothing" if table is None else f"must be a table, found {table!r}"
        )
    name = table.get("use")
    if not isinstance(name, str):
        problem = "is required, found nothing" if name is None else f"must be a name, found {name!r}"
        raise document.error((*key, "use"), problem)
    try:
        plugin = load_plugin(group, name)
    except PluginError as error:
        raise document.error((*key, "use"), str(error)) from error
    inner = [option for option, kind in option_types(plugin).items() if kind is Engine]
    parts = {option: plugin_at(document, (*key, option), "inversion.engine") for option in inner}
    options = {option: value for option, value in table.items() if option not in (*ours, *inner)}
    return build_around(document, key, options, plugin, parts) if parts else build(document, key, options, plugin)


def _sources(document: Document) -> tuple[Source, ...]:
    """`[source]`, or several `[[source]]`; two that name the same asset would mix two machines in one track."""
    table = document.content.get("source") or None
    keys: list[Key] = [("source", i) for i in range(len(table))] if isinstance(table, list) else [("source",)]
    sources: dict[str, Source] = {}
    claims: dict[str, tuple[str, Key]] = {}
    for key in keys:
        source = plugin_at(document, key, "sensors.source")
        asset = getattr(source, "asset", None) or dotted(key)
        if asset in sources:
            raise document.error((*key, "asset"), f"a second source of {asset!r}; an asset has one")
        sources[asset] = source
        if isinstance(source, Claiming):
            resource, how = source.claim
            before, other = claims.setdefault(resource, (how, key))
            if before != how:
                raise document.error(key, f"{resource} is claimed as {how!r}, but by {dotted(other)} as {before!r}")
    return tuple(sources.values())


def _silences(document: Document, sources: tuple[Source, ...]) -> tuple[SilenceRule, ...]:
    """One about an asset that no source measures could never be heard of, and would be an alarm for nothing."""
    rules = silence_rules(document, tables(document, "alarm"))
    assets = [getattr(source, "asset", None) for source in sources]
    known = [asset for asset in assets if isinstance(asset, str)]
    for i, table in enumerate(tables(document, "alarm")):
        for name in table.get("assets", ()) if table.get("condition") == "silence" else ():
            if len(known) == len(assets) and name not in known:
                problem = f"no source measures {name!r} ({did_you_mean(name, known)})"
                raise document.error(("alarm", i, "assets"), problem)
    return rules


def _sinks(document: Document) -> dict[str, Sink]:
    sinks: dict[str, Sink] = {}
    for i, table in enumerate(tables(document, "sink")):
        key = ("sink", i)
        name = table.get("name", table.get("use", ""))
        if not isinstance(name, str) or (not name and "name" in table) or not name.isprintable():
            raise document.error((*key, "name"), f"must be a name, found {name!r}")
        if name in sinks:
            raise document.error(key, f"a second sink named {name!r}; give it a `name` of its own")
        sinks[name] = plugin_at(document, key, "inversion.sink", ("use", "name"))
    return sinks


def tables(document: Document, name: str) -> list[dict[str, Any]]:
    """All `[[name]]` of a document, none where there is none. Raises ConfigurationError where it is no such list."""
    tables = document.content.get(name, [])
    if not (isinstance(tables, list) and all(isinstance(table, dict) for table in tables)):
        raise document.error((name,), f"must be written as [[{name}]]")
    return tables


def _at(document: Document, key: Key) -> Any:
    table: Any = document.content
    for part in key:
        if isinstance(table, Mapping) and part not in table:
            return None
        table = table[part]
    return table
