"""A first, simple filter of an asset's estimates over time."""

from inversion.tracking.advance import advance, to_estimate
from inversion.tracking.track import Belief, Track
from inversion.tracking.tracker import Tracker

__all__ = ["Belief", "Track", "Tracker", "advance", "to_estimate"]
