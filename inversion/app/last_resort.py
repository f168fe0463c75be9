"""The gateway's last resort: whatever a source or sink of somebody else raises ends that attempt and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable

from inversion.core import InversionError
from sensors import SensorError


async def attempt(work: Awaitable[None]) -> Exception | None:
    """What the work raised, None when it succeeded; the caller counts, reports and tries again."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  the one place: a plug-in may raise anything
        return error
    return None


def reason(error: Exception) -> str:
    """One line for people: our own errors say it themselves, others are named."""
    text = " ".join(str(error).split())
    if isinstance(error, SensorError | InversionError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
