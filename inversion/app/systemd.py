"""What systemd is told (sd_notify(3)): ready, reloading, stopping; and the watchdog, fed only while frames flow."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, Sequence

from inversion.app.acquisition import Acquisition
from inversion.app.intake import Intake

_OFTEN = 3  # feedings in the time after which systemd would act
_QUIET_S = 900.0


def notify(message: str, environment: Mapping[str, str]) -> bool:
    """Sends it to the service manager; False where there is none, or it does not listen."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        try:
            line.sendto(message.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
        except OSError:
            return False
    return True


class Systemd:
    """Frames flow while every frame that came was answered, or one was since the watchdog was fed last.

    A device that is gone is no reason to start again: its source waits for it. One that says nothing, and does not say
    that it is gone, for a quarter of an hour and three times its pace, is.

    pace_s: from frame to frame of the slowest source, 0 where nobody knows it
    well: whether frames flowed when that was judged last: when the watchdog was fed, or every `often_s`
    """

    def __init__(
        self,
        intake: Intake,
        acquisitions: Sequence[Acquisition],
        environment: Mapping[str, str] = os.environ,
        often_s: float = 60.0,
        pace_s: float = 0.0,
    ) -> None:
        self._intake, self._acquisitions, self._environment = intake, acquisitions, environment
        self._answers, self._fed, self._often_s = 0, 0, often_s
        self._quiet_s = max(_QUIET_S, 3 * pace_s)
        self.well = True

    def ready(self) -> None:
        """Started, or reloaded."""
        notify("READY=1", self._environment)

    def reloading(self) -> None:
        """Reads its configuration again."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", self._environment)

    def stopping(self) -> None:
        """Takes no more frames."""
        notify("STOPPING=1", self._environment)

    def answered(self) -> None:
        """A request of the worker has come back, whatever it said, or its loss was noticed."""
        self._answers += 1

    @property
    def flowing(self) -> bool:
        """Whether this process does what it is for."""
        if self._answers > self._fed:
            return True
        busy = self._intake.waiting > 0 or self._intake.in_hand
        heard_s = max(self._intake.heard.values(), default=time.monotonic_ns()) / 1e9
        quiet = time.monotonic() - heard_s > self._quiet_s
        waits = any(acquisition.waits for acquisition in self._acquisitions)
        return not busy and (waits or not quiet)

    async def feed(self) -> None:
        """Judges whether frames flow, and feeds the watchdog while they do, where there is one; until cancelled."""
        fed_s = int(self._environment.get("WATCHDOG_USEC", "0")) / 1e6 / _OFTEN
        while True:
            self.well = self.flowing
            if self.well and fed_s > 0:
                notify("WATCHDOG=1", self._environment)
            self._fed = self._answers
            await asyncio.sleep(fed_s if fed_s > 0 else self._often_s)
