"""What a recording amounts to, in words that a plant engineer uses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_PLACES = {"outer": "outer race", "inner": "inner race", "ball": "rolling element", "cage": "cage"}
_IMPACT, _SPALL = "_impact", "_spall"
_AS_BEFORE = 0.97  # of the prior's interval: nothing was learnt


def verdict(recording: Mapping[str, Any]) -> str:
    """One line for an entry of `recordings` in summary.json.

    Such as "outer race, 0.12 g [0.10, 0.15]; width not resolvable, below 2.9 mm".
    """
    parameters = recording["parameters"]
    if recording["bad"] == recording["windows"]:
        return f"no answer: {next(iter(recording['reasons']), 'no usable window')}"
    if not recording["claimed"] and not recording["good_share"] and recording["reasons"]:
        return f"nothing can be said: {next(iter(recording['reasons']))}"
    places = [name.removesuffix(_IMPACT) for name in parameters if name.endswith(_IMPACT)]
    said = [_fault(place, parameters) for place in places if parameters[f"{place}{_IMPACT}"]["resolvable"]]
    if places and not said:
        said = [_healthy(places, parameters)]
    of_faults = {f"{place}{ending}" for place in places for ending in (_IMPACT, _SPALL)}
    said += [f"{plain(name)} {_value(row)}" for name, row in parameters.items() if name not in of_faults]
    return "; ".join(said)


def plain(name: str) -> str:
    """A parameter's name for people: `outer_spall` is the outer race's spall width."""
    for ending, meaning in ((_IMPACT, "impact"), (_SPALL, "spall width")):
        place = name.removesuffix(ending)
        if place != name:
            return f"{_place(place)} {meaning}"
    return name.replace("_", " ")


def short(name: str) -> str:
    """The place that a fault parameter belongs to, else its plain name: for a legend that names the rest elsewhere."""
    place = name.removesuffix(_IMPACT).removesuffix(_SPALL)
    return _place(place)


def number(value: float) -> str:
    """Two significant digits, without an exponent: 0.10, 2.9, 41, 150."""
    if value == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def _fault(place: str, parameters: Mapping[str, Any]) -> str:
    spall = parameters.get(f"{place}{_SPALL}")
    width = f"; width {_value(spall)}" if spall else ""
    return f"{_place(place)}, {_value(parameters[place + _IMPACT])}{width}"


def _healthy(places: list[str], parameters: Mapping[str, Any]) -> str:
    bounds = [f"{_place(place)} below {_bound(parameters[place + _IMPACT])}" for place in places]
    return f"no fault found ({', '.join(bounds)})"


def _value(row: Mapping[str, Any]) -> str:
    if not row["resolvable"] and _unlearnt(row):
        return f"not resolvable, anything up to {number(row['prior'][1])} {row['unit']} is possible"
    if not row["resolvable"]:
        return f"not resolvable, below {_bound(row)}"
    return f"{number(row['mean'])} {row['unit']} [{number(row['low'])}, {number(row['high'])}]"


def _unlearnt(row: Mapping[str, Any]) -> bool:
    """Whether the interval is the prior's, less what its level leaves out: then its end bounds nothing."""
    if not row.get("prior"):
        return False
    low, high = row["prior"]
    return bool(row["high"] - row["low"] >= _AS_BEFORE * row["level"] * (high - low))


def _bound(row: Mapping[str, Any]) -> str:
    return f"{number(row['high'])} {row['unit']}"


def _place(place: str) -> str:
    return _PLACES.get(place, place.replace("_", " "))
