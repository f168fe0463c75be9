"""At which precision to answer next: the best while there is time, a quick one while there is not. Pure.

What costs time is measured by who runs the engine (a gateway's worker) and handed in. Precision falls at the first
sign of need and rises again only after a long calm; each time that it had to fall soon after a rise, the calm asked
for doubles, so that a box at its limit does not go up and down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PrecisionRule:
    """When to step down and up.

    budget_s: what one window may take, from its samples to its finding
    calm: share of the budget, and of the queue, below which a window counts as calm
    calm_windows: that many calm windows in a row step up; longest_calm: at most so many after steps that did not last
    """

    budget_s: float
    calm: float = 0.5
    calm_windows: int = 50
    longest_calm: int = 3200

    def __post_init__(self) -> None:
        if not self.budget_s > 0:
            raise ValueError(f"budget_s must be positive, got {self.budget_s} s")
        if not 0 < self.calm < 1:
            raise ValueError(f"calm must lie between 0 and 1, got {self.calm}")
        if not 1 <= self.calm_windows <= self.longest_calm:
            raise ValueError(
                f"calm_windows must be from 1 to longest_calm ({self.longest_calm}), got {self.calm_windows}"
            )


@dataclass(frozen=True)
class Strain:
    """What was measured while one window was answered.

    elapsed_s: from its samples to its finding; throttled: whether the quota stopped the process meanwhile
    waiting: share of the queue that is filled, 0 to 1; or of the time that was waited for a core or memory, if more
    """

    elapsed_s: float
    throttled: bool = False
    waiting: float = 0.0


@dataclass(frozen=True)
class PrecisionState:
    """Where the choice stands.

    step: 0 for the best precision, 1 for the next; calm: calm windows in a row; since: windows since the last step
    asked: calm windows that step up again; 0 before the first step down
    """

    step: int = 0
    calm: int = 0
    since: int = 0
    asked: int = 0


def advance(rule: PrecisionRule, state: PrecisionState, strain: Strain, steps: int = 2) -> PrecisionState:
    """The state after one more window, for an engine of so many precisions."""
    strained = strain.elapsed_s > rule.budget_s or strain.throttled or strain.waiting > 1 - rule.calm
    if strained and state.step + 1 < steps:
        lasted = state.asked == 0 or state.since >= 2 * state.asked
        asked = rule.calm_windows if lasted else min(2 * state.asked, rule.longest_calm)
        return PrecisionState(state.step + 1, asked=asked)
    quiet = strain.elapsed_s <= rule.calm * rule.budget_s and strain.waiting <= rule.calm / 2
    calm = state.calm + 1 if quiet and not strain.throttled else 0
    if state.step > 0 and calm >= state.asked:
        return PrecisionState(state.step - 1, asked=state.asked)
    return replace(state, calm=calm, since=state.since + 1)
