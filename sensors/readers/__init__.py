"""Readers of recorded files, one file kind each; plug-ins of the group `sensors.reader`."""
