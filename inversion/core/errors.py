"""What can go wrong above the sensors.

InversionError
├── ConfigurationError   a file that people wrote is wrong: file, line, key, found, expected
└── ModelError           a forward model and an engine or network do not fit each other
"""

from __future__ import annotations


class InversionError(Exception):
    """Any failure of this package that people must see; the message is one line."""


class ConfigurationError(InversionError):
    """A configuration is wrong; retrying never helps."""


class ModelError(InversionError):
    """A forward model does not fit its engine or network."""
