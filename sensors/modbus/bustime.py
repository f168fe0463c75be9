"""How long a line is taken: by bytes on wires, by the silence between frames, by the device that thinks."""

from __future__ import annotations

from sensors.modbus.planner import Cost
from sensors.modbus.settings import LineSettings

#: What a device needs to answer until that was measured, s.
_SUPPOSED_TCP_S, _SUPPOSED_SERIAL_S = 2e-3, 5e-3
#: Bytes of request and empty reply, on RTU.
_OVERHEAD = 13


def request_cost(settings: LineSettings, latency_s: float | None = None) -> Cost:
    """Bus time of a request. latency_s: what the device needs to answer; None where that is not known."""
    if not settings.on_wires:
        return Cost(_SUPPOSED_TCP_S if latency_s is None else latency_s, 1e-6)
    latency_s = _SUPPOSED_SERIAL_S if latency_s is None else latency_s
    byte_s = _characters(settings) * settings.byte_s
    return Cost(latency_s + _OVERHEAD * byte_s + settings.gap_s, 2 * byte_s)


def wire_s(settings: LineSettings, request: int, reply: int) -> float:
    """Time that a request and a reply of so many bytes (PDU) take on the wires, s."""
    return settings.byte_s * _characters(settings) * (request + reply + 6)


def _characters(settings: LineSettings) -> int:
    """Characters of a byte."""
    return 2 if settings.framing.name == "ascii" else 1
