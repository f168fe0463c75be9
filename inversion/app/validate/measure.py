"""The figures of a validation, as JSON and for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from inversion.app.validate import location
from inversion.app.validate.run import Answer, Validation
from inversion.core import Parameter
from inversion.core.identifiability import identifiability
from inversion.core.scores import CURVE, LEVELS, Scores, autocorrelation, score

_LAGS = 8
_ALIKE = 0.9  # correlation of two parameters that data hardly tell apart
_FAINT = 0.1  # a singular value below which the data say nothing
Record = dict[str, Any]


def measure(made: Validation) -> Record:
    """Scores of every parameter, over all and by group; places right and wrong; whiteness of the residuals."""
    shown = [each for each in made.parameters if made.windows.get(each.name)]
    return {
        "version": version("edge-inversion"),
        "site": str(made.site),
        "truth": str(made.truth),
        "recordings": len(made.heard),
        "windows": sum(len(heard.claims) for heard in made.heard),
        "bad": dict(made.bad),
        "left_out": dict(made.left_out),
        "failed": made.failed,
        "flattered": list(made.flattered),
        "curve": list(CURVE),
        "parameters": {each.name: _parameter(made, each) for each in shown},
        "location": _by_group(made.heard, lambda heard: heard.group, location.tally),
        "claims": [
            {
                "file": heard.file,
                "group": heard.group,
                "truth": location.truth_of(heard),
                "claimed": list(location.claimed(heard)),
                "verdict": location.verdict(heard),
            }
            for heard in made.heard
        ],
        "whiteness": _whiteness(made),
        "identifiability": _identifiability(made),
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    told = [
        f"{result['site']} against {result['truth']}: {result['recordings']} recordings, {result['windows']} windows"
    ]
    told += [f"cannot be read: {reason}" for reason in result["failed"]]
    told += [f"without an answer: {count} windows, {reason}" for reason, count in result["bad"].items()]
    told += [f"left out: {count} windows, {reason}" for reason, count in result["left_out"].items()]
    if result["flattered"]:
        names = ", ".join(result["flattered"])
        told.append(f"the model was fitted on {names}: figures of these flatter; --leave-group-out fits without them")
    for name, row in result["parameters"].items():
        for kind, what in (("windows", "each window"), ("tracks", "the track at the end of each recording")):
            if row[kind]:
                told += ["", f"{name}, {row['unit']}: {what}", *_table(row[kind])]
    if result["location"]["all"]["recordings"]:
        told += ["", "location, by the majority of windows", *_places(result["location"])]
    return [*told, *_white_lines(result["whiteness"]), *_identifiable(result["identifiability"])]


def _parameter(made: Validation, parameter: Parameter) -> Record:
    def scored(rows: Sequence[Answer]) -> Record:
        return _record(score(made.answers(rows, parameter)))

    windows, tracks = made.windows[parameter.name], made.tracks.get(parameter.name, [])
    return {
        "unit": parameter.shown,
        "windows": _by_group(windows, lambda row: row.group, scored),
        "tracks": _by_group(tracks, lambda row: row.group, scored) if tracks else {},
    }


def _by_group(rows: Sequence[Any], group: Callable[[Any], str], told: Callable[[Sequence[Any]], Record]) -> Record:
    """The figures of all, then of each group; of one group alone they would be the same."""
    names = list(dict.fromkeys(group(row) for row in rows))
    each = {name: told([row for row in rows if group(row) == name]) for name in names} if len(names) > 1 else {}
    return {"all": told(rows), "groups": each}


def _record(scores: Scores) -> Record:
    return {
        "answers": scores.answers,
        "rmse": _short(scores.rmse),
        "bias": _short(scores.bias),
        "coverage": [_short(share) for share in scores.coverage],
        "width": _short(scores.width),
        "score": _short(scores.score),
        "unresolved": _short(scores.unresolved),
    }


def _whiteness(made: Validation) -> Record:
    """Autocorrelation of the whitened residuals from window to window, pooled over recordings."""
    each = [heard.residuals for heard in made.heard]
    known = np.concatenate([residuals[np.isfinite(residuals)] for residuals in each])
    weights = np.array([np.isfinite(residuals).sum() for residuals in each], dtype=np.float64)
    told = np.array([autocorrelation(residuals, _LAGS) for residuals in each])
    usable = np.isfinite(told) * weights[:, None]
    total = usable.sum(axis=0)
    pooled = np.where(total > 0, np.nansum(usable * np.nan_to_num(told), axis=0) / np.maximum(total, 1), np.nan)
    return {
        "residuals": int(known.size),
        "deviation": _short(float(np.sqrt(np.mean(known**2)))) if known.size else None,
        "autocorrelation": [_short(float(value)) for value in pooled],
        "band": _short(1.96 / np.sqrt(max(known.size, 1))),
        "lags": list(range(1, _LAGS + 1)),
    }


def _white_lines(white: Mapping[str, Any]) -> list[str]:
    if not white["residuals"]:
        return []
    told = ["", f"residuals: deviation {white['deviation']:.2f}, of white ones 1"]
    lags = [f"{value:+.2f}" for value in white["autocorrelation"] if value is not None]
    if not lags:
        return [*told, "  too few windows a recording to see whether they repeat"]
    return [
        *told,
        f"  correlation from window to window {' '.join(lags)}, of white ones within {white['band']:.2f} of 0",
    ]


def _identifiability(made: Validation) -> Record:
    """What the data of a typical window tell apart; empty where none could be used."""
    estimates = [each for heard in made.heard for each in heard.estimates]
    if not estimates:
        return {}
    found = identifiability(estimates)
    return {
        "parameters": list(found.names),
        "singular_values": [_short(float(each)) for each in found.singular],
        "directions": [[_short(float(share)) for share in row] for row in found.directions],
        "seen": found.seen,
        "correlated": [[first, second, _short(share)] for first, second, share in found.alike(_ALIKE)],
    }


def _identifiable(row: Mapping[str, Any]) -> list[str]:
    if not row:
        return []
    values = " ".join(f"{value:.3g}" for value in row["singular_values"] if value >= _FAINT)
    told = [
        "",
        f"identifiability: a window's data tell {row['seen']} of {len(row['parameters'])} directions better than "
        "the ranges do",
    ]
    told += [f"  singular values {values}; those below {_FAINT:g} not listed"] if values else []
    return [
        *told,
        *(f"  {a} and {b} are hardly told apart: correlation {share:+.2f}" for a, b, share in row["correlated"]),
    ]


def _table(row: Mapping[str, Any]) -> list[str]:
    groups = {"all": row["all"], **row["groups"]}
    wide = max(5, *map(len, groups))
    levels = "/".join(f"{100 * level:.0f}" for level in LEVELS)
    told = [f"  {'group':<{wide}}  answers     RMSE     bias  covered {levels} %  width  score  not resolvable"]
    for name, each in groups.items():
        covered = "/".join(f"{100 * each['coverage'][CURVE.index(level)]:.0f}" for level in LEVELS)
        told.append(
            f"  {name:<{wide}}  {each['answers']:>7}  {each['rmse']:>7.3g}  {each['bias']:>+7.2g}  {covered:>21}  "
            f"{each['width']:>5.2g}  {each['score']:>5.2g}  {100 * each['unresolved']:>13.0f}%"
        )
    return [*told, "  width and score are of the 90 % intervals, relative to the prior's: below 1 something was learnt"]


def _places(row: Mapping[str, Any]) -> list[str]:
    groups = {name: each for name, each in {"all": row["all"], **row["groups"]}.items() if each["recordings"]}
    wide = max(map(len, groups))
    return [f"  {name:<{wide}}  {_counts(each)}" for name, each in groups.items()]


def _counts(row: Mapping[str, Any]) -> str:
    unanswered = f", {row['unanswered']} without an answer" if row["unanswered"] else ""
    return (
        f"{row['right']} of {row['recordings']} right, {row['wrong']} wrong, {row['missed']} missed{unanswered}; "
        f"{row['windows_wrong']} of {row['windows']} windows claim a wrong place"
    )


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
