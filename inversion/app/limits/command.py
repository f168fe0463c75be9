"""This very command once more, inside a group: `inversion batch --cpu 50% --memory 512MiB ...`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from inversion.app.limits.group import LimitsUnavailable, make_group
from inversion.app.limits.options import Limits
from inversion.app.limits.process import joined_command
from inversion.core import ConfigurationError

_OURS = ("--cpu", "--memory")


def run_limited(cpu: str | None, memory: str | None) -> int:
    """Exit code of the same command without these options, all of it within the limits.

    Raises ConfigurationError for limits that are none, LimitsUnavailable where they cannot be had, or are too small.
    """
    try:
        limits = Limits(cpu=cpu, memory=memory)
    except ValueError as error:
        raise ConfigurationError(f"--{error}") from error
    group = make_group(limits, f"inversion-{os.getpid()}")
    try:
        code = _run(joined_command(group.joins, [sys.executable, *_flags(), sys.argv[0], *without(sys.argv[1:])]))
        if group.usage().oom_kills:
            raise LimitsUnavailable(
                f"memory {memory} is too little: a process was killed for it; nothing else is wrong"
            )
        return code
    finally:
        group.remove()


def without(words: Sequence[str]) -> list[str]:
    """The command line without the limits, written in either way."""
    kept: list[str] = []
    words = list(words)
    while words:
        word = words.pop(0)
        if word in _OURS and words:
            words.pop(0)
        elif not word.startswith(tuple(f"{option}=" for option in _OURS)):
            kept.append(word)
    return kept


def _flags() -> list[str]:
    return [f"-W{option}" for option in sys.warnoptions]


def _run(command: Sequence[str]) -> int:
    """Waits for it; a SIGTERM to this process is passed on, Ctrl-C reaches both by themselves."""
    with subprocess.Popen(command) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = child.wait()
    return 128 - code if code < 0 else code
