"""Memory that the gateway frees and takes again stays with it; code that only a start runs does not.

asyncio reads every socket into 256 KiB. Pieces of that size glibc maps anew and gives back, unless some larger piece
happened to be freed before: 25 of 80 microseconds of a Modbus read, in some environments and not in others.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_KEPT, _KEPT_BY_WORKERS, _LARGEST = 1 << 20, 4 << 20, 16 << 20
_DONT_NEED = 4  # MADV_DONTNEED of sys/mman.h


def keep_heap() -> bool:
    """Keeps up to a megabyte of freed memory in this process; whether its C library knows how."""
    return _kept({_TRIM_THRESHOLD: _KEPT, _MMAP_THRESHOLD: _KEPT})


def keep_work() -> bool:
    """The same for a worker: what a window takes and frees, some megabytes in pieces of its own size."""
    return _kept({_TRIM_THRESHOLD: _KEPT_BY_WORKERS, _MMAP_THRESHOLD: _LARGEST})


def _kept(options: Mapping[int, int]) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, value) for name, value in options.items())


def give_back_code() -> None:
    """Unmaps the pages of code that this process has run so far; what runs again comes back from the kernel's cache.

    Of onnxruntime's code 15 MB run once, to register kernels and to open a session, and 7 MB to answer.
    """
    try:
        madvise = ctypes.CDLL(None).madvise
        for low, high in list(_code()):
            madvise(ctypes.c_void_p(low), ctypes.c_size_t(high - low), _DONT_NEED)
    except (OSError, AttributeError):
        return  # a kernel or a C library that does not know how


def _code() -> Iterator[tuple[int, int]]:
    """Code that is as its file has it, from where to where; what a loader or a debugger has written to is not."""
    place = ""
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            place = words[0] if words[1] == "r-xp" and words[4] != "0" else ""
        elif place and words[:2] == ["Anonymous:", "0"]:
            low, high = place.split("-")
            yield int(low, 16), int(high, 16)
