"""Whether the right place was named: which race of a bearing, in general the first word of a parameter's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inversion.app.validate.run import Heard

#: Shorthands of published tables. Sources: CWRU's file names, ISO 15243 wording.
_WORDS = {
    "or": "outer", "outer race": "outer", "ir": "inner", "inner race": "inner", "b": "ball", "re": "ball",
    "rolling element": "ball", "normal": "none", "healthy": "none", "no": "none",
}  # fmt: skip


def truth_of(heard: Heard) -> str:
    """Where the truth says the damage is: a place, "none", or "" where it says nothing."""
    return _WORDS.get(heard.location, heard.location)


def claimed(heard: Heard) -> tuple[str, ...]:
    """Places that more than half of the recording's windows claim."""
    counts = Counter(place for claims in heard.claims for place in _places(claims))
    return tuple(sorted(place for place, count in counts.items() if count > len(heard.claims) / 2))


def verdict(heard: Heard) -> str:
    """ "right", "wrong" (another place, or a place of a healthy machine), "missed", "unanswered", or "".

    Unanswered where no window could be used, "" where the truth says nothing.
    """
    truth, said = truth_of(heard), claimed(heard)
    if not truth:
        return ""
    if not heard.claims:
        return "unanswered"
    if set(said) - {truth}:
        return "wrong"
    return "right" if truth == "none" or said else "missed"


def tally(recordings: Sequence[Heard]) -> dict[str, float | int]:
    """Counts over recordings whose truth is known, and the share of their windows that claim a wrong place."""
    known = [heard for heard in recordings if truth_of(heard)]
    counts = Counter(verdict(heard) for heard in known)
    wrong = [bool(set(_places(claims)) - {truth_of(heard)}) for heard in known for claims in heard.claims]
    return {
        "recordings": len(known),
        "right": counts["right"],
        "wrong": counts["wrong"],
        "missed": counts["missed"],
        "unanswered": counts["unanswered"],
        "windows": len(wrong),
        "windows_wrong": sum(wrong),
    }


def _places(claims: Sequence[str]) -> frozenset[str]:
    return frozenset(name.split("_")[0] for name in claims)
