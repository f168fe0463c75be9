"""Written times to seconds since 1970, by the clock that wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

#: Seconds in each unit that a column of a time may have.
TIME_UNITS = {"d": 86_400.0, "h": 3_600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def seconds_since_1970(stamps: Sequence[str], form: str) -> tuple[NDArray[np.float64], int | None]:
    """(n,) seconds of each stamp, read by `datetime.strptime` with `form`; and the first that cannot be read, if any.

    A stamp without a zone is taken as UTC.
    """
    seconds = np.full(len(stamps), np.nan)
    for i, stamp in enumerate(stamps):
        try:
            moment = datetime.strptime(stamp, form)
        except ValueError:
            return seconds, i
        seconds[i] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds, None
