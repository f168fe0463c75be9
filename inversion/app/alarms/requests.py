"""What people ask of the alarm desk: acknowledge, shelve, take out of service, reset; answered in one line each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from inversion.alerts import lifecycle
from inversion.alerts.lifecycle import LifeCycle, NotAllowed
from inversion.app.alarms import relearn
from inversion.app.alarms.desk import AlarmDesk, Key
from inversion.app.configuration import Site
from inversion.app.journal import Record
from inversion.core import ConfigurationError

VERBS = ("ack", "shelve", "unshelve", "out", "in", "reset", relearn.VERB)
_NS = 1_000_000_000


def check_request(body: Mapping[str, Any], most_s: float) -> None:
    """Raises ConfigurationError for a request that would disarm an alarm by mistake, or means nothing."""
    if body["verb"] not in VERBS:
        raise ConfigurationError(f"no such request {body['verb']!r}, there are: {', '.join(VERBS)}")
    if body["verb"] != "shelve":
        return
    for_s = body.get("for_s")
    if not (for_s and 0 < for_s <= most_s):
        found = "nothing" if for_s is None else f"{for_s / 3600:g} h"
        raise ConfigurationError(f"shelve: must say for how long, at most {most_s / 3600:g} h; found {found}")


def answered(
    desk: AlarmDesk, body: Mapping[str, Any], now_ns: int, assets: Collection[str], gateway: str
) -> tuple[str, list[Record]]:
    """Does what is asked; the answer, and what changed. A request that cannot be granted changes nothing.

    assets: that are known beside those of findings; gateway: what the gateway calls itself
    """
    try:
        check_request(body, desk.options.shelve_most_h * 3600)
        records: list[Record] = []
        for key in _meant(desk, body):
            desk.must_be(key, assets, gateway)
            records += desk.act(key, _move(body, now_ns), str(body["by"]), str(body.get("comment", "")), now_ns)
    except (NotAllowed, ConfigurationError) as problem:
        return f"refused: {problem}", []
    except KeyError as problem:
        return f"refused: {problem.args[0]}", []
    return "; ".join(str(record.body["text"]) for record in records) or "nothing to do", records


def named_assets(site: Site) -> list[str]:
    """Of sources that know what they measure, and of alarms on silence: known even before they were heard once."""
    known = [asset for source in site.sources if isinstance(asset := getattr(source, "asset", None), str)]
    return [*known, *(asset for rule in site.silences for asset in rule.assets)]


def _meant(desk: AlarmDesk, body: Mapping[str, Any]) -> list[Key]:
    """The alarms meant: one by asset and name, or for `ack` all that can be acknowledged (of an asset)."""
    asset, alarm = body.get("asset"), body.get("alarm")
    if asset and alarm:
        return [(asset, alarm)]
    if body["verb"] != "ack":
        raise ConfigurationError(f"{body['verb']}: name the asset and the alarm")
    chosen = [key for key, cycle in desk.cycles.items() if not cycle.hidden and not cycle.acknowledged]
    return [key for key in chosen if asset in (None, key[0])]


def _move(body: Mapping[str, Any], now_ns: int) -> Callable[[LifeCycle], LifeCycle]:
    if body["verb"] == "shelve":
        return partial(lifecycle.shelve, until_ns=now_ns + round(body["for_s"] * _NS), now_ns=now_ns)
    moves = {
        "ack": lifecycle.acknowledge,
        "unshelve": lifecycle.unshelve,
        "out": lifecycle.take_out,
        "in": lifecycle.put_back,
        "reset": lifecycle.reset,
    }
    return partial(moves[body["verb"]], now_ns=now_ns)
