"""The command interrupted at a word that it says."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def interrupted(command: Sequence[str], at: str) -> str:
    """What `inversion` says on standard error, interrupted at a line that begins so; it must have failed."""
    program = str(Path(sys.executable).with_name("inversion"))
    with subprocess.Popen([program, *command], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(at):
                process.send_signal(signal.SIGINT)
                break
        told = process.stderr.read()
        assert process.wait(60) != 0
    return told
