"""Frames in, findings out."""
