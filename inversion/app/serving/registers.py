"""Where each value lies in the registers that a PLC reads; a place never moves because something was added.

Every asset has a block of 256 registers, block 0 is the gateway's; an asset's block, an alarm's word and a parameter's
place follow from their position in the sink's lists, to which is added at the end. An empty name keeps a place free.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from inversion.app.serving.picture import Annunciation, Picture, Status, Value

VERSION = 1
BLOCK = 256
ALARMS, MOST_ALARMS = 16, 16
PARAMETERS, EACH = 32, 8
MOST_PARAMETERS = (BLOCK - PARAMETERS) // EACH
MOST_ASSETS = 0x10000 // BLOCK - 1
#: A number that shows whether the PLC has bytes and words in the right order.
TRIAL = 123.456
GATEWAY_ALARMS = ("inference degraded", "inference stopped")


@dataclass(frozen=True)
class Place:
    """Where one value lies. kind: as mbpoll and PLCs call it; bits are discrete inputs"""

    address: int
    kind: str
    name: str
    meaning: str
    asset: str = ""
    unit: str = ""


@dataclass(frozen=True)
class RegisterMap:
    """order: of the bytes of a 32-bit number, as `sensors.registers.ORDERS` names them."""

    assets: tuple[str, ...]
    parameters: tuple[str, ...]
    alarms: tuple[str, ...] = ()
    order: str = "ABCD"

    def __post_init__(self) -> None:
        for name, most in (("assets", MOST_ASSETS), ("parameters", MOST_PARAMETERS), ("alarms", MOST_ALARMS)):
            names = [each for each in getattr(self, name) if each]
            if len(getattr(self, name)) > most:
                raise ValueError(f"{name} must be {most} at most, got {len(getattr(self, name))}")
            if len(set(names)) < len(names):
                twice = next(each for each in names if names.count(each) > 1)
                raise ValueError(f"{name} must name each once, got {twice!r} twice")
        if not any(self.assets) or not any(self.parameters):
            raise ValueError("assets and parameters must name at least one each: their order says where each lies")

    @cached_property
    def fingerprint(self) -> int:
        """32 bits that are others once the map is another."""
        told = "\n".join(f"{each.address} {each.kind} {each.asset} {each.name}" for each in self.places({}))
        return zlib.crc32(told.encode())

    @property
    def size(self) -> int:
        """Registers from 0 to the end of the last block."""
        return BLOCK * (1 + len(self.assets))

    def exists(self, address: int, count: int) -> bool:
        """Whether all of them belong to the gateway or to an asset that has a name."""
        blocks = range(address // BLOCK, (address + count - 1) // BLOCK + 1)
        return all(block == 0 or (block <= len(self.assets) and self.assets[block - 1] != "") for block in blocks)

    def words(self, block: int, picture: Picture, heartbeat: int, unmapped: int, now_s: float) -> bytes:
        """One block as it is now, 512 bytes, each register most significant byte first."""
        if block == 0:
            return self._gateway(picture, heartbeat, unmapped, now_s)
        return self._asset(self.assets[block - 1], picture, now_s)

    def bits(self, block: int, picture: Picture, now_s: float) -> list[bool]:
        """The discrete inputs of one block."""
        bits = [False] * BLOCK
        if block == 0:
            found = list(picture.alarms().items())
            for i, name in enumerate(GATEWAY_ALARMS):
                bits[i] = any(told.calls for (_, alarm), told in found if alarm == name)
            return bits
        asset = self.assets[block - 1]
        for i, alarm in enumerate(self.alarms):
            bits[i] = bool(alarm) and picture.alarm(asset, alarm).calls
        bits[MOST_ALARMS] = not picture.stale(asset, now_s)
        return bits

    def _gateway(self, picture: Picture, heartbeat: int, unmapped: int, now_s: float) -> bytes:
        block = bytearray(2 * BLOCK)
        own = [told for (asset, _), told in picture.alarms().items() if asset in self.assets]
        self._put(block, 0, "H", VERSION)
        self._put(block, 1, "H", len(self.assets))
        self._put(block, 2, "I", heartbeat & 0xFFFFFFFF)
        self._put(block, 4, "I", picture.records & 0xFFFFFFFF)
        self._put(block, 6, "I", self.fingerprint)
        self._put(block, 8, "f", TRIAL)
        self._put(block, 10, "H", sum(picture.stale(asset, now_s) for asset in self.assets if asset))
        self._put(block, 11, "H", min(sum(told.calls for told in own), 0xFFFF))
        self._put(block, 12, "H", min(sum(told.unacknowledged for told in own), 0xFFFF))
        self._put(block, 13, "H", min(unmapped, 0xFFFF))
        gateways = {alarm: told for (_, alarm), told in picture.alarms().items() if alarm in GATEWAY_ALARMS}
        for i, name in enumerate(GATEWAY_ALARMS):
            self._put(block, ALARMS + i, "H", alarm_word(gateways.get(name, Annunciation())))
        return bytes(block)

    def _asset(self, asset: str, picture: Picture, now_s: float) -> bytes:
        block = bytearray(2 * BLOCK)
        newest = picture.finding(asset)
        self._put(block, 0, "H", picture.quality(asset))
        self._put(block, 1, "H", int(picture.stale(asset, now_s)))
        self._put(block, 2, "f", picture.age_s(asset, now_s))
        self._put(block, 4, "I", 0 if newest is None else newest[1] & 0xFFFFFFFF)
        self._put(block, 6, "I", 0 if newest is None else max(0, newest[0]["start_ns"] // 1_000_000_000) & 0xFFFFFFFF)
        self._put(block, 8, "H", int(newest is not None and bool(newest[0].get("clock_trusted"))))
        told = [picture.alarm(asset, alarm) if alarm else Annunciation() for alarm in self.alarms]
        self._put(block, 9, "H", sum(each.calls for each in told))
        self._put(block, 10, "H", sum(each.unacknowledged for each in told))
        for i, each in enumerate(told):
            self._put(block, ALARMS + i, "H", alarm_word(each))
        for i in range(MOST_PARAMETERS):
            name = self.parameters[i] if i < len(self.parameters) else ""
            value = picture.value(asset, name, now_s) if name else Value()
            at = PARAMETERS + EACH * i
            for number, part in enumerate((value.mean, value.low, value.high)):
                self._put(block, at + 2 * number, "f", part)
            self._put(block, at + 6, "H", value.status)
        return bytes(block)

    def _put(self, block: bytearray, at: int, kind: str, value: float) -> None:
        try:
            a, b, *rest = struct.pack(f">{kind}", value)
        except OverflowError:  # beyond what a float32 holds
            a, b, *rest = struct.pack(">f", float("inf") if value > 0 else float("-inf"))
        if rest:
            c, d = rest
            block[2 * at : 2 * at + 4] = bytes({"A": a, "B": b, "C": c, "D": d}[letter] for letter in self.order)
        else:
            block[2 * at : 2 * at + 2] = bytes((a, b))

    def places(self, units: Mapping[str, str]) -> Iterator[Place]:
        """Every place that has a meaning, registers first. units: of parameters, as people see them"""
        float32 = f"float32 {self.order}"
        uint32 = f"uint32 {self.order}"
        for address, kind, name, meaning in (
            (0, "uint16", "map_version", "of this layout"),
            (1, "uint16", "assets", "blocks that follow"),
            (2, uint32, "heartbeat", "seconds that the gateway has served; stands still when it does"),
            (4, uint32, "records", "records taken since the start"),
            (6, uint32, "map_fingerprint", "another number once the map is another"),
            (8, float32, "trial", f"always {TRIAL}: shows whether bytes and words are in order"),
            (10, "uint16", "stale_assets", "assets of which nothing new came for too long"),
            (11, "uint16", "alarms", "alarms that call"),
            (12, "uint16", "unacknowledged", "alarms that nobody has seen"),
            (13, "uint16", "unmapped", "assets, parameters and alarms that were told of and have no place"),
        ):
            yield Place(address, kind, name, meaning)
        for i, name in enumerate(GATEWAY_ALARMS):
            yield Place(ALARMS + i, "uint16", name, _WORD)
        for number, asset in enumerate(self.assets, start=1):
            if asset:
                yield from self._asset_places(BLOCK * number, asset, units)
        for i, name in enumerate(GATEWAY_ALARMS):
            yield Place(i, "bit", name, "calls")
        for number, asset in enumerate(self.assets, start=1):
            for i, alarm in enumerate(self.alarms):
                if asset and alarm:
                    yield Place(BLOCK * number + i, "bit", alarm, "calls", asset)
            if asset:
                yield Place(BLOCK * number + MOST_ALARMS, "bit", "fresh", "not stale", asset)

    def _asset_places(self, base: int, asset: str, units: Mapping[str, str]) -> Iterator[Place]:
        float32 = f"float32 {self.order}"
        uint32 = f"uint32 {self.order}"
        for offset, kind, name, meaning, unit in (
            (0, "uint16", "quality", "of the newest window: 0 none yet, 1 good, 2 uncertain, 3 bad", ""),
            (1, "uint16", "stale", "1: nothing new for too long, no value holds", ""),
            (2, float32, "age", "since the newest finding was made; NaN before the first", "s"),
            (4, uint32, "sequence", "number of the newest finding", ""),
            (6, uint32, "window_start", "of the newest window, since 1970, UTC", "s"),
            (8, "uint16", "clock_trusted", "whether that clock is synchronized", ""),
            (9, "uint16", "alarms", "alarms that call", ""),
            (10, "uint16", "unacknowledged", "alarms that nobody has seen", ""),
        ):
            yield Place(base + offset, kind, name, meaning, asset, unit)
        for i, alarm in enumerate(self.alarms):
            if alarm:
                yield Place(base + ALARMS + i, "uint16", alarm, _WORD, asset)
        for i, name in enumerate(self.parameters):
            if name:
                at, unit = base + PARAMETERS + EACH * i, units.get(name, "")
                yield Place(at, float32, name, "median; NaN unless its status is 1", asset, unit)
                yield Place(at + 2, float32, f"{name}_low", "lower end of the interval", asset, unit)
                yield Place(at + 4, float32, f"{name}_high", "upper end of the interval", asset, unit)
                yield Place(at + 6, "uint16", f"{name}_status", _STATUS, asset)


_STATUS = ", ".join(f"{each.value} {each.name.lower().replace('_', ' ')}" for each in Status)
_BITS = ("calls", "unacknowledged", "latched", "shelved", "suppressed", "out of service", "condition stands")
_WORD = ", ".join(f"bit {i} {name}" for i, name in enumerate(_BITS))


def alarm_word(told: Annunciation) -> int:
    """Bits of one alarm, by _BITS, the least significant first."""
    facts = (
        told.calls,
        told.unacknowledged,
        told.state.startswith("latched"),
        told.state == "shelved",
        told.state == "suppressed",
        told.state == "out of service",
        told.active,
    )
    return sum(1 << i for i, fact in enumerate(facts) if fact)
