"""Whether what a site's sinks have places for is what the site infers: told at check, not at three in the morning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from inversion.app.configuration import Site
from inversion.app.options import read_document
from inversion.core import ConfigurationError
from inversion.pipeline import Pipeline


@runtime_checkable
class Mapping(Protocol):
    """A sink with a place for each asset, parameter and alarm. Optional."""

    def misfits(self, assets: Sequence[str], parameters: Sequence[str], alarms: Sequence[str]) -> list[str]:
        """What has no place, and what has a place and is not of the site; `option: problem`, one line each."""
        ...


def check_sinks(path: Path, site: Site, pipeline: Pipeline) -> None:
    """Raises ConfigurationError, one line for each thing that has no place."""
    document = read_document(path)
    assets = [asset for source in site.sources if isinstance(asset := getattr(source, "asset", None), str)]
    parameters = [parameter.name for parameter in pipeline.model.space if not parameter.nuisance]
    alarms = [rule.name for rule in (*pipeline.rules, *site.silences)]
    complaints = []
    for number, sink in enumerate(site.sinks.values()):
        for misfit in sink.misfits(assets, parameters, alarms) if isinstance(sink, Mapping) else ():
            option, _, problem = misfit.partition(": ")
            complaints.append(str(document.error(("sink", number, option), problem)))
    if complaints:
        raise ConfigurationError("\n".join(complaints))
