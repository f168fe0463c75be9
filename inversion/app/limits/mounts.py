"""Where the control groups of this process are: version 2, version 1 by controller, or both (hybrid)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_PROC = Path("/proc/self")


@dataclass(frozen=True)
class Mounts:
    """The groups that this process is in.

    unified: of version 2, None where it is not mounted; controllers: those that it has
    by_controller: of version 1
    """

    unified: Path | None
    controllers: frozenset[str]
    by_controller: Mapping[str, Path]

    @property
    def version(self) -> str:
        """For people: "2", "1", "1 and 2 (hybrid)" or "none"."""
        if self.by_controller:
            return "1" if self.unified is None else "1 and 2 (hybrid)"
        return "none" if self.unified is None else "2"


def find_mounts(proc: Path = _PROC) -> Mounts:
    """Reads `mountinfo` and `cgroup` (proc(5), cgroups(7)) of this process."""
    places = _own_paths(proc)
    unified: Path | None = None
    by_controller: dict[str, Path] = {}
    for line in proc.joinpath("mountinfo").read_text(encoding="utf-8").splitlines():
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if kind == "cgroup2" and "" in places:
            unified = _inside(mounted, root, places[""])
        elif kind == "cgroup":
            for controller in options.split(","):
                if controller in places:
                    by_controller[controller] = _inside(mounted, root, places[controller])
    controllers = frozenset() if unified is None else frozenset(_controllers(unified))
    return Mounts(unified, controllers, by_controller)


def _own_paths(proc: Path) -> dict[str, str]:
    """Path in its hierarchy by controller; version 2 has no controller's name."""
    paths: dict[str, str] = {}
    for line in proc.joinpath("cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _inside(mounted: str, root: str, path: str) -> Path:
    """The folder of a group: its path, seen from what of the hierarchy is mounted."""
    pure = PurePosixPath(path)
    inner = pure.relative_to(root) if pure.is_relative_to(root) else pure.relative_to("/")
    return Path(mounted) / inner


def _controllers(group: Path) -> list[str]:
    try:
        return group.joinpath("cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return []
