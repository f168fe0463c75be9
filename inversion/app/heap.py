"""Memory that the gateway frees and takes again stays with it; code that only a start runs does not.

asyncio reads every socket into 256 KiB. Pieces of that size glibc maps anew and gives back, unless some larger piece
happened to be freed before: 25 of 80 microseconds of a Modbus read, in some environments and not in others.
"""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_KEPT = 1 << 20
_DONT_NEED = 4  # MADV_DONTNEED of sys/mman.h


def keep_heap() -> bool:
    """Keeps up to a megabyte of freed memory in this process; whether its C library knows how."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, _KEPT) for name in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))


def give_back_code() -> None:
    """Unmaps the pages of code that this process has run so far; what runs again comes back from the kernel's cache.

    Of onnxruntime's code 15 MB run once, to register kernels and to open a session, and 7 MB to answer.
    """
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return
    for line in lines:
        place, mode, _, _, inode, *_ = line.split()
        if mode == "r-xp" and inode != "0":  # never written to, so that its file holds all of it
            low, high = (int(end, 16) for end in place.split("-"))
            madvise(ctypes.c_void_p(low), ctypes.c_size_t(high - low), _DONT_NEED)
