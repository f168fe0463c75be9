"""What observing one window costs, in units of the bare transforms that it needs, in one run.

    python -m benchmarks.observe

The floor ("bands"): float32 `scipy.fft`, one real transform of the window, then for each band one band-limited inverse
and one real transform of its squared envelope, nothing else; bands that are the same count once. Bar: observation at
most 3x the floor. A window with a fault that is sampled fast enough to size it needs five more whole-length transforms;
"all" counts them too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.fft

from inversion.forward import bearing_observation
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry, fault_orders
from inversion.physics.bearing_simulation import Spall, simulate_waveform
from inversion.physics.machine_draws import draw_machine
from inversion.signal import comb, envelope, split
from inversion.signal.transform import fast_length
from sensors import Frame, Waveform

BEARING = BearingGeometry(9, 7.94, 39.04)
SAMPLES = 16_384


def bare(samples: np.ndarray, sample_rate: float, shaft_hz: float, sized: bool) -> Callable[[], None]:
    """The transforms that the observation of this window needs, and only they; `sized`: those for its width too."""
    half = scipy.fft.rfft(samples)
    bin_hz = sample_rate / samples.size
    top = comb.HARMONICS * comb.RANGE * max(fault_orders(BEARING).values()) * shaft_hz
    bands = {(int(a / bin_hz), int(b / bin_hz)) for a, b in envelope.bands(sample_rate, top)}
    parts = [(half[a:b], fast_length(2 * (b - a))) for a, b in sorted(bands)]
    envelopes = [np.abs(scipy.fft.ifft(part, length)) ** 2 for part, length in parts]

    def transforms() -> None:
        scipy.fft.rfft(samples)
        for (part, length), squared in zip(parts, envelopes, strict=True):
            scipy.fft.ifft(part, length)
            scipy.fft.rfft(squared)
        if not sized:
            return
        for _ in range(2):
            scipy.fft.rfft(samples)
            scipy.fft.irfft(half, samples.size)
        scipy.fft.ifft(half, samples.size)

    return transforms


def best(work: Callable[[], object], repeats: int = 300) -> float:
    """Shortest of many runs, s."""
    shortest = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
    return float(shortest)


def in_parts(samples: int) -> None:
    """Print what transforms in parts take (`inversion.signal.split`), in units of the library's own for the same."""
    record = np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    half, taps = scipy.fft.rfft(record), record[:101]
    half[0] = half[-1] = 0
    power = half.real**2 + half.imag**2
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "forward": (lambda: split.spectrum(record), lambda: scipy.fft.rfft(record)),
        "inverse": (lambda: split.signal(half, samples), lambda: scipy.fft.irfft(half, samples)),
        "600 bins": (lambda: split.low_spectrum(record, 600), lambda: scipy.fft.rfft(record)),
        "envelope": (lambda: split.squared_envelope(half, samples), lambda: library_envelope(half, samples)),
        "101 lags": (
            lambda: split.first_lags(power, samples, 101),
            lambda: scipy.fft.irfft(half * half.conj(), samples),
        ),
        "101 taps": (lambda: split.filter_spectrum(taps, samples), lambda: scipy.fft.rfft(taps, samples)),
    }
    told = ", ".join(f"{name} {best(ours) / best(theirs):.2f}" for name, (ours, theirs) in pairs.items())
    print(f"in parts, of {samples} samples, over the library's: {told}")


def library_envelope(half: np.ndarray, samples: int) -> np.ndarray:
    """The squared envelope by two inverse transforms."""
    squared: np.ndarray = scipy.fft.irfft(half, samples) ** 2 + scipy.fft.irfft(half * np.complex64(1j), samples) ** 2
    return squared


def main() -> None:
    """Print the ratios for a healthy and a damaged machine, at two speeds."""
    rng = np.random.default_rng(1)
    model = RollingBearing(BEARING)
    print(f"one window of {SAMPLES} samples, float32; bar: observe at most 3.0 x bare transforms")
    print(f"{'window':44s} {'bands ms':>8s} {'all ms':>7s} {'observe ms':>10s} {'/bands':>7s} {'/all':>6s}")
    for sample_rate, shaft_hz in ((51_200.0, 60.0), (20_000.0, 30.0), (12_000.0, 29.2)):
        for name, spalls in (("healthy", ()), ("outer spall 3 mm", (Spall("outer", 3e-3, 3.0),))):
            machine = draw_machine(BEARING, shaft_hz, rng)
            samples = simulate_waveform(machine, spalls, sample_rate, SAMPLES, rng).astype(np.float32)
            channels = {
                "acceleration": Waveform(samples, sample_rate, "m/s2"),
                "shaft_hz": Waveform(np.array([shaft_hz], np.float32), 1.0, "Hz"),
            }
            frame = Frame("bench", 0, True, channels)
            floor = best(bare(samples, sample_rate, shaft_hz, sized=False))
            seen = bearing_observation.observe(channels["acceleration"], shaft_hz, BEARING, 8e-3)
            claimed = (
                [race for race, impact in seen.impacts.items() if impact.present] if not isinstance(seen, str) else seen
            )
            needed = (
                best(bare(samples, sample_rate, shaft_hz, sized=True))
                if not isinstance(seen, str) and seen.profiles
                else floor
            )
            whole = best(lambda frame=frame: model.observe([frame]))
            label = f"{name}, {sample_rate / 1000:g} kHz, {shaft_hz:g} Hz {claimed}"
            times = f"{floor * 1e3:8.3f} {needed * 1e3:7.3f} {whole * 1e3:10.3f}"
            print(f"{label:44s} {times} {whole / floor:7.2f} {whole / needed:6.2f}")
    for samples in (SAMPLES, 20_000):
        in_parts(samples)


if __name__ == "__main__":
    main()
