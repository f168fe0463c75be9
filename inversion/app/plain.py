"""Configured things as plain data, so that a process that validated them can hand them to one that only uses them.

A dataclass becomes its class's name and the fields that it was made with; it is made again by calling the class, whose
own checks run again. Never pickle: what comes back can only be a dataclass, an enumeration or a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from inversion.core import InversionError

_AS_THEY_ARE = (str, int, float, bool, type(None))


class NotPlain(InversionError):
    """Something that has no form as plain data, or data that are no such form."""


def encode(thing: Any) -> Any:
    """For JSON, which must allow infinities. Raises NotPlain for what `decode` could not make again."""
    if type(thing) in _AS_THEY_ARE:
        return thing
    if isinstance(thing, Enum):
        return {"is": _name(type(thing)), "value": encode(thing.value)}
    if isinstance(thing, Path):
        return {"is": "path", "value": str(thing)}
    if isinstance(thing, Mapping):
        return {"is": "mapping", "value": [[encode(key), encode(value)] for key, value in thing.items()]}
    if type(thing) in (tuple, list):
        return {"is": type(thing).__name__, "value": [encode(each) for each in thing]}
    if is_dataclass(thing) and not isinstance(thing, type):
        made_of = {field.name: encode(getattr(thing, field.name)) for field in fields(thing) if field.init}
        return {"is": _name(type(thing)), "fields": made_of}
    raise NotPlain(f"{type(thing).__name__}: has no form as plain data")


def decode(data: Any) -> Any:
    """What was encoded. Raises NotPlain, and whatever the class of a thing raises when it is made."""
    if type(data) in _AS_THEY_ARE:
        return data
    match data:
        case {"is": "path", "value": str(text)}:
            return Path(text)
        case {"is": "mapping", "value": list(pairs)}:
            return {decode(key): decode(value) for key, value in pairs}
        case {"is": "tuple", "value": list(values)}:
            return tuple(decode(value) for value in values)
        case {"is": "list", "value": list(values)}:
            return [decode(value) for value in values]
        case {"is": str(name), "value": value} if issubclass(kind := _class(name), Enum):
            return kind(decode(value))
        case {"is": str(name), "fields": dict(made_of)} if is_dataclass(kind := _class(name)):
            return kind(**{field: decode(value) for field, value in made_of.items()})
    raise NotPlain("not what was encoded")


def _name(kind: type) -> str:
    if "<" in kind.__qualname__ or kind.__module__ == "__main__":
        raise NotPlain(f"{kind.__qualname__}: cannot be found from another process")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str) -> type:
    module, _, qualified = name.partition(":")
    found: Any = import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise NotPlain(f"{name}: no class")
    return found
