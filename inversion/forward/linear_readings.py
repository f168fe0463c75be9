"""Which readings of a channel can be used, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sensors import Quality, Waveform


def judge(channel: str, waveform: Waveform | None, rows: Sequence[int], unit: str) -> tuple[str, bool]:
    """What is wrong with a channel, and whether its readings are lost."""
    if waveform is None:
        return f"channel {channel} is missing", True
    if waveform.unit != unit:
        return f"{channel} must be in {unit}, got {waveform.unit}", True
    if waveform.quality is Quality.BAD:
        return f"{channel}: {waveform.reason}", True
    if len(rows) > 1 and waveform.samples.size != len(rows):
        return f"{channel} must have {len(rows)} samples, one a row of the matrix, got {waveform.samples.size}", True
    if not np.all(np.isfinite(waveform.samples)):
        return f"{channel} has NaN or infinite samples", True
    return (f"{channel}: {waveform.reason}", False) if waveform.quality is Quality.UNCERTAIN else ("", False)
