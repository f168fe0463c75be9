"""The speed of a shaft from the lines that it leaves in a record, where no tacho tells it.

Harmonics of the shaft are a comb in the spectrum; the comb that stands out most within a tolerance of the nominal speed
is the shaft's, if it beats the same search at speeds that the shaft cannot have. Source of the idea: Leclère, André &
Antoni, "A multi-order probabilistic approach for instantaneous angular speed tracking", Mech. Syst. Signal Process. 81
(2016) 375-386; here the decoys judge, not a probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inversion.signal.transform import Complex

Array = NDArray[np.float64]

_HARMONICS = 6
_STEPS_A_BIN = 3  # of the highest harmonic
_BACKGROUND = 0.6  # orders on either side that a line is judged against
_STRONGEST = 8.0  # nats: beyond, a line says no more
#: Speeds, over the nominal one, of which no simple fraction nor multiple is the shaft's.
_DECOYS = (0.71, 0.79, 0.86, 1.16, 1.23, 1.29, 1.38, 1.44)
_MARGIN = 0.8  # nats above the best decoy; of noise alone, with or without the mains, none of 150 records has 0.6


def find_speed(half: Complex, bin_hz: float, nominal_hz: float, tolerance: float) -> float | None:
    """Speed of the shaft, Hz, within a relative `tolerance` of the nominal one; None where no comb stands out.

    half: (k,) one-sided spectrum of the record, a bin each `bin_hz`
    """
    top = int(_HARMONICS * nominal_hz * (max(_DECOYS) + tolerance + 0.2) / bin_hz) + 2
    if top >= half.size or nominal_hz * tolerance < 0.25 * bin_hz:
        return None
    power = half[:top].real.astype(np.float64) ** 2 + half[:top].imag.astype(np.float64) ** 2
    evidence = np.clip(_above(np.log(power + 1e-30), int(_BACKGROUND * nominal_hz / bin_hz)), 0.0, _STRONGEST)
    speeds = nominal_hz * np.arange(1 - tolerance, 1 + tolerance, bin_hz / (_STEPS_A_BIN * _HARMONICS * nominal_hz))
    scores = _comb(evidence, speeds / bin_hz)
    decoys = [float(_comb(evidence, share * speeds / bin_hz).max()) for share in _DECOYS]
    best = int(scores.argmax())
    return float(speeds[best]) if scores[best] - max(decoys) > _MARGIN else None


def _comb(evidence: Array, bins: Array) -> Array:
    """(n,) mean evidence at the harmonics of fundamentals at `bins` (n,), the loudest left out: one line is no comb."""
    index = np.rint(np.arange(1, _HARMONICS + 1)[:, None] * bins).astype(np.intp)
    lines = evidence[np.minimum(index, evidence.size - 1)]
    mean: Array = (lines.sum(axis=0) - lines.max(axis=0)) / (_HARMONICS - 1)
    return mean


def _above(log_power: Array, reach: int) -> Array:
    """`log_power` less its running mean over `reach` bins on either side."""
    reach = max(4, reach)
    padded = np.pad(log_power, reach + 1, mode="reflect")
    sums = np.cumsum(padded)
    width = 2 * reach + 1
    mean = (sums[width:] - sums[:-width]) / width
    above: Array = log_power - mean[: log_power.size]
    return above
