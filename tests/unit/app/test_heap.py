"""Law: memory that is freed and taken again, as at every wait for a socket, does not go to the kernel in between."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its heap in its way")

PROGRAM = """
import ctypes, resource
from inversion.app.heap import keep_heap
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.realloc.restype = ctypes.c_void_p
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(1000):
    piece = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(1 << 18)))  # as asyncio receives 300 bytes
    piece = ctypes.c_void_p(libc.realloc(piece, ctypes.c_size_t(300)))
    ctypes.memset(piece, 1, 300)
    libc.free(piece)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(first: str) -> int:
    program = PROGRAM.format(first=first)
    return int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def test_what_is_freed_is_not_faulted_in_again() -> None:
    assert faults("assert keep_heap()") < 100 < 1000 <= faults("")
