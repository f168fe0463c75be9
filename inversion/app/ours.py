"""Whether the packages `sensors` and `inversion` that were imported are ours: others offer packages of these names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import inversion
import sensors
from inversion.core import ConfigurationError

_DISTRIBUTION = "edge-inversion"


def check_packages() -> None:
    """Raises ConfigurationError where another distribution's package stands in place of ours."""
    verify((sensors, inversion), packages_distributions())


def verify(modules: Sequence[ModuleType], owners: Mapping[str, Sequence[str]]) -> None:
    """`owners`: distributions by top-level package. Raises ConfigurationError."""
    remedy = f"install {_DISTRIBUTION} in an environment of its own"
    for module in modules:
        others = sorted({owner for owner in owners.get(module.__name__, ()) if owner != _DISTRIBUTION})
        if others:
            raise ConfigurationError(f"package {module.__name__!r} also belongs to {', '.join(others)}; {remedy}")
    folders = {str(Path(str(module.__file__)).parent.parent) for module in modules}
    if len(folders) > 1:
        names = " and ".join(module.__name__ for module in modules)
        raise ConfigurationError(
            f"packages {names} come from different places, {' and '.join(sorted(folders))}; {remedy}"
        )
