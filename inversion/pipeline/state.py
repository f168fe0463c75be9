"""What the pipeline remembers of one asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inversion.alerts import AlertState, MachineState
from inversion.core.memory import Memory
from inversion.tracking import Track


@dataclass(frozen=True)
class AssetState:
    """Track of an asset (None before its first window), state of every alert rule by its name, state of the machine.

    memory: what the forward model remembers of the asset, plain data; None where it remembers nothing
    """

    track: Track | None = None
    alerts: Mapping[str, AlertState] = field(default_factory=dict)
    machine: MachineState = field(default_factory=MachineState)
    memory: Memory | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as JSON has it."""
        return {
            "track": None if self.track is None else self.track.to_dict(),
            "alerts": {name: state.to_dict() for name, state in self.alerts.items()},
            "machine": self.machine.to_dict(),
            **({} if self.memory is None else {"memory": dict(self.memory)}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AssetState:
        """The state that `to_dict` wrote."""
        return cls(
            track=None if data["track"] is None else Track.from_dict(data["track"]),
            alerts={name: AlertState.from_dict(state) for name, state in data["alerts"].items()},
            machine=MachineState.from_dict(data["machine"]) if "machine" in data else MachineState(),
            memory=data.get("memory"),
        )
