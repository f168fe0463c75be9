"""Memory that the gateway frees and takes again stays with it.

asyncio reads every socket into 256 KiB. Pieces of that size glibc maps anew and gives back, unless some larger piece
happened to be freed before: 25 of 80 microseconds of a Modbus read, in some environments and not in others.
"""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_KEPT = 1 << 20


def keep_heap() -> bool:
    """Keeps up to a megabyte of freed memory in this process; whether its C library knows how."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, _KEPT) for name in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
