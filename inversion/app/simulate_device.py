"""`inversion simulate --device`: the simulated machine behind a Modbus device, on a line, until SIGTERM."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.app.simulate import Simulation
from inversion.core import ConfigurationError, InversionError
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import serve, serve_serial
from sensors.profile import Profile, Register
from sensors.profilefile import load_profile
from sensors.units import to_si

_UNITS = (1,)  # that answer on a serial line; over a network any does


class SimulatedMachine:
    """What the device is mounted on: each capture is a new waveform; a process value stays as it is."""

    def __init__(self, profile: Profile, simulation: Simulation) -> None:
        self._profile, self._simulation = profile, simulation
        self._rng = np.random.default_rng(simulation.seed)
        self._rates = {block.channel: block.sample_rate for block in profile.waveforms}

    def capture(self, wanted: Mapping[str, int]) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Acceleration, m/s2, whatever the channel is called."""
        return {name: self._simulation.samples(self._rate(name), count, self._rng) for name, count in wanted.items()}

    def measure(self, name: str) -> float:
        """A register's value, SI."""
        if name in self._rates.values():
            return self._simulation.sample_rate
        register = self._profile.register(name)
        if name == "shaft_hz":
            return self._simulation.shaft_hz
        return to_si(_ordinary(register), register.unit)

    def _rate(self, channel: str) -> float:
        rate = self._rates[channel]
        return self.measure(rate) if isinstance(rate, str) else float(rate)


def _ordinary(register: Register) -> float:
    """A value of the register that raises no doubt, in its unit: 25 degC, or one; the first of an enumeration."""
    if register.values:
        return float(next(iter(register.values)))
    low, high = register.plausible or (-np.inf, np.inf)
    value = 25.0 if register.encoding.si_unit == "K" else 1.0
    return value if low <= value <= high else (low + high) / 2


@asynccontextmanager
async def served(profile: Profile, machine: SimulatedMachine, line: LineSettings) -> AsyncIterator[str]:
    """Serves on that line while in the context, which gives the line's address; a serial port's path is a link.

    Raises ConfigurationError for a line that cannot be served, InversionError where port or path is taken.
    """
    if line.scheme == "tls":
        raise ConfigurationError("--line: found tls://, expected tcp, rtu+tcp, ascii+tcp, rtu or ascii")
    try:
        if line.is_serial:
            units = dict.fromkeys(_UNITS, (profile, machine))
            async with serve_serial(units, scheme=line.scheme, baud=line.baud) as address:
                path = Path(line.device)
                path.symlink_to(address.partition("://")[2])
                try:
                    yield line.address
                finally:
                    path.unlink(missing_ok=True)
        else:
            async with serve(profile, machine, line.host, line.port, scheme=line.scheme) as device:
                yield device.line
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InversionError(f"--line {line.address}: cannot be served: {reason}") from error


async def run_device(
    device: str, address: str, baud: int, stop: asyncio.Event, told: Callable[[str], None], **settings: Any
) -> None:
    """Serves a device of that profile until the stop. told: takes the line's address once it is served.

    settings: fields of `Simulation`. Raises as `served`, ProfileError, and ConfigurationError for wrong settings.
    """
    try:
        line, simulation = LineSettings(address, baud=baud), Simulation(**settings)
        profile = load_profile(Path(device))
    except ValueError as error:
        raise ConfigurationError(f"simulate: {error}") from error
    async with served(profile, SimulatedMachine(profile, simulation), line) as at:
        told(f"{profile.device.name} at {at}, unit {_UNITS[0]}")
        await stop.wait()
