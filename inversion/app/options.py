"""A TOML table made into a frozen dataclass, strictly, with the file and line in every complaint."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass, make_dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from inversion.app.plugins import option_types
from inversion.core import ConfigurationError
from sensors import SensorError
from sensors.tomlfile import Locate, dotted, load, no_such_option

if TYPE_CHECKING:  # 10 MB and 90 ms, which only a process that validates shall pay
    from pydantic import ConfigDict, ValidationError

Key = tuple[str | int, ...]
T = TypeVar("T")

#: Unknown keys refused in nested dataclasses too; "3" is no number; NaN and Inf are no numbers.
_STRICT: ConfigDict = {"extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclass(frozen=True)
class Document:
    """A configuration file that people wrote, with the line of every key."""

    path: Path
    content: Mapping[str, Any]
    locate: Locate

    def error(self, key: Key, problem: str) -> ConfigurationError:
        """`configs/fan.toml:12: source.tone_hz: must be ..., found ...`."""
        named = f"{dotted(key)}: " if key else ""
        return ConfigurationError(f"{self.path}:{self.locate(key)}: {named}{problem}")

    def unknown(self, key: Key, known: Sequence[str]) -> ConfigurationError:
        """A key that does not exist, with the nearest that does."""
        return ConfigurationError(no_such_option(self.path, self.locate, key, known))


def read_document(path: Path) -> Document:
    """The file, parsed. Raises ConfigurationError for one that is absent, unreadable or no TOML."""
    content, locate = load(path, ConfigurationError)
    return Document(path, content, locate)


def build(document: Document, key: Key, table: object, kind: type[T]) -> T:
    """The dataclass `kind` from the table at `key`; relative paths mean: relative to the configuration file.

    Raises ConfigurationError with one line for every complaint.
    """
    from pydantic import ValidationError
    from pydantic.errors import PydanticUserError

    if not isinstance(table, Mapping):
        raise document.error(key, f"must be a table, found {table!r}")
    hints = option_types(kind)
    folder = document.path.parent
    _check_literal(document, key, table, hints)
    resolved = {name: _resolve(hints.get(name), value, folder) for name, value in table.items()}
    try:
        model = _model(kind)  # type: ignore[arg-type]  # a class can be hashed
        built = model.model_validate_json(json.dumps({"table": resolved}, default=str))
    except ValidationError as error:
        raise ConfigurationError("\n".join(_complaints(document, key, kind, table, error))) from error
    except (SensorError, ConfigurationError) as error:  # a file that the table names is wrong; it says where
        named = [name for name, path in resolved.items() if str(error).startswith(f"{path}: ")]
        raise document.error((*key, named[0]), str(error)) if named else ConfigurationError(str(error)) from error
    except PydanticUserError as error:
        raise document.error(key, f"the options of {kind.__name__} cannot be configured: {error.message}") from error
    value: T = built.table
    return value


@lru_cache(maxsize=64)
def _model(kind: Any) -> Any:
    """What validates tables of this kind."""
    from pydantic import create_model

    return create_model("Table", __config__=_STRICT, table=(kind, ...))


def build_around(document: Document, key: Key, table: object, kind: type[T], parts: Mapping[str, Any]) -> T:
    """The dataclass `kind` of which some fields, `parts`, are built already, the others from the table at `key`."""
    hints = option_types(kind)
    left = [(each.name, hints[each.name], _fresh(each)) for each in fields(kind) if each.name not in parts]  # type: ignore[arg-type]
    values: Any = build(document, key, table, make_dataclass(kind.__name__, left, frozen=True, kw_only=True))
    try:
        return kind(**parts, **vars(values))
    except ValueError as error:
        named = [option for option in _named(str(error)) if option in hints]
        raise document.error((*key, *named), str(error)) from error


def _fresh(old: Field[Any]) -> Any:
    """A field with the same default, for another dataclass."""
    return field(default=old.default, default_factory=old.default_factory)


def _check_literal(document: Document, key: Key, table: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """A shell makes a folder of `~` and `$HOME`; a file of configuration would make one of that name."""
    for name, value in table.items():
        if _unwrapped(hints.get(name)) is Path and isinstance(value, str) and re.match(r"~|\$\w|\$\{", value):
            raise document.error((*key, name), f"must be a path as it is, without ~ and variables, found {value!r}")


def _resolve(hint: Any, value: Any, folder: Path) -> Any:
    """`value` with every path in it made relative to `folder`, by the types of the fields."""
    hint = _unwrapped(hint)
    if hint is Path and isinstance(value, str):
        return str(folder / value)
    if get_origin(hint) in (tuple, list) and isinstance(value, list):
        return [_resolve(get_args(hint)[0], element, folder) for element in value]
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        hints = option_types(hint)
        return {name: _resolve(hints.get(name), element, folder) for name, element in value.items()}
    return value


def _unwrapped(hint: Any) -> Any:
    """`X` of `X | None`; other types as they are."""
    if get_origin(hint) in (Union, types.UnionType):
        alternatives = [alternative for alternative in get_args(hint) if alternative is not type(None)]
        return alternatives[0] if len(alternatives) == 1 else hint
    return hint


def _complaints(
    document: Document, key: Key, kind: type, table: Mapping[str, Any], error: ValidationError
) -> list[str]:
    lines: dict[Key, str] = {}
    for detail in error.errors(include_url=False):
        inside = _existing(table, detail["loc"][1:], detail["type"] == "missing")
        where = (*key, *inside)
        lines.setdefault(where, _complaint(document, where, _holder(kind, inside[:-1]), detail))
    return list(lines.values())


def _complaint(document: Document, where: Key, holder: Any, detail: Mapping[str, Any]) -> str:
    match detail["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return str(document.unknown(where, list(option_types(holder))))
        case "missing":
            return str(document.error(where, "is required, found nothing"))
        case "value_error" | "assertion_error":  # raised by the dataclass itself, often of one option
            problem = str(detail["ctx"]["error"])
            named = [
                option for option in _named(problem) if isinstance(detail["input"], dict) and option in detail["input"]
            ]
            what = problem.removeprefix(f"{named[0]}: ") if named else problem
            return str(document.error((*where, *named), what))
    wanted = str(detail["msg"]).replace("Input should be", "must be").replace("an object", "a table")
    return str(document.error(where, f"{wanted}, found {detail['input']!r}"))


def _named(problem: str) -> list[str]:
    """The option that a complaint such as `level must lie ...`, or `level: found ...`, begins with."""
    return re.findall(r"""^(?:alarm (?:'[^']*'|"[^"]*"): )?(\w+):? """, problem)


def _existing(table: Any, loc: Sequence[str | int], missing: bool) -> Key:
    """The part of a location that stands in the file: a union adds the names of its alternatives."""
    path: Key = ()
    for part in loc:
        found = part in table if isinstance(table, Mapping) else isinstance(part, int) and isinstance(table, list)
        if not found:
            return (*path, part) if missing else path
        path, table = (*path, part), table[part]
    return path


def _holder(kind: Any, path: Key) -> Any:
    """The dataclass that holds the last part of a path."""
    for part in path:
        kind = _unwrapped(get_args(kind)[0] if isinstance(part, int) else option_types(kind)[part])
    return kind
