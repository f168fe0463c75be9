"""A site read by a process that ends: what validates it (pydantic: 10 MB) never enters the gateway."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from inversion.app.configuration import Site, load_parts, load_site
from inversion.app.plain import NotPlain, decode, encode
from inversion.core import ConfigurationError, InversionError
from sensors import SensorError


def tell(path: Path, stream: IO[bytes]) -> None:
    """Reads the site and writes it, and the parts of its pipeline, as plain data; or what is wrong with it."""
    told: dict[str, Any] = {}
    try:
        site = load_site(path)
        parts = load_parts(path)
        told = {"site": encode(site), "parts": encode(parts)}
    except NotPlain as reason:
        told = {"not_plain": str(reason)}
    except ConfigurationError as problem:
        told = {"wrong": str(problem)}
    except (InversionError, SensorError) as problem:
        told = {"error": str(problem)}
    stream.write(json.dumps(told).encode())


def told_site(path: Path, text: bytes) -> Site:
    """The site that was told, with the parts of its pipeline.

    One that a third party's plug-in keeps from being plain data is read here and now, its pipeline by the worker.
    Raises what reading it raised: ConfigurationError, or another InversionError.
    """
    match json.loads(text or b"{}"):
        case {"wrong": problem}:
            raise ConfigurationError(problem)
        case {"error": problem}:
            raise InversionError(problem)
        case {"site": plain, "parts": parts}:
            site: Site = decode(plain)
            return replace(site, parts=parts)
    return load_site(path)
