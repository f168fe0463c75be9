"""What can go wrong while a network is trained."""

from __future__ import annotations

from inversion.core import InversionError


class TrainingError(InversionError):
    """A stage cannot run or be taken up again; the message is one line."""
