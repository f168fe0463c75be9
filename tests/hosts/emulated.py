"""A machine with an ordinary kernel, emulated: pressure (PSI), cpuset, weights of disks, which user-mode Linux lacks.

Its root is memory: this Python with its library, NumPy and this package, packed as the kernel's first file system.
Python is the first process; what it prints comes back. About fifteen times as slow as this machine.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
_QEMU, _SHELL = "qemu-system-x86_64", Path("/bin/sh")
_LEFT_OUT = re.compile(
    r"/(__pycache__|tests?|idlelib|tkinter|ensurepip|lib2to3|turtledemo|site-packages|config-[^/]*)(/|$)"
)
_INIT = """#!{python} -B
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("devtmpfs", "/dev")):
    libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
libc.mount(b"none", b"/sys/fs/cgroup", b"cgroup2", 0, None)
console = os.open("/dev/ttyS0", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(console, number)
sys.path[:0] = {path!r}
os.environ.update(PATH="/bin", OMP_NUM_THREADS="1", TMPDIR="/run")
try:
    exec(compile(open("/program.py").read(), "/program.py", "exec"), {{"__name__": "program"}})
except BaseException as problem:
    import traceback
    traceback.print_exc()
finally:
    sys.stdout.flush()
    os.sync()
    libc.reboot(0x4321FEDC)
"""


def kernel() -> Path | None:
    """What `INVERSION_KERNEL` names, or the newest that this machine has."""
    named = os.environ.get("INVERSION_KERNEL")
    found = [Path(named)] if named else sorted(Path("/boot").glob("vmlinuz-*"))
    return found[-1] if found and found[-1].is_file() else None


def reason() -> str:
    """Why there can be no such machine; empty where it can."""
    if platform.machine() != "x86_64" or shutil.which(_QEMU) is None:
        return "needs qemu-system-x86_64 on x86-64 (Debian: qemu-system-x86)"
    if kernel() is None:
        return "no kernel in /boot or INVERSION_KERNEL (Debian: apt-get download linux-image-cloud-amd64, dpkg-deb -x)"
    return ""


def module(name: str) -> Path | None:
    """A module of that kernel, beside it as its package has it, None where there is none."""
    found = kernel()
    if found is None:
        return None
    release = found.name.removeprefix("vmlinuz-")
    places = (found.parents[1] / "lib" / "modules" / release, Path("/lib/modules") / release)
    return next((file for place in places for file in place.glob(f"kernel/**/{name}.ko")), None)


def boot(
    folder: Path, program: str, timeout_s: float = 240.0, *, disk_mb: int = 0, more: Mapping[str, Path] | None = None
) -> str:
    """Runs a Python program as the first process of a machine with two processors; what it printed.

    disk_mb: size of an empty disk, /dev/nvme0n1; more: files by the name that they have there
    """
    image = folder / "root.cpio"
    with image.open("wb") as packed:
        for name, content, mode in _files(program):
            _pack(packed, name, content, mode)
        for name, file in (more or {}).items():
            _pack(packed, name, file.read_bytes(), 0o100644)
        _pack(packed, "TRAILER!!!", b"", 0)
    words = [
        "-M",
        "q35",
        "-accel",
        "tcg",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "1024",
        "-nographic",
        "-no-reboot",
        "-nodefaults",
    ]
    if disk_mb:
        with (folder / "disk").open("wb") as disk:
            disk.truncate(disk_mb * 2**20)
        drive = f"file={folder / 'disk'},format=raw,if=none,id=disk,cache=unsafe"
        words += ["-drive", drive, "-device", "nvme,drive=disk,serial=1"]
    told = "console=ttyS0 quiet psi=1 panic=-1 rdinit=/init"
    command = [_QEMU, *words, "-serial", "stdio", "-kernel", str(kernel()), "-initrd", str(image), "-append", told]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s)
    return ran.stdout + ran.stderr


def _files(program: str) -> Iterator[tuple[str, bytes, int]]:
    """Name, content and mode of all that the machine needs."""
    python = Path(sys.executable).resolve()
    library, packages = Path(sysconfig.get_path("stdlib")), Path(np.__file__).parents[1]
    paths = {python, _SHELL}
    paths |= {
        each for each in library.rglob("*") if each.is_file() and not _LEFT_OUT.search(f"/{each.relative_to(library)}")
    }
    for name in ("numpy", "numpy.libs"):
        paths |= {each for each in (packages / name).rglob("*") if each.is_file() and "/tests/" not in str(each)}
    for name in ("inversion", "sensors"):
        ours = (each for each in (ROOT / name).rglob("*") if each.is_file())
        paths |= {each for each in ours if not {"models", "__pycache__"} & set(each.parts)}
    paths |= set((ROOT / "tests" / "hosts").glob("*.py"))
    paths |= _libraries([each for each in paths if ".so" in each.suffixes or each in (python, _SHELL)])
    folders = {str(parent) for each in paths for parent in each.parents} | {"/run", "/proc", "/sys", "/dev"}
    for folder in sorted(folders - {"/"}):
        yield folder[1:], b"", 0o040755
    for each in sorted(paths):
        yield str(each)[1:], each.read_bytes(), 0o100755
    init = _INIT.format(python=python, path=[str(ROOT), str(packages)])
    yield "init", init.encode(), 0o100755
    yield "program.py", program.encode(), 0o100644


def _libraries(files: list[Path]) -> set[Path]:
    """What they are linked to, at the places where their loader looks."""
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    return {Path(found) for found in re.findall(r"(/\S+\.so[^\s:]*) \(0x", told)}


def _pack(packed, name: str, content: bytes, mode: int) -> None:
    """One entry of a cpio archive, format newc (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    words = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % word for word in words) + name.encode() + b"\0"
    packed.write(header + b"\0" * (-len(header) % 4) + content + b"\0" * (-len(content) % 4))
