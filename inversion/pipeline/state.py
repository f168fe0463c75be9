"""What the pipeline remembers of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inversion.alerts import AlertState, MachineState
from inversion.tracking import Track


@dataclass(frozen=True)
class AssetState:
    """Track of an asset (None before its first window), state of every alert rule by its name, state of the machine."""

    track: Track | None = None
    alerts: Mapping[str, AlertState] = field(default_factory=dict)
    machine: MachineState = field(default_factory=MachineState)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        return {
            "track": None if self.track is None else self.track.to_dict(),
            "alerts": {name: state.to_dict() for name, state in self.alerts.items()},
            "machine": self.machine.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AssetState:
        """The state that `to_dict` wrote."""
        return cls(
            track=None if data["track"] is None else Track.from_dict(data["track"]),
            alerts={name: AlertState.from_dict(state) for name, state in data["alerts"].items()},
            machine=MachineState.from_dict(data["machine"]) if "machine" in data else MachineState(),
        )
