"""What time it is, how far that can be trusted, and what follows when it turns out to have been another."""

from inversion.app.clock.clock import Clock, Setting
from inversion.app.clock.options import ClockOptions

__all__ = ["Clock", "ClockOptions", "Setting"]
