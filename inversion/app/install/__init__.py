"""A gateway as a service of the box: the unit, its user, and what they may write."""

from inversion.app.install.plan import check_free, planned, write_files
from inversion.app.install.seen import check_installable

__all__ = ["check_free", "check_installable", "planned", "write_files"]
