"""`inversion replay`: a bundle of evidence run again, and held against what was said then."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inversion.app.terminal import complaints, show

EXAMPLE = "Example: inversion replay var/fan3.evidence/00001795250000000000-3f1c7a90.bundle"


def replay(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What an alarm was raised on, kept by the gateway.")],
) -> None:
    """Runs the evidence of an alarm again: exit code 0 where the finding comes out the same, to the byte."""
    with complaints():
        from inversion.app.evidence import read
        from inversion.app.evidence import replay as run_again

        kept = read(bundle)
        differences = run_again(kept)
        finding = kept.finding
        show(f"{finding['asset']}: {finding['start']}: {len(kept.frames)} frames, {finding['engine']}")
        for alarm in finding["alarms"]:
            show(f"{alarm['name']}: {alarm['state']}, probability {alarm['probability']}")
        show("\n".join(f"otherwise: {line}" for line in differences) or "the same, to the byte")
        raise typer.Exit(1 if differences else 0)
