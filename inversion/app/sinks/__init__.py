"""Sinks, one destination a file; plug-ins of the group `inversion.sink`."""
