"""What tells one machine's model from another that looks alike."""

from __future__ import annotations

import hashlib
import json


def identity(told: object) -> str:
    """A short hash of numbers, texts and lists of them; the same on every machine."""
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
