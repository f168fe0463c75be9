"""A third party's plug-ins: the vibration level of a machine."""
