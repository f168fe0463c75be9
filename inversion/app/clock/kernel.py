"""What the operating system says of its clock: which start of the box this is, and whether something keeps it right."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

_UNSYNC = 0x0040  # STA_UNSYNC of adjtimex(2)
_UNKNOWN_US = 16_000_000  # maximum error of a clock that nothing keeps: NTP_PHASE_LIMIT of the kernel's ntp.c
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class _Timex(ctypes.Structure):
    """struct timex as far as it is read, with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def synchronized() -> bool:
    """Whether NTP or the like keeps the clock; False also where nobody can tell.

    Every daemon that keeps a clock (systemd-timesyncd, chrony, ntpd, ptp4l) tells the kernel, which forgets it when the
    clock is set by hand or the daemon has been silent for hours. chrony without `rtcsync` tells the error only.
    """
    told = _Timex()
    if _library().adjtimex(ctypes.byref(told)) < 0:  # a sandbox may forbid even to ask
        return _TIMESYNCD.exists()
    return not told.status & _UNSYNC or told.maxerror < _UNKNOWN_US


def boot_id() -> str:
    """Names this start of the box, eight hexadecimal digits; empty where the system does not tell."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()[:8]
    except OSError:
        return ""


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
