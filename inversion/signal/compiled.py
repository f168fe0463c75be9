"""Compiled parts of SciPy without the packages around them, which cost a small worker 30 MB and a quarter of a second.

`import scipy.special` makes array-API shims that import numpy.testing, numpy.f2py, numpy.ma and more (SciPy 1.17);
the functions wanted are in one extension module, which needs none of it. Decision 0048.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType

import scipy


def compiled(name: str) -> ModuleType:
    """An extension module such as `scipy.special._ufuncs`; its packages are imported no further than they were.

    Raises ImportError where this SciPy has no such module.
    """
    parents = name.split(".")[1:-1]
    stand_ins: list[str] = []
    package: ModuleType = scipy
    try:
        for parent in parents:
            full = f"{package.__name__}.{parent}"
            if full not in sys.modules:
                sys.modules[full] = _empty(full, package)
                stand_ins.append(full)
            package = sys.modules[full]
        return import_module(name)
    finally:
        for full in stand_ins:  # who imports the package itself gets the whole of it
            del sys.modules[full]


def _empty(name: str, package: ModuleType) -> ModuleType:
    """A package that finds its modules, and has run nothing."""
    spec = PathFinder.find_spec(name, package.__path__)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"no package {name}", name=name)
    module = ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    return module
