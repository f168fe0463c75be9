"""Limits that a machine has set itself, learned anew after a repair: who asked, why, and what is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from inversion.app.journal import Record
from inversion.app.nearest import did_you_mean
from inversion.core import ConfigurationError

VERB = "relearn"


def alarms_meant(body: Mapping[str, Any], learning: Collection[str], assets: Collection[str]) -> list[str]:
    """Names of the alarms whose learned limits are to be forgotten: one, or all. Raises ConfigurationError.

    learning: names of the alarms that learn; assets: those that were heard of
    """
    asset, alarm = body.get("asset"), body.get("alarm")
    if not asset:
        raise ConfigurationError("relearn: name the asset")
    if not learning:
        raise ConfigurationError("relearn: no alarm of this site has a baseline")
    if alarm and alarm not in learning:
        raise ConfigurationError(f"relearn: no alarm {alarm!r} with a baseline ({did_you_mean(alarm, learning)})")
    if asset not in assets:
        raise ConfigurationError(f"relearn: nothing was learned of {asset!r} ({did_you_mean(asset, assets)})")
    return [alarm] if alarm else list(learning)


def forgotten(state: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The state of an asset (JSON) without what these alarms have learned; until they have again, their limits hold."""
    alerts = {
        name: {**alert, "learned": None} if name in names else alert for name, alert in state.get("alerts", {}).items()
    }
    return {**state, "alerts": alerts}


def event(body: Mapping[str, Any], names: Collection[str], now_ns: int) -> Record:
    """That it was asked for, with who and why."""
    asset, by, comment = str(body["asset"]), str(body["by"]), str(body.get("comment", ""))
    named = ", ".join(sorted(names))
    text = f"{asset}: {named}: learned anew: by {by}" + (f" ({comment})" if comment else "")
    told = {"kind": VERB, "text": text, "alarms": sorted(names), "by": by, "comment": comment}
    return Record("event", asset, now_ns, told)
