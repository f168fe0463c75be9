"""`inversion simulate --device`: the simulated machine behind Modbus devices, on a line, until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from inversion.app.serving.place import place
from inversion.app.simulate import Simulation
from inversion.app.simulated_machine import SimulatedMachine
from inversion.core import ConfigurationError, InversionError
from sensors import SensorError
from sensors.modbus.faults import Misbehave, behave
from sensors.modbus.faultscript import FaultScript, Scripted, read_faults
from sensors.modbus.server import modbus_server
from sensors.modbus.settings import LineSettings
from sensors.modbus.simulator import SimulatedRegisters, serve_serial
from sensors.modbus.tls import server_context
from sensors.profile import Profile
from sensors.profilefile import load_profile

Machines = Mapping[int, SimulatedMachine]


@dataclass(frozen=True)
class DeviceSettings:
    """What is served, and where.

    profile: path of a profile file (ends in `.toml`), or name of a shipped one
    line: as a site names it, with its certificates; over TLS, `ca` says whose clients may connect
    units: ids that answer; each has a machine of its own
    faults: words or a file as in `sensors.modbus.faultscript`; empty for none
    """

    profile: str
    line: LineSettings
    units: tuple[int, ...] = (1,)
    faults: str = ""

    def __post_init__(self) -> None:
        if not self.units:
            raise ValueError("units: found none, expected at least one")
        if self.line.scheme == "tls" and self.line.certificate is None:
            raise ValueError("certificate: missing, expected one with its key to serve tls://")
        if not self.line.is_serial and self.line.ca is None and not _here_alone(self.line.host):
            raise ValueError(
                f"line: must be on this machine alone, such as tcp://127.0.0.1:1502, got {self.line.address!r}; "
                "for others to reach it serve tls:// with certificate, key and ca"
            )

    def read_faults(self) -> tuple[Scripted, ...]:
        """Raises ValueError and SensorError."""
        return read_faults(self.faults) if self.faults else ()


def _here_alone(host: str) -> bool:
    """Whether nobody else can reach an address; a name may mean anything."""
    try:
        return place(f"{host}:0").on_loopback
    except ValueError:
        return False


@asynccontextmanager
async def served(
    profile: Profile, machines: Machines, line: LineSettings, misbehave: Misbehave = behave
) -> AsyncIterator[str]:
    """Serves on that line while in the context, which gives the line's address; a serial port's path is a link.

    Raises InversionError where port or path is taken.
    """
    try:
        if line.is_serial:
            units = {unit: (profile, machine) for unit, machine in machines.items()}
            async with serve_serial(units, misbehave, scheme=line.scheme, baud=line.baud) as address:
                path = Path(line.device)
                path.symlink_to(address.partition("://")[2])
                try:
                    yield line.address
                finally:
                    path.unlink(missing_ok=True)
        else:
            async with _network(profile, machines, line, misbehave) as port:
                yield f"{line.scheme}://{line.host}:{port}"
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InversionError(f"--line {line.address}: cannot be served: {reason}") from error


@asynccontextmanager
async def _network(
    profile: Profile, machines: Machines, line: LineSettings, misbehave: Misbehave
) -> AsyncIterator[int]:
    tls = None
    if line.scheme == "tls" and line.certificate is not None and line.key is not None:
        tls = server_context(line.ca, line.certificate, line.key)
    devices = {unit: SimulatedRegisters(profile, machine) for unit, machine in machines.items()}
    try:
        async with modbus_server(devices, line.host, line.port, misbehave, line.framing, tls) as port:
            yield port
    finally:
        for device in devices.values():
            await device.close()


async def run_device(
    settings: DeviceSettings, stop: asyncio.Event, told: Callable[[str], None], **simulation: Any
) -> None:
    """Serves devices until the stop. told: takes the line's address once it is served, and the faults at the end.

    simulation: fields of `Simulation`. Raises as `served`, ProfileError, and ConfigurationError for wrong settings.
    """
    try:
        machine = Simulation(**simulation)
        profile = load_profile(Path(settings.profile))
        faults = settings.read_faults()
    except (ValueError, SensorError) as error:
        raise ConfigurationError(f"simulate: {error}" if isinstance(error, ValueError) else str(error)) from error
    machines = {
        unit: SimulatedMachine(profile, replace(machine, seed=machine.seed + number), time.monotonic, time.time)
        for number, unit in enumerate(settings.units)
    }
    script = FaultScript(faults, np.random.default_rng(machine.seed), lambda seconds: _step(machines, seconds))
    async with served(profile, machines, settings.line, script) as at:
        told(f"{profile.device.name} at {at}, unit {', '.join(str(unit) for unit in settings.units)}")
        await stop.wait()
    if faults:
        told("faults: " + (", ".join(f"{number} {kind}" for kind, number in script.counts.items()) or "none came"))


def _step(machines: Machines, seconds: float) -> None:
    for machine in machines.values():
        machine.step_clock(seconds)
