"""What one recording amounts to, from the findings of its windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from statistics import median
from types import MappingProxyType
from typing import Any

Record = Mapping[str, Any]


def summarize(
    file: str,
    findings: Sequence[Record],
    alarming: Collection[str],
    priors: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> dict[str, Any]:
    """One entry of `recordings` in summary.json. `findings` follow the JSON contract, at least one.

    alarming: names of the alarms that stood before the first window
    priors: range of a parameter that was possible before any window, in its shown unit

    A parameter is claimed when more than half of the windows that are not BAD resolve it. Its value and interval are
    then the medians over the windows that resolve it, otherwise over those that do not (an upper bound).
    """
    usable = [finding for finding in findings if finding["fit"]["quality"] != "bad"]
    parameters = {
        name: {**_parameter([f["parameters"][name] for f in usable]), "prior": priors.get(name)}
        for name in findings[0]["parameters"]
    }
    return {
        "file": file,
        "asset": findings[0]["asset"],
        "windows": len(findings),
        "good_share": _share([finding["fit"]["quality"] == "good" for finding in findings]),
        "bad": len(findings) - len(usable),
        "reasons": dict(Counter(f["fit"]["reason"] for f in findings if f["fit"]["reason"]).most_common(5)),
        "claimed": [name for name, row in parameters.items() if row["resolvable"]],
        "parameters": parameters,
        "alarms": _alarms(findings, alarming),
    }


def _parameter(rows: Sequence[Record]) -> dict[str, Any]:
    share = _share([row["resolvable"] for row in rows])
    resolvable = share is not None and share > 0.5
    alike = [row for row in rows if row["resolvable"] == resolvable]
    floors = [row["floor"] for row in alike if row["floor"] is not None]
    return {
        "resolvable": resolvable,
        "resolvable_share": share,
        **{key: _short(median(row[key] for row in alike)) if alike else None for key in ("mean", "low", "high")},
        "floor": _short(median(floors)) if floors else None,
        "level": rows[0]["level"] if rows else None,
        "unit": rows[0]["unit"] if rows else None,
    }


def _alarms(findings: Sequence[Record], alarming: Collection[str]) -> list[dict[str, Any]]:
    """Every rule: how often it was raised in this recording, and where it stood at the end."""
    return [
        {
            "name": last["name"],
            "raised": _raised([f["alarms"][i]["state"] for f in findings], last["name"] in alarming),
            "state": last["state"],
        }
        for i, last in enumerate(findings[-1]["alarms"])
    ]


def _raised(states: Sequence[str], stood: bool) -> int:
    stands = [stood, *(state in ("active", "clearing") for state in states)]
    return sum(now and not before for before, now in pairwise(stands))


def _share(flags: Sequence[bool]) -> float | None:
    return _short(sum(flags) / len(flags)) if flags else None


def _short(value: float) -> float:
    return float(f"{value:.6g}")
