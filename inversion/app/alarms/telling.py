"""A change of an alarm as a record: its JSON contract is `alarm.schema.json`, its text is for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from inversion.alerts import SilenceRule
from inversion.alerts.lifecycle import LifeCycle
from inversion.app.journal import Record

_NS = 1_000_000_000


def of_finding(finding: Mapping[str, Any], alarm: Mapping[str, Any]) -> dict[str, Any]:
    """What a finding says of one of its alarms: condition, limit, probability, value with its interval."""
    values = finding["track"] or finding["parameters"]
    value = values.get(alarm["parameter"])
    kept = ("mean", "low", "high", "level", "unit", "resolvable")
    return {
        "severity": alarm.get("severity", "alarm"),
        "condition": alarm.get("condition", "value"),
        "parameter": alarm["parameter"],
        "side": alarm["side"],
        "limit": alarm["limit"],
        "unit": alarm["unit"],
        "within_days": alarm.get("within_days", 0.0),
        "probability": alarm["probability"],
        "value": None if value is None else {key: value[key] for key in kept},
        "quality": finding["fit"]["quality"],
        "reason": finding["fit"]["reason"],
        "start_ns": finding["start_ns"],
        "machine_state": finding.get("machine_state"),
    }


def of_silence(rule: SilenceRule, silent_s: float) -> dict[str, Any]:
    """The same for an alarm on silence; its limit is a time."""
    value = {"mean": round(silent_s, 3), "low": None, "high": None, "level": None, "unit": "s", "resolvable": True}
    nothing = dict.fromkeys(("parameter", "probability", "quality", "reason", "start_ns", "machine_state"))
    return {
        "severity": rule.severity,
        "condition": rule.condition,
        "side": "above",
        "limit": rule.after_s,
        "unit": "s",
        "within_days": 0.0,
        "value": value,
        **nothing,
    }


def change(
    key: tuple[str, str],
    before: str,
    after: LifeCycle,
    context: Mapping[str, Any],
    *,
    by: str,
    comment: str,
    announced: bool,
    now_ns: int,
) -> Record:
    """The record of one change, with the condition as it was last told."""
    asset, alarm = key
    seconds, rest = divmod(now_ns, _NS)
    body = {
        "asset": asset,
        "alarm": alarm,
        "time": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z",
        "time_ns": now_ns,
        "from": before,
        "to": after.state,
        "by": by,
        "comment": comment,
        "announced": announced,
        "until_ns": after.shelved_until_ns,
        **context,
    }
    return Record("alarm", asset, now_ns, {**body, "text": text(body)})


def text(body: Mapping[str, Any]) -> str:
    """`fan: outer spall above limit: normal -> unacknowledged: P(outer_spall above 3 mm) = 0.97, 3.2 to 3.9 mm`."""
    head = f"{body['asset']}: {body['alarm']}: {body['from']} -> {body['to']}"
    if body["by"] not in ("process", "clock"):
        said = f" ({body['comment']})" if body["comment"] else ""
        until = "" if body["until_ns"] is None else f" until {_clock(body['until_ns'])}"
        return f"{head}{until}: by {body['by']}{said}"
    told = condition(body)
    return f"{head}: {told}" if told else head


def condition(body: Mapping[str, Any]) -> str:
    """What is known of the condition, in words; empty where nothing is."""
    kind = body.get("condition")
    if kind is None:
        return ""
    if kind == "quality":
        return f"{body['quality']}: {body['reason']}" if body["reason"] else str(body["quality"])
    if kind == "supervision":
        return str(body["reason"])
    if kind == "silence" and body["value"]["mean"] < body["limit"]:
        return "heard of again"
    if kind == "silence":
        return f"nothing heard for {body['value']['mean']:.3g} s, limit {body['limit']:g} s"
    probability = "unknown" if body["probability"] is None else f"{body['probability']:.2f}"
    what = body["parameter"] if kind == "value" else f"growth of {body['parameter']}"
    within = f" within {body['within_days']:g} d" if body["within_days"] else ""
    told = f"P({what} {body['side']} {body['limit']:g} {body['unit']}{within}) = {probability}"
    value = body["value"]
    return told if value is None else f"{told}, {value['low']:.3g} to {value['high']:.3g} {value['unit']}"


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // _NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
