"""How long a line is taken: by bytes on wires, by the silence between frames, by the device that thinks."""

from __future__ import annotations

from sensors.modbus.planner import Cost
from sensors.modbus.settings import LineSettings

#: What a device is supposed to need to answer until that was measured, s: on a network, and on wires.
_SUPPOSED_TCP_S, _SUPPOSED_SERIAL_S = 2e-3, 5e-3
#: Bytes of request and empty reply, on RTU.
_OVERHEAD = 13


def supposed_answer_s(settings: LineSettings) -> float:
    """What a device on such a line is supposed to need to answer, s."""
    return _SUPPOSED_SERIAL_S if settings.on_wires else _SUPPOSED_TCP_S


def request_cost(settings: LineSettings, answer_s: float | None = None) -> Cost:
    """Bus time of a request. answer_s: what the device needs to answer; None where that is not known."""
    answer_s = supposed_answer_s(settings) if answer_s is None else answer_s
    if not settings.on_wires:
        return Cost(answer_s, 1e-6)
    byte_s = _characters(settings) * settings.byte_s
    return Cost(answer_s + _OVERHEAD * byte_s + settings.gap_s, 2 * byte_s)


def wire_s(settings: LineSettings, request: int, reply: int) -> float:
    """Time that a request and a reply of so many bytes (PDU) take on the wires, s."""
    return settings.byte_s * _characters(settings) * (request + reply + 6)


def _characters(settings: LineSettings) -> int:
    """Characters of a byte."""
    return 2 if settings.framing.name == "ascii" else 1
