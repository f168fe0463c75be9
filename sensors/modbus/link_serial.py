"""Links over a serial port of this computer; pyserial opens and sets it, the event loop watches it."""

from __future__ import annotations

import asyncio
import errno
import os

import serial

from sensors.errors import SourceUnavailable
from sensors.modbus.link import Link, Lost, Received
from sensors.modbus.settings import PARITIES, LineSettings

_MOST = 4096


def open_serial(settings: LineSettings, received: Received, lost: Lost) -> Link:
    """An open port that nobody else can open. Raises SourceUnavailable with the reason."""
    try:
        port = serial.Serial(
            settings.device,
            baudrate=settings.baud,
            parity=PARITIES[settings.parity],
            stopbits=settings.stop_bits,
            timeout=0,
            exclusive=True,
        )
        port.reset_input_buffer()
    except (serial.SerialException, OSError, ValueError) as problem:
        raise SourceUnavailable(f"cannot be opened: {_reason(problem)}") from problem
    return _SerialLink(port, received, lost)


def _reason(problem: OSError | ValueError) -> str:
    """`no such file or directory`: pyserial repeats path and number around it."""
    number = getattr(problem, "errno", None)
    if number == errno.EAGAIN:  # from the lock
        return "another program uses it"
    return os.strerror(number).lower() if number else str(problem)


class _SerialLink:
    def __init__(self, port: serial.Serial, received: Received, lost: Lost) -> None:
        self._port, self._received, self._lost = port, received, lost
        self._number = port.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._number, self._readable)

    def write(self, data: bytes) -> None:
        try:
            sent = os.write(self._number, data)
        except OSError as problem:
            self._gone(f"cannot be written: {problem.strerror}")
            return
        if sent != len(data):
            self._gone("takes no more bytes")

    def close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._number)
            self._port.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._number, _MOST)
        except BlockingIOError:
            return
        except OSError as problem:
            self._gone(f"cannot be read: {problem.strerror}")
            return
        if data:
            self._received(data)
        else:
            self._gone("was unplugged")

    def _gone(self, why: str) -> None:
        if self._port.is_open:
            self.close()
            self._lost(f"the serial port {why}")
