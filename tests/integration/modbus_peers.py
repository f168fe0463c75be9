"""Peers that are not ours: a C program made of libmodbus, mbpoll, and a pair of serial ports."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("modbus_peer.c")


def build_peer(folder):
    """The C peer, built in the folder; skips where there is no compiler or no libmodbus."""
    if shutil.which("gcc") is None or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs gcc and libmodbus-dev (Debian)")
    program = folder / "modbus_peer"
    command = ["gcc", "-O2", "-Wall", "-Werror", "-I/usr/include/modbus", str(SOURCE), "-lmodbus", "-o", str(program)]
    subprocess.run(command, check=True, timeout=60)
    return program


def needs(program):
    """Skips where the program is absent."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program} (Debian)")
    return program


@contextmanager
def peer_server(program, kind, where):
    """The C peer as a server, once it is ready."""
    process = subprocess.Popen([program, "server", kind, str(where)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def serial_pair(folder):
    """Two paths that are one serial line."""
    ends = folder / "A", folder / "B"
    process = subprocess.Popen([needs("socat"), *(f"pty,raw,echo=0,link={end}" for end in ends)])
    try:
        for _ in range(1000):
            if all(end.exists() for end in ends):
                break
            time.sleep(0.005)
        yield tuple(os.path.realpath(end) for end in ends)
    finally:
        process.terminate()
        process.communicate()


def free_port():
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
