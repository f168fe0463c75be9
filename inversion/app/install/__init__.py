"""A gateway as a service of the box: the unit, its user, and what they may write."""

from inversion.app.install.plan import planned, write_files

__all__ = ["planned", "write_files"]
