"""A machine of its own for a test: user-mode Linux on the root of this one, read-only, with control groups version 2.

Whatever the test writes comes back through one folder. Boots in about two seconds; nothing of this machine changes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
REASON = "" if shutil.which("linux.uml") else "user-mode Linux is not installed (Debian: user-mode-linux)"

_INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/run TMPDIR=/run PYTHONDONTWRITEBYTECODE=1 {environment}
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run
ip link set lo up
mkdir -p /run/out /run/lock
mount -t hostfs none /run/out -o {out}
{more}
"""
_GROUPS = 'mount -t cgroup2 none /sys/fs/cgroup; echo "+cpu +memory +pids +io" > /sys/fs/cgroup/cgroup.subtree_control'
_OFF = 'exec {python} -c "import ctypes; l = ctypes.CDLL(None); l.sync(); l.reboot(0x4321fedc)"'


def boot(
    folder: Path,
    script: str,
    *,
    environment: str = "",
    groups: bool = True,
    timeout_s: float = 120.0,
    disk_mb: int = 0,
) -> Path:
    """Runs a shell script as the first process of a new machine, until it powers off; the folder it wrote to.

    folder: writable; `init.sh` and `out` are made in it. In the machine `/run/out` is that folder.
    disk_mb: size of an empty disk, device 98:0
    """
    more = []
    if disk_mb:
        with (folder / "disk").open("wb") as disk:
            disk.truncate(disk_mb * 2**20)
        more = [f"ubd0={folder / 'disk'}"]
    with booted(folder, script, environment=environment, groups=groups, more=more) as machine:
        machine.wait(timeout_s)
    return folder / "out"


@contextmanager
def booted(
    folder: Path, script: str, *, environment: str = "", groups: bool = True, more: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """The same while it runs; it ends with this. more: words for its kernel, such as disks (`ubd0=FILE`)."""
    out = folder / "out"
    out.mkdir()
    init = folder / "init.sh"
    lines = [_GROUPS if groups else "", script, _OFF.format(python=sys.executable) if groups else ""]
    init.write_text(_INIT.format(environment=environment, out=out, more="\n".join(lines)))
    init.chmod(0o755)
    command = ["linux.uml", "mem=384M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}", "quiet", "con=null"]
    console = [*command, "con0=fd:0,fd:1", *more]
    with (out / "console.txt").open("wb") as told:
        machine = subprocess.Popen(
            console, stdin=subprocess.DEVNULL, stdout=told, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield machine
        finally:  # its processes outlive the first where that is killed
            with suppress(ProcessLookupError):
                os.killpg(machine.pid, signal.SIGKILL)
            machine.wait()
