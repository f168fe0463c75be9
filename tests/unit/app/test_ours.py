"""`check` notices when somebody else's package of our name was imported."""

from __future__ import annotations

from types import ModuleType

import pytest

from inversion.app.ours import check_packages, verify
from inversion.core import ConfigurationError


def module(name: str, folder: str) -> ModuleType:
    made = ModuleType(name)
    made.__file__ = f"{folder}/{name}/__init__.py"
    return made


def test_this_environment_is_ours():
    check_packages()


def test_another_distribution_of_the_same_package_is_named():
    modules = (module("sensors", "/site"), module("inversion", "/site"))
    owners = {"sensors": ["edge-inversion", "PySensors"], "inversion": ["edge-inversion"]}
    with pytest.raises(ConfigurationError, match="package 'sensors' also belongs to PySensors; install edge-inversion"):
        verify(modules, owners)


def test_packages_from_different_places_are_refused():
    with pytest.raises(ConfigurationError, match="come from different places, /a and /b"):
        verify((module("sensors", "/a"), module("inversion", "/b")), {})
