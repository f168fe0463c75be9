"""The command `inversion`: hears signals first, then loads the verbs."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inversion.app.stop import Stop

if TYPE_CHECKING:
    import typer

_GRACEFUL = ("run", "demo", "record")  # these finish what they have in hand


def main() -> None:
    """Entry point. Exit codes: 0 good, 1 something failed, 2 the command or the configuration is wrong."""
    stop = Stop()
    if sys.argv[1:2] and sys.argv[1] in _GRACEFUL:
        stop.listen()
    if len(sys.argv) == 3 and sys.argv[1] == "run" and not sys.argv[2].startswith("-"):
        from inversion.app.start import run_command

        sys.exit(run_command(Path(sys.argv[2]), stop))  # what reads command lines takes 13 MB, for good
    application()(obj=stop)


@cache
def application() -> typer.Typer:
    """All verbs."""
    from inversion.app import (
        alarm_verbs,
        buffer_verb,
        install_verb,
        network_verbs,
        register_verb,
        replay_verb,
        simulate_verb,
    )
    from inversion.app.fieldbus.verbs import VERBS
    from inversion.app.verbs import app

    app.add_typer(alarm_verbs.app, name="alarms")
    app.command(epilog=buffer_verb.EXAMPLE)(buffer_verb.buffer)
    for verb, example in VERBS:
        app.command(epilog=example)(verb)
    for verb, example in network_verbs.VERBS:
        app.command(epilog=example)(verb)
    app.command(epilog=install_verb.EXAMPLE)(install_verb.install)
    app.command(epilog=register_verb.EXAMPLE)(register_verb.registers)
    app.command(epilog=replay_verb.EXAMPLE)(replay_verb.replay)
    app.command(epilog=simulate_verb.EXAMPLE)(simulate_verb.simulate)
    return app
