"""Inversion engines, one method a file; plug-ins of the group `inversion.engine`."""
