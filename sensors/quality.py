"""How far a stretch of samples may be believed: not finite, dead, clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.frame import Quality

#: Fewer samples than this are never called dead: a slow process value may well stand still.
_DEAD_FROM = 16
#: An extreme met less often than this is an extreme, not a limit.
_CLIPPED_FROM = 4
#: How much fuller the extreme must be than the levels next to it. A sine that is sampled finely and quantized
#: coarsely fills its outermost level at most 1 / (sqrt(2) - 1) = 2.4 times as full as the next one (arcsine law).
_PILE = 4
_NEXT_LEVELS = 3


def assess(samples: NDArray[np.floating[Any]]) -> tuple[Quality, str]:
    """Quality of (n,) samples of a waveform, n >= 1, and the reason where it is not GOOD.

    BAD: NaN or infinite samples; a constant (dead) channel, judged from 16 samples up.
    UNCERTAIN: clipped, that is, samples pile up at an extreme, some of them side by side, and hardly at the levels
    next to it. Quantized data whose level counts fade towards the extremes, as those of any real converter do, are
    GOOD.
    """
    finite = np.isfinite(samples)
    if not finite.all():
        first = int(np.argmin(finite))
        lost = samples.size - int(np.count_nonzero(finite))
        return Quality.BAD, f"{lost} of {samples.size} samples are NaN or infinite, the first at sample {first}"
    low, high = samples.min(), samples.max()
    if low == high:
        if samples.size < _DEAD_FROM:
            return Quality.GOOD, ""
        return Quality.BAD, f"dead channel: all {samples.size} samples are {low:.6g}"
    stuck = {limit: n for limit, n in ((low, _stuck(-samples, -low)), (high, _stuck(samples, high))) if n}
    if not stuck:
        return Quality.GOOD, ""
    share = 100 * sum(stuck.values()) / samples.size
    limits = " or ".join(f"{limit:.6g}" for limit in stuck)
    return Quality.UNCERTAIN, f"clipped: {share:.2g} % of the samples stand at {limits}"


def _stuck(samples: NDArray[np.floating[Any]], high: np.floating[Any]) -> int:
    """How many samples a limit at the maximum has cut off; 0 where it is no limit."""
    at_limit = samples == high
    count = int(np.count_nonzero(at_limit))
    if count < _CLIPPED_FROM or not np.any(at_limit[1:] & at_limit[:-1]):
        return 0
    levels, counts = np.unique(samples, return_counts=True)
    if levels.size <= _NEXT_LEVELS:  # a switch or a pulse train lives on few levels
        return 0
    return count if count >= _PILE * counts[-1 - _NEXT_LEVELS : -1].max() else 0
