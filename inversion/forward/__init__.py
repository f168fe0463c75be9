"""Forward models, one machine a file; plug-ins of the group `inversion.forward`."""
