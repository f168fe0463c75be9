"""Options of verbs that name a line instead of a site: the same as those of a source with `use = "modbus"`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Baud = Annotated[int, typer.Option(help="Of a serial line.")]
Parity = Annotated[str, typer.Option(help="Of a serial line: none, even or odd.")]
StopBits = Annotated[int, typer.Option(help="Of a serial line: 1 or 2.")]
Silence = Annotated[float | None, typer.Option(help="Between two frames on wires; else 3.5 characters.")]
Turnaround = Annotated[float, typer.Option(help="More of it, for units that change direction slowly.")]
Ca = Annotated[Path | None, typer.Option(metavar="PEM", help="TLS: authority of the other side's certificate.")]
Certificate = Annotated[Path | None, typer.Option(metavar="PEM", help="TLS: our certificate.")]
Key = Annotated[Path | None, typer.Option(metavar="PEM", help="TLS: its key.")]
ServerName = Annotated[str, typer.Option(help="TLS: name in the server's certificate, where it is not the host.")]
