"""The Modbus sources of a site."""

from __future__ import annotations

from pathlib import Path

from inversion.app.configuration import load_site
from inversion.core import ConfigurationError
from sensors.modbus.source import ModbusSource


def modbus_sources(site: Path, asset: str = "") -> list[ModbusSource]:
    """Those of the site, or the one of that asset. Raises ConfigurationError where there is none."""
    found = [source for source in load_site(site).sources if isinstance(source, ModbusSource)]
    chosen = [source for source in found if not asset or source.asset == asset]
    if not chosen:
        assets = ", ".join(source.asset for source in found) or "none"
        what = f"asset {asset!r}" if asset else 'source with use = "modbus"'
        raise ConfigurationError(f"{site}: source: found no {what}; there are: {assets}")
    return chosen
