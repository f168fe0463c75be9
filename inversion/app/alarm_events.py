"""Changes of alarms, told from one finding of an asset to its next."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from inversion.app.journal import Event


def alarm_states(finding: Mapping[str, Any]) -> dict[str, str]:
    """State by alarm name, of a finding in its JSON contract."""
    return {alarm["name"]: alarm["state"] for alarm in finding["alarms"]}


def alarm_changes(
    known: MutableMapping[str, Mapping[str, str]], findings: Sequence[Mapping[str, Any]], now_ns: int
) -> list[Event]:
    """One event a change, in order; `known` (states by asset) is brought up to date. No news is "normal"."""
    events = []
    for finding in findings:
        before = known.get(finding["asset"], {})
        for alarm in finding["alarms"]:
            was = before.get(alarm["name"], "normal")
            if alarm["state"] != was:
                events.append(Event(now_ns, "alarm", _text(finding, alarm, was), finding["asset"]))
        known[finding["asset"]] = alarm_states(finding)
    return events


def _text(finding: Mapping[str, Any], alarm: Mapping[str, Any], was: str) -> str:
    """`fan: outer spall above limit: normal -> active: P(outer_spall above 3 mm) = 0.97, 3.2 to 3.9 mm`."""
    parameters = finding["track"] or finding["parameters"]
    parameter = parameters[alarm["parameter"]]
    probability = "unknown" if alarm["probability"] is None else f"{alarm['probability']:.2f}"
    return (
        f"{finding['asset']}: {alarm['name']}: {was} -> {alarm['state']}: "
        f"P({alarm['parameter']} {alarm['side']} {alarm['limit']:g} {alarm['unit']}) = {probability}, "
        f"{parameter['low']:.3g} to {parameter['high']:.3g} {parameter['unit']}"
    )
