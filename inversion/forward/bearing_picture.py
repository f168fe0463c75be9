"""What people are shown of a bearing's window."""

from __future__ import annotations

from inversion.core.picture import Picture
from inversion.forward.bearing_observation import power_spectrum
from inversion.physics.bearing import BearingGeometry, fault_orders, ftf
from sensors import Waveform

_NAMES = {"BPFO": "outer", "BPFI": "inner", "2xBSF": "ball"}


def envelope_picture(waveform: Waveform, shaft_hz: float, bearing: BearingGeometry) -> Picture:
    """The squared-acceleration spectrum by orders with the fault orders marked."""
    orders, amplitude = power_spectrum(waveform, shaft_hz)
    by_race = fault_orders(bearing)
    lines = [(name if k == 1 else f"{k}x{name}", k * by_race[race]) for name, race in _NAMES.items() for k in (1, 2, 3)]
    return Picture(
        title="Envelope spectrum",
        x=orders,
        y=amplitude / 9.80665,
        x_label="order of the shaft speed",
        y_label="modulated acceleration, g RMS",
        markers=(("shaft", 1.0), ("FTF", ftf(bearing)), *lines),
    )
