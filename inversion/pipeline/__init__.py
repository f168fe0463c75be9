"""Frames in, findings out: observe, invert, track, judge. Live, batch, replay and simulation all run this."""

from inversion.pipeline.advance import advance
from inversion.pipeline.pipeline import Pipeline
from inversion.pipeline.state import AssetState

__all__ = ["AssetState", "Pipeline", "advance"]
