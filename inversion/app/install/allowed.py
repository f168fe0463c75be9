"""What a service must be let do beyond the usual: listen at a low port, open a serial line."""

from __future__ import annotations

import grp
import re
from collections.abc import Iterable
from pathlib import Path

from inversion.app.configuration import Site
from inversion.app.serving.place import place
from sensors.modbus.settings import LineSettings

_LOW = 1024  # below it a listener needs a capability
_USUAL = "dialout"  # whose devices serial lines are, where nobody can look


def capabilities(site: Site) -> str:
    """`CAP_NET_BIND_SERVICE` where something listens at a port below 1024, such as a PLC's 502; else empty."""
    ports = [site.observe.place[1]] if site.observe.listen else []
    for sink in site.sinks.values():
        listen = getattr(sink, "listen", None)
        if isinstance(listen, str):
            try:
                ports.append(place(listen).port)
            except ValueError:
                continue  # of another form: a third party's
    return "CAP_NET_BIND_SERVICE" if any(0 < port < _LOW for port in ports) else ""


def devices(site: Site) -> str:
    """Lines of a unit that let it open the serial lines of the site, and no other device."""
    settings = [getattr(source, "settings", None) for source in site.sources]
    ports = sorted({Path(each.device) for each in settings if isinstance(each, LineSettings) and each.is_serial})
    if not ports:
        return "PrivateDevices=yes\n"
    groups = sorted({_group(port) for port in ports})
    allowed = sorted({kind for port in ports for kind in _kinds(port)})
    lines = ["# Serial lines: no other device than these", "PrivateDevices=no", "DevicePolicy=closed"]
    lines += [f"DeviceAllow={kind} rw" for kind in allowed]
    return "\n".join([*lines, f"SupplementaryGroups={' '.join(groups)}"]) + "\n"


def _kinds(port: Path) -> Iterable[str]:
    """As systemd names them: a kind, since an adapter that is plugged in anew is another device."""
    found = re.fullmatch(r"(tty[A-Za-z]+)\d+", port.resolve().name)
    if found:
        return [f"char-{found[1]}"]
    return ["char-ttyACM", "char-ttyUSB"]  # by-id, by-path, or a name of a udev rule; and it is not plugged in here


def _group(port: Path) -> str:
    try:
        return port.group()
    except (OSError, KeyError):
        pass
    try:
        return grp.getgrnam(_USUAL).gr_name
    except KeyError:
        return "root"
