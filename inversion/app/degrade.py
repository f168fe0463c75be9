"""When workers are lost again and again: what the gateway still does. A pure state machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

STEPS = ("full", "lite", "acquisition only")


@dataclass(frozen=True)
class DegradeRule:
    """`losses` within `within_s` are a crash loop: one step down, from "full" to "lite" to "acquisition only".

    rest_s, rest_cap_s: how long nothing is inverted before the next try, s, doubled each time; recover_s: how long
    "lite" must last without a loss before "full" is tried again, s
    """

    losses: int = 5
    within_s: float = 60.0
    rest_s: float = 30.0
    rest_cap_s: float = 3600.0
    recover_s: float = 600.0


@dataclass(frozen=True)
class Health:
    """step: place in STEPS, since `since_s`; lost_s: times of the losses that count; all monotonic, s."""

    step: int = 0
    since_s: float = 0.0
    lost_s: tuple[float, ...] = ()
    rest_s: float = 0.0

    @property
    def name(self) -> str:
        """One of STEPS."""
        return STEPS[self.step]

    def wait_s(self, first_s: float, cap_s: float) -> float:
        """Before the next start of a worker: nothing after one loss, then longer and longer, s."""
        again = len(self.lost_s) - 1
        return 0.0 if again < 1 else float(min(first_s * 2 ** (again - 1), cap_s))


def lost(rule: DegradeRule, health: Health, now_s: float) -> Health:
    """One more worker was lost."""
    times = (*(t for t in health.lost_s if now_s - t <= rule.within_s), now_s)
    if len(times) < rule.losses:
        return replace(health, lost_s=times)
    step = min(health.step + 1, len(STEPS) - 1)
    rest_s = min(2 * health.rest_s, rule.rest_cap_s) if health.rest_s else rule.rest_s
    return Health(step, now_s, (), rest_s if STEPS[step] == "acquisition only" else health.rest_s)


def later(rule: DegradeRule, health: Health, now_s: float) -> Health:
    """What time heals: after its rest "acquisition only" tries "lite" again, and that "full"."""
    elapsed_s = now_s - health.since_s
    if health.name == "acquisition only" and elapsed_s >= health.rest_s:
        return Health(1, now_s, (), health.rest_s)
    if (
        health.name == "lite"
        and elapsed_s >= rule.recover_s
        and not any(now_s - t < rule.recover_s for t in health.lost_s)
    ):
        return Health(0, now_s)
    return health
