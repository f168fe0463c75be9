"""Starting a process inside a group, so that all its memory is charged there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: The shell joins and becomes the command: nothing of it was charged elsewhere, and no thread was forked.
_JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


def joined_command(joins: Sequence[Path], command: Sequence[str]) -> list[str]:
    """The command that joins these groups and then is `command`; exit code 125 where it could not join."""
    if not joins:
        return list(command)
    return ["/bin/sh", "-c", _JOIN, "sh", *map(str, joins), "--", *command]
