"""Modbus TCP: a header with a transaction id before the PDU. Source: Modbus Messaging on TCP/IP V1.0b, 3.1.3."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sensors.modbus.framing import Request, Scanned, Stray, judged
from sensors.modbus.pdu import LONGEST_PDU, Defect, Mismatch

#: Transaction id, protocol id (0), bytes that follow, unit id.
MBAP = struct.Struct(">HHHB")


@dataclass(frozen=True)
class TcpFraming:
    """Over TCP and over TLS."""

    name: str = "tcp"
    numbered: bool = True

    def frame(self, unit: int, pdu: bytes, transaction: int = 0) -> bytes:
        return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu

    def scan(self, request: Request, received: bytes | bytearray) -> Scanned:
        if len(received) < MBAP.size:
            return None
        transaction, protocol, length, unit = MBAP.unpack_from(received)
        if protocol != 0 or not 3 <= length <= LONGEST_PDU + 1:
            return Defect(
                Mismatch.HEADER, f"found protocol id {protocol} and length {length}, expected a Modbus TCP header"
            )
        end = MBAP.size - 1 + length
        if len(received) < end:
            return None
        if transaction != request.transaction:
            what = f"found transaction {transaction}, expected {request.transaction}"
            return Stray(Defect(Mismatch.TRANSACTION, what), end)
        return judged(request, unit, bytes(received[MBAP.size : end]), end)

    def next_request(self, received: bytes | bytearray) -> tuple[Request, int] | Defect | None:
        if len(received) < MBAP.size:
            return None
        transaction, protocol, length, unit = MBAP.unpack_from(received)
        if protocol != 0 or not 2 <= length <= LONGEST_PDU + 1:
            return Defect(Mismatch.HEADER, f"found protocol id {protocol} and length {length}")
        end = MBAP.size - 1 + length
        if len(received) < end:
            return None
        return Request(unit, bytes(received[MBAP.size : end]), transaction), end
