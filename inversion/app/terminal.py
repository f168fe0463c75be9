"""What the verbs say: results on standard output, complaints and the log on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def complaints() -> Iterator[None]:
    """Our errors as lines on standard error: exit code 2 for a wrong configuration, 1 for what failed."""
    from inversion.core import InversionError
    from sensors import SensorError

    try:
        yield
    except (InversionError, SensorError) as error:
        import typer

        raise typer.Exit(complain(error)) from error


def complain(error: Exception) -> int:
    """Says what is wrong; the exit code: 2 for a wrong configuration, 1 for what failed."""
    from inversion.core import ConfigurationError

    sys.stderr.write(f"{error}\n")
    return 2 if isinstance(error, ConfigurationError) else 1


def log_to_stderr(level: int) -> None:
    """The package's own log from this level on; of others warnings only."""
    logging.basicConfig(stream=_Stderr(), level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("inversion").setLevel(level)


def show(text: str) -> None:
    """A result, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class _Stderr:
    """Standard error as it is at the time: the live table takes it over to keep lines above itself."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
