"""The pipeline at the precision that time allows, for a gateway's worker; recordings are always answered at the best.

Every finding says at which precision it was answered, so that what was live can be told from what a batch of the same
recording would say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from inversion.core import Adaptive
from inversion.engines.precision import PrecisionRule, PrecisionState, Strain, advance
from inversion.pipeline import Pipeline

_CGROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Choice:
    """pipelines: the same one at each precision, the best first; rule: None where there is nothing to choose."""

    pipelines: tuple[Pipeline, ...]
    rule: PrecisionRule | None = None
    state: PrecisionState = field(default_factory=PrecisionState)

    @property
    def pipeline(self) -> Pipeline:
        """What answers the next windows."""
        return self.pipelines[self.state.step]

    def after(self, strain: Strain) -> Choice:
        """The choice after these windows took that."""
        if self.rule is None:
            return self
        return replace(self, state=advance(self.rule, self.state, strain, len(self.pipelines)))


def choice_of(pipeline: Pipeline) -> Choice:
    """For this pipeline, whether its engine has precisions to choose from or not."""
    inverter = pipeline.inverter
    if not isinstance(inverter, Adaptive) or len(inverter.precisions) < 2:
        return Choice((pipeline,))
    pipelines = tuple(replace(pipeline, inverter=inverter.at(precision)) for precision in inverter.precisions)
    return Choice(pipelines, PrecisionRule(inverter.budget_s))


def throttled_periods(own: Path = _OWN, mounted: Path = _CGROUPS) -> int:
    """How often the CPU quota of this process's group has stopped it so far; 0 where there is none to read.

    Control groups version 1 (mounted by controller) and 2 are read.
    """
    try:
        lines = own.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = mounted / "cpu" if controllers else mounted
        try:
            text = (folder / path.lstrip("/") / "cpu.stat").read_text(encoding="ascii")
        except OSError:
            continue
        found = dict(pair for pair in map(str.split, text.splitlines()) if len(pair) == 2)
        if "nr_throttled" in found:
            return int(found["nr_throttled"])
    return 0
