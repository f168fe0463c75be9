"""Which line a device is on, and how that line is set: one shape for serial lines, TCP and TLS."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sensors.hostname import proper_host
from sensors.modbus.framing import Framing
from sensors.modbus.framing_ascii import AsciiFraming
from sensors.modbus.framing_rtu import RtuFraming
from sensors.modbus.framing_tcp import TcpFraming
from sensors.modbus.tls import client_context

#: Framing by the scheme of an address, and the port where there is one: on a network, or on a serial line.
NETWORK = {"tcp": 502, "tls": 802, "rtu+tcp": None, "ascii+tcp": None}
SERIAL = ("rtu", "ascii")
_LONGEST_SILENCE_S = 10.0
PARITIES = {"none": "N", "even": "E", "odd": "O"}
FORMS = "tcp://HOST:502, tls://HOST:802, rtu+tcp://HOST:PORT, ascii+tcp://HOST:PORT, rtu:///dev/ttyUSB0, ascii:///dev/…"


@dataclass(frozen=True)
class LineSettings:
    """One physical line. One `resource` must not be claimed with settings that are described differently.

    address: see FORMS
    baud, parity, stop_bits: of a serial line, and of the one behind a serial device server; they tell the bus time
    silence_s: between two frames; by default 3.5 characters, at least 1.75 ms, on RTU and ASCII, nothing over TCP
    turnaround_s: more of it, for units that change direction slowly
    ca, certificate, key: PEM files of TLS: who may answer, and who we are; server_name: where it is not the host
    """

    address: str
    baud: int = 9600
    parity: str = "none"
    stop_bits: int = 1
    silence_s: float | None = None
    turnaround_s: float = 0.0
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        self._check_address()
        if not 50 <= self.baud <= 4_000_000:
            raise ValueError(f"baud must be 50 to 4000000, got {self.baud}")
        if self.parity not in PARITIES:
            raise ValueError(f"parity must be one of {', '.join(PARITIES)}, got {self.parity!r}")
        if self.stop_bits not in (1, 2):
            raise ValueError(f"stop_bits must be 1 or 2, got {self.stop_bits}")
        for name, value in (("silence_s", self.silence_s or 0.0), ("turnaround_s", self.turnaround_s)):
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be 0 or more seconds, got {value}")
            if value > _LONGEST_SILENCE_S:
                raise ValueError(
                    f"{name} must be at most {_LONGEST_SILENCE_S:g} s: the line is idle so long, got {value:g}"
                )
        self._check_tls()

    def _check_address(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme in SERIAL and parts.path and not parts.netloc:
            if find_spec("serial") is None:
                raise ValueError("line: a serial line needs pyserial: pip install 'edge-inversion[serial]'")
            return
        try:
            port = NETWORK.get(parts.scheme) if parts.port is None else parts.port
        except ValueError:
            port = None
        if parts.scheme in NETWORK and parts.hostname:
            try:
                proper_host(parts.hostname)
            except ValueError as problem:
                raise ValueError(f"line must lead to a host, got {self.address!r}: its host {problem}") from None
        if parts.scheme not in NETWORK or not parts.hostname or not port or parts.path not in ("", "/"):
            raise ValueError(f"line must be one of {FORMS}; got {self.address!r}")

    def _check_tls(self) -> None:
        named = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        given = [name for name, path in named.items() if path is not None]
        if given and self.scheme != "tls":
            raise ValueError(f"{given[0]} belongs to a line tls://…, got {self.address!r}")
        for name in given:
            path = named[name]
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: no such file: {path}")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together, found only one of them")
        if given:
            client_context(self.ca, self.certificate, self.key)

    @property
    def scheme(self) -> str:
        """`tcp`, `tls`, `rtu+tcp`, `ascii+tcp`, `rtu` or `ascii`."""
        return urlsplit(self.address).scheme

    @property
    def is_serial(self) -> bool:
        """Whether this computer's own serial port is opened."""
        return self.scheme in SERIAL

    @property
    def host(self) -> str:
        """Of a line on a network."""
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        """Of a line on a network."""
        parts = urlsplit(self.address)
        return parts.port or NETWORK.get(parts.scheme) or 0

    @property
    def device(self) -> str:
        """Path of a serial port."""
        return urlsplit(self.address).path

    @property
    def resource(self) -> str:
        """What can be opened once only: the serial port, whatever link names it, or host and port."""
        return str(Path(self.device).resolve()) if self.is_serial else f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """For people: `192.0.2.17:502`, `/dev/ttyUSB0 9600 8N1`."""
        return (
            f"{self.device} {self.baud} 8{PARITIES[self.parity]}{self.stop_bits}" if self.is_serial else self.resource
        )

    @property
    def described(self) -> str:
        """All of it, for people: two lines that are described alike are the same."""
        shown = {"address", "baud", "parity", "stop_bits"} if self.is_serial else {"address"}
        others = [
            f"{field.name} {value}"
            for field in fields(self)
            if field.name not in shown and (value := getattr(self, field.name)) != field.default
        ]
        return ", ".join((f"{self.scheme} {self.shown}", *others))

    @property
    def framing(self) -> Framing:
        """How frames look on this line."""
        kind = self.scheme.partition("+")[0]
        return RtuFraming() if kind == "rtu" else AsciiFraming() if kind == "ascii" else TcpFraming()

    @property
    def on_wires(self) -> bool:
        """Whether bytes take the time that the baud rate says: a serial line, here or behind a device server."""
        return self.scheme not in ("tcp", "tls")

    @property
    def byte_s(self) -> float:
        """Time of one byte on the wires, s; 0 on a network."""
        if not self.on_wires:
            return 0.0
        bits = 1 + 8 + (self.parity != "none") + self.stop_bits
        return bits / self.baud

    @property
    def gap_s(self) -> float:
        """Silence between two frames, s. Source: Modbus over Serial Line V1.02, 2.5.1.1."""
        if not self.on_wires:
            return self.turnaround_s
        silence = max(3.5 * self.byte_s, 1.75e-3) if self.silence_s is None else self.silence_s
        return silence + self.turnaround_s

    def with_address(self, address: str) -> LineSettings:
        """The same settings at another address."""
        return replace(self, address=address)
