"""`inversion check`: everything of a site built, nothing connected, and said what it would do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inversion.alerts import AlertRule, QualityRule, StateRule
from inversion.app.check_sinks import check_patience, check_sinks
from inversion.app.check_tls import check_tls
from inversion.app.configuration import Site, load_pipeline, load_site
from inversion.app.delivered import check_channels, check_pace, check_stale, check_state_channels
from inversion.app.ours import check_packages
from inversion.app.secret import doubts
from inversion.core import Answered, ConfigurationError, ParameterSpace
from inversion.core.protocols import Cautious, Trained
from inversion.pipeline import Pipeline


def plan(path: Path) -> dict[str, Any]:
    """What the site would do, as plain data. Raises ConfigurationError with every complaint, one a line."""
    site, pipeline = examined(path)
    check_tls(path, site, datetime.fromtimestamp(time.time(), UTC))
    return _plan(site, pipeline)


def examined(path: Path) -> tuple[Site, Pipeline]:
    """All of a site, built and held against itself, but for certificates. Raises ConfigurationError."""
    check_packages()
    complaints = []
    try:
        site = load_site(path)
    except ConfigurationError as error:
        complaints += str(error).split("\n")
    try:
        pipeline = load_pipeline(path)
    except ConfigurationError as error:
        complaints += [line for line in str(error).split("\n") if line not in complaints]
    if complaints:
        raise ConfigurationError("\n".join(complaints))
    check_channels(path, site.sources, pipeline.model)
    check_state_channels(path, site.sources, pipeline.states, pipeline.rules)
    check_pace(path, site.sources, pipeline.rules, site.silences)
    check_stale(path, site.sources, list(site.sinks.values()), site.journalling.commit_s)
    check_sinks(path, site, pipeline)
    check_patience(path, site)
    return site, pipeline


def plan_lines(planned: dict[str, Any]) -> list[str]:
    """The plan for people."""
    lines = [f"site: {planned['site']}"]
    lines += [f"source: {source}" for source in planned["sources"]]
    lines += [f"forward model: {planned['forward']}", f"engine: {planned['engine']}"]
    lines += [f"network: {network}" for network in planned["networks"]]
    lines += [f"caution: {caution}" for caution in planned["cautions"]]
    lines += [f"parameter: {name}: {text}" for name, text in planned["parameters"].items()]
    lines += [f"machine state: {state}" for state in planned["machine_states"]]
    lines += [f"alarm: {alarm}" for alarm in planned["alarms"]]
    lines += [f"sink: {name}: {sink}" for name, sink in planned["sinks"].items()]
    lines.append(f"limits of the worker: {planned['limits']}")
    return [*lines, f"journal: {planned['journal']}", "nothing was connected; the configuration is good"]


def _plan(site: Site, pipeline: Pipeline) -> dict[str, Any]:
    space = pipeline.model.space
    return {
        "site": site.name,
        "sources": [_told(source) for source in site.sources],
        "forward": _told(pipeline.model),
        "cautions": [
            *(pipeline.model.cautions if isinstance(pipeline.model, Cautious) else ()),
            *(doubt for who, user in _users(site) for doubt in doubts(who, vars(user))),
            *(f"{who}: {each}" for who, user in _users(site) if isinstance(user, Cautious) for each in user.cautions),
            *([] if pipeline.rules or site.silences else ["no alarm: whatever is found, nobody is called"]),
            *([] if site.sinks else ["no sink: what a gateway finds stays in its journal"]),
        ],
        "engine": pipeline.engine,
        "networks": [f"{each.network}, {each.precision}, {each.fingerprint}" for each in _networks(pipeline)],
        "parameters": {
            p.name: f"{p.to_shown(p.low):g} to {p.to_shown(p.high):g} {p.shown}, {p.meaning}"
            for p in space
            if not p.nuisance
        },
        "machine_states": [_state_told(state) for state in pipeline.states],
        "alarms": [
            *(_alarm_told(rule, space) for rule in pipeline.rules),
            *(f"{rule.name}: when no window has come for {rule.after_s:g} s" for rule in site.silences),
        ],
        "sinks": {name: _told(sink) for name, sink in site.sinks.items()},
        "journal": str(site.journal),
        "limits": site.limits.told() or "none",
    }


def _users(site: Site) -> Iterator[tuple[str, Any]]:
    """Who may have secrets."""
    yield from ((f"source {getattr(source, 'asset', '')}".rstrip(), source) for source in site.sources)
    yield from ((f"sink {name}", sink) for name, sink in site.sinks.items())


def _networks(pipeline: Pipeline) -> tuple[Answered, ...]:
    return pipeline.inverter.networks if isinstance(pipeline.inverter, Trained) else ()


def _state_told(state: StateRule) -> str:
    """In SI, which is what a channel is compared in, whatever unit its device has."""
    ends = [] if state.at_least is None else [f"at least {state.at_least:g}"]
    ends += [] if state.below is None else [f"below {state.below:g}"]
    told = [f"{state.channel} is {' and '.join(ends)}"] if ends else []
    told += [] if state.changing is None else [f"{state.channel} changes by more than {state.changing:g} a second"]
    held = f", and {state.hold_s:g} s after" if state.hold_s else ""
    return f"{state.name}: while {' and '.join(told)} (SI){held}"


def _watched(rule: AlertRule | QualityRule) -> str:
    if rule.only_in:
        return f", only while the machine is {' or '.join(rule.only_in)}"
    return f", not while the machine is {' or '.join(rule.suppressed_in)}" if rule.suppressed_in else ""


def _alarm_told(rule: AlertRule | QualityRule, space: ParameterSpace) -> str:
    if isinstance(rule, QualityRule):
        return f"{rule.name}: when windows are {rule.worst} for {rule.on_delay_s:g} s{_watched(rule)}"
    shown, to_shown = space[rule.parameter].shown, space[rule.parameter].to_shown
    condition = f"{rule.parameter} {rule.side} {to_shown(rule.limit):g} {shown}"
    if rule.condition == "growth":
        a_day = to_shown(rule.limit * 86_400.0) - to_shown(0.0)
        condition = f"growth of {rule.parameter} {rule.side} {a_day:g} {shown}/d"
    if rule.within_days:
        condition += f" within {rule.within_days:g} days"
    learned = f", or the limit learned in {rule.baseline.windows} windows" if rule.baseline else ""
    when = f"when P({condition}) reaches {rule.confidence:g} for {rule.on_delay_s:g} s"
    return f"{rule.name}: {when}{learned}{_watched(rule)}"


def _told(plugin: Any) -> str:
    """Its class, and the options that are not at their defaults."""
    told = [
        f"{field.name} = {_text(getattr(plugin, field.name))}"
        for field in dataclasses.fields(plugin)
        if field.init and getattr(plugin, field.name) != field.default
    ]
    return f"{type(plugin).__name__}: {', '.join(told)}" if told else type(plugin).__name__


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    return str(value)
