"""Law: memory that is freed and taken again, as at every wait for a socket, does not go to the kernel in between."""

from __future__ import annotations

import ctypes
import mmap
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inversion.app.heap import give_back_code

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps its heap in its way")

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


@glibc
def test_what_is_freed_is_not_faulted_in_again() -> None:
    assert faults("assert keep_heap()") < 100 < 1000 <= faults("")


@glibc
def test_what_a_window_took_is_not_faulted_in_again() -> None:
    program = """
import resource
import numpy as np
from inversion.app.heap import keep_work
{first}
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    pieces = [np.ones(16_384) for _ in range(8)]
    del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", program.format(first=first)], capture_output=True, check=True).stdout)
        for first in ("assert keep_work()", "")
    )
    assert kept < 600 < 5000 < given_back


def code_kb(library: str) -> int:
    """Resident code of a library in this process."""
    maps = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
    ours = [each for each in maps if library in each and " r-xp " in each]
    return sum(int(told[1]) for each in ours if (told := re.search(r"Rss: +(\d+) kB", each)))


def test_code_that_was_written_to_keeps_what_was_written(tmp_path) -> None:
    """A breakpoint, or what a loader has patched."""
    path = tmp_path / "code"
    path.write_bytes(bytes(mmap.PAGESIZE))
    with path.open("r+b") as file:
        page = mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    page[0] = 7
    place = ctypes.addressof(ctypes.c_char.from_buffer(page))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(place), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC) == 0
    give_back_code()
    assert ctypes.string_at(place, 1) == b"\x07"


def test_code_that_has_run_is_given_back_and_runs_again() -> None:
    values = np.arange(1000.0)
    before = np.linalg.norm(values), np.sort(values[::-1])[1]
    resident = code_kb("_multiarray_umath")
    give_back_code()
    assert code_kb("_multiarray_umath") < resident / 2
    assert (np.linalg.norm(values), np.sort(values[::-1])[1]) == before
