"""`inversion install`: the gateway as a service; says what it would write, and writes only when told to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inversion.app.terminal import complaints, show

EXAMPLE = "Example: inversion install configs/fan.toml --unit"


def install(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="Configuration of the site, a TOML file.")],
    unit: Annotated[bool, typer.Option("--unit", help="The systemd unit, and the user it runs as.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the files; else they are only shown.")] = False,
    root: Annotated[Path, typer.Option(help="Of the file system that is written to, such as an image.")] = Path("/"),
    user: Annotated[str, typer.Option(help="Whom the gateway runs as; made where it is `inversion`.")] = "inversion",
) -> None:
    """Shows, or writes, what makes a gateway a service of this box."""
    with complaints():
        from inversion.app.check import examined
        from inversion.app.configuration import load_parts
        from inversion.app.install import check_free, check_installable, planned, write_files
        from inversion.core import ConfigurationError

        if not unit:
            raise ConfigurationError("install: name what to install: --unit")
        site = site.resolve() if site.is_symlink() else site  # what it names is meant from where it really is
        loaded, _ = examined(site)
        command = Path(sys.argv[0]).resolve()
        cautions = check_installable(loaded, load_parts(site), command, user, root)
        texts = planned(loaded, command, user)
        check_free(loaded, texts, root)
        if write:
            show("\n".join(f"written: {path}" for path in write_files(texts, root)))
            show(
                "\n".join(
                    [*cautions, "next: systemd-sysusers; systemctl daemon-reload; systemctl enable --now the unit"]
                )
            )
            return
        for path, text in texts.items():
            show(f"would write {root / path.relative_to('/')}:\n\n{text}")
        show("\n".join([*cautions, "nothing was written; --write does it"]))
