"""How far the lines of each race stand above what is around them, band by band, in one recording of a bearing.

    python -m benchmarks.record_lines ../shared/data/cwru/12k_Drive_End_OR014@6_0_197.mat

280 revolutions at the drive end (SKF 6205); squared envelope in six bands, as recorded and whitened (every bin of the
spectrum at one magnitude). Of 1 to 5 times each order: the strongest bin within 1.2 % over the median around it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, hilbert, sosfiltfilt

from inversion.physics.bearing import BearingGeometry, fault_orders
from sensors.recording import load_layout, read_recording, window_frames

_BEARING = BearingGeometry(9, 7.94, 39.04)
_LAYOUT = Path(__file__).parents[1] / "configs" / "layouts" / "cwru.toml"
_BANDS = ((20, 5950), (500, 1500), (1500, 2500), (2500, 3500), (3500, 4500), (4500, 5900))  # Hz


def envelope_power(samples: NDArray[np.float64], sample_rate: float, band: tuple[float, float]) -> NDArray[np.float64]:
    """(m,) power of the squared envelope's spectrum."""
    passed = sosfiltfilt(butter(4, band, "band", fs=sample_rate, output="sos"), samples)
    squared = np.abs(hilbert(passed)) ** 2
    power: NDArray[np.float64] = np.abs(np.fft.rfft((squared - squared.mean()) * np.hanning(samples.size))) ** 2
    return power


def heights(power: NDArray[np.float64], orders: NDArray[np.float64], order: float) -> list[float]:
    """Of 1 to 5 times an order, without what lies beside whole orders of the shaft."""
    free, found = np.abs(orders - np.round(orders)), []
    for center in order * np.arange(1, 6):
        near = (np.abs(orders - center) < 0.012 * center) & (free > 0.04)
        around = (np.abs(orders - center) < 0.8) & (free > 0.06)
        if near.any():
            found.append(float(power[near].max() / np.median(power[around])))
    return found


def main() -> None:
    """Print the least and the largest of them, a row a band."""
    frame = next(window_frames(read_recording(Path(sys.argv[1]), load_layout(_LAYOUT)), window_revolutions=280))
    waveform, shaft_hz = frame.channels["drive_end"], float(np.mean(frame.channels["shaft_hz"].samples))
    record = np.asarray(waveform.samples, np.float64) - float(np.mean(waveform.samples))
    spectrum = np.fft.rfft(record)
    whitened = np.fft.irfft(spectrum / np.maximum(np.abs(spectrum), 1e-300), record.size)
    orders = np.arange(spectrum.size) * waveform.sample_rate / record.size / shaft_hz
    for name, samples in (("as recorded", record), ("whitened", whitened)):
        for band in _BANDS:
            power = envelope_power(samples, waveform.sample_rate, band)
            told = [(race, heights(power, orders, order)) for race, order in fault_orders(_BEARING).items()]
            row = "   ".join(f"{race} {min(each):.0f} to {max(each):.0f}" for race, each in told if each)
            print(f"{name:12s} {band[0]:5d} to {band[1]:4d} Hz   {row}")


if __name__ == "__main__":
    main()
