"""What the worker may use: CPU, memory, processes, cores; by control groups of the kernel, version 1 or 2."""

from inversion.app.limits.group import Group, LimitsUnavailable, Usage, make_group
from inversion.app.limits.options import Limits
from inversion.app.limits.process import joined_command

__all__ = ["Group", "Limits", "LimitsUnavailable", "Usage", "joined_command", "make_group"]
