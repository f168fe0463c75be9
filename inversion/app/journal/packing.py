"""Findings and states as few bytes: flash wears out by what is written to it.

A finding of the rolling bearing is 2.8 kB of JSON and, packed, 0.25 kB of a healthy machine and 0.36 kB of a damaged
one: deflate (RFC 1951) with a finding of each known beforehand, in the very order of its fields; with a finding of the
same asset known too (`examples.py`) it is a third of that. A dictionary that was in use once stays here for ever, under
its number, and never changes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WORDS = (
    b'{"time_to_limit":[{"alarm":"","mean":null,"low":null,"high":null,"level":0.9,"unit":"d"}],"fit":{"quality":"bad",'
    b'"uncertain","reduced_chi2":null,"reason":""},"alarms":[{"name":"","parameter":"","side":"below","above","limit":'
    b'3.0,"unit":"mm","probability":null,"state":"active","pending","clearing","normal","since_ns":17,"condition":'
    b'"value","severity":"alarm","warning","within_days":0.0,"suppressed":false}]}"growth":{"mean":"low":-,"high":,'
    b'"level":0.9,"unit":"mm/d"},"time_to_limit":[],"step_ns":null},"resolvable":true},"track":{"growth":null,'
    b'"time_to_limit":[],"step_ns":null},"inner_impact":{"mean":0.0,"low":0.0,"high":0.0,"level":0.9,"unit":"g",'
    b'"floor":0.0,"resolvable":false},"outer_spall":{"mean":4.0,"low":0.0,"high":7.0,"level":0.9,"unit":"mm","floor":'
    b'0.6,"resolvable":false},{"asset":"","start":"2026-11-21T08:00:00Z","start_ns":17,"clock_trusted":true,'
    b'"duration_s":1.,"source":"127.0.0.1: unit 1","position":null,"engine":"least_squares","machine_state":null,'
    b'"parameters":{"outer_impact":{"mean":'
)
_DICTIONARIES = {1: _WORDS, 2: Path(__file__).with_name("words_2.json").read_bytes()}
_NEWEST = 2


#: Begins what is packed with an example beside the words (`examples.py`).
WITH_EXAMPLE = 3


def pack(body: Mapping[str, Any]) -> bytes:
    """A number of a dictionary, and the deflated JSON."""
    return bytes([_NEWEST]) + _deflated(text_of(body), _DICTIONARIES[_NEWEST])


def unpack(packed: bytes) -> dict[str, Any]:
    """What was packed. Raises ValueError for bytes that no `pack` wrote."""
    words = _DICTIONARIES.get(packed[0]) if packed else None
    if words is None:
        raise ValueError("packed by no dictionary that is known here")
    return _inflated(packed[1:], words)


def text_of(body: Mapping[str, Any]) -> bytes:
    """As JSON without spaces."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def pack_text(text: bytes, example: bytes) -> bytes:
    """Deflated, with another text known beside the words."""
    return _deflated(text, _DICTIONARIES[2] + example)


def unpack_text(packed: bytes, example: bytes) -> dict[str, Any]:
    """What was packed with this example. Raises ValueError for other bytes, or another example."""
    return _inflated(packed, _DICTIONARIES[2] + example)


def _deflated(text: bytes, words: bytes) -> bytes:
    packer = zlib.compressobj(6, zdict=words)
    return packer.compress(text) + packer.flush()


def _inflated(packed: bytes, words: bytes) -> dict[str, Any]:
    unpacker = zlib.decompressobj(zdict=words)
    try:
        body: dict[str, Any] = json.loads(unpacker.decompress(packed) + unpacker.flush())
    except zlib.error as error:
        raise ValueError(f"cannot be unpacked: {error}") from error
    return body
