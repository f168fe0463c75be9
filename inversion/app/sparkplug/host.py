"""The primary host of a Sparkplug edge node: nothing is told while it is offline, and everything once it is back.

Source: Sparkplug 3.0.0, 5.7 (primary host application STATE) and 6.4.20 (payload of STATE).
"""

from __future__ import annotations

import json

_LARGEST = 1024


class Host:
    """name: its host id; online: what it said of itself last, by its own stamps; not before it has said anything"""

    def __init__(self, name: str) -> None:
        self.name, self.online = name, False
        self._stamp = -1

    @property
    def topic(self) -> str:
        """Where it says, retained, whether it is there."""
        return f"spBv1.0/STATE/{self.name}"

    def heard(self, message: bytes) -> bool:
        """Whether this says something else than before; what is older than that, or no STATE, says nothing."""
        try:
            told = json.loads(message) if len(message) <= _LARGEST else None
        except (ValueError, RecursionError):
            return False
        match told:
            case {"online": bool(online), "timestamp": int(stamp)} if stamp >= self._stamp:
                before, self.online, self._stamp = self.online, online, stamp
                return online is not before
        return False
