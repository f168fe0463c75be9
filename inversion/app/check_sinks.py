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


def check_patience(path: Path, site: Site) -> None:
    """Raises ConfigurationError for a sink that is more patient than the gateway: what it sends would come twice."""
    document, most_s = read_document(path), site.gateway.sink_timeout_s
    for number, sink in enumerate(site.sinks.values()):
        timeout_s = getattr(sink, "timeout_s", None)
        if isinstance(timeout_s, float) and timeout_s > most_s:
            problem = f"must be at most gateway.sink_timeout_s, {most_s:g} s, found {timeout_s:g}"
            told = f"{problem}: a delivery would be given up, and begun again, while it goes on"
            raise document.error(("sink", number, "timeout_s"), told)


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
