"""What is known of an asset along time: level, growth, time to limit, and steps, from windows one after the other."""

from inversion.tracking.advance import advance, to_estimate
from inversion.tracking.forecast import trends
from inversion.tracking.track import Belief, Track
from inversion.tracking.tracker import Tracker

__all__ = ["Belief", "Track", "Tracker", "advance", "to_estimate", "trends"]
