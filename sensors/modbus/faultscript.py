"""Which requests to a simulated device meet a fault, and which: by number or at random, from a file or in few words.

[[fault]]
kind = "delay"        # one of KINDS
share = 0.05          # of the requests, at random; or `every = 50`; or `at = [100, 200]`, counted from 1
seconds = 1.5         # of delay, between two bytes of drip, away at a restart, or that the clock steps by
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensors.errors import SensorError
from sensors.modbus.faults import (
    Fault,
    Request,
    Restart,
    Wire,
    bad_checksum,
    delayed,
    dripping,
    duplicated,
    foreign,
    garbage,
    truncated,
)
from sensors.tomlfields import TomlText
from sensors.tomlfile import load

_ANSWERS = {
    "silence": Fault.SILENCE,
    "disconnect": Fault.DISCONNECT,
    "reset": Fault.RESET,
    "half_open": Fault.HALF_OPEN,
}
#: Kinds, and the seconds that they take where nothing else is said.
KINDS = {
    **dict.fromkeys(_ANSWERS, 0.0),
    "delay": 1.5,  # past the time-out that sources have by default
    "duplicate": 0.0,
    "truncation": 0.0,
    "bad_crc": 0.0,
    "foreign_unit": 0.0,
    "exception": 0.0,
    "garbage": 0.0,
    "drip": 0.1,
    "restart": 5.0,
    "clock_step": 3600.0,
}


@dataclass(frozen=True)
class Scripted:
    """One kind of fault, and when it comes; several conditions together mean any of them.

    share: of the requests, 0 to 1; every: each so-and-so-many-th request; at: their numbers, from 1
    unit: for requests to this unit only; 0 for all
    seconds: what the kind takes; negative steps the clock back
    code: of an exception
    """

    kind: str
    share: float = 0.0
    every: int = 0
    at: tuple[int, ...] = ()
    unit: int = 0
    seconds: float | None = None
    code: int = 6

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: found {self.kind!r}, expected one of {', '.join(KINDS)}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share: found {self.share:g}, expected 0 to 1")
        if self.every < 0:
            raise ValueError(f"every: found {self.every}, expected a number of requests")
        if not (self.share or self.every or self.at):
            raise ValueError("share: missing, expected share, every or at, so that the fault comes")
        if self.seconds is not None and not (np.isfinite(self.seconds) and (self.seconds >= 0 or self._steps)):
            raise ValueError(f"seconds: found {self.seconds:g}, expected 0 or more")
        if not 1 <= self.code <= 255:
            raise ValueError(f"code: found {self.code}, expected 1 to 255")

    @property
    def _steps(self) -> bool:
        return self.kind == "clock_step"

    @property
    def takes_s(self) -> float:
        """Seconds that it takes."""
        return KINDS[self.kind] if self.seconds is None else self.seconds

    def comes(self, request: Request, chance: float) -> bool:
        """Whether it comes at this request. chance: uniform, 0 to 1."""
        if self.unit not in (0, request.unit):
            return False
        return chance < self.share or request.number in self.at or bool(self.every and request.number % self.every == 0)


class FaultScript:
    """A `Misbehave`: the first fault that comes is what the request meets.

    step_clock: called with the seconds by which the device's clock steps; the reply to that request is true
    counts: faults by kind, as they came
    """

    def __init__(
        self, faults: Sequence[Scripted], rng: np.random.Generator, step_clock: Callable[[float], None]
    ) -> None:
        self._faults, self._rng, self._step_clock = faults, rng, step_clock
        self.counts: Counter[str] = Counter()

    def __call__(self, request: Request) -> Fault | Wire | Restart | bytes | None:
        for fault in self._faults:
            if fault.comes(request, float(self._rng.random())):
                self.counts[fault.kind] += 1
                return self._made(fault, request)
        return None

    def _made(self, fault: Scripted, request: Request) -> Fault | Wire | Restart | bytes | None:
        if fault.kind in _ANSWERS:
            return _ANSWERS[fault.kind]
        if fault.kind == "clock_step":
            self._step_clock(fault.takes_s)
            return None
        if fault.kind == "exception":
            return bytes((request.pdu[0] | 0x80, fault.code))
        if fault.kind == "restart":
            return Restart(fault.takes_s)
        if fault.kind == "garbage":
            noise = self._rng.integers(0, 256, int(self._rng.integers(1, 40)), dtype=np.uint8)
            return garbage(noise.tobytes(), reply_too=bool(self._rng.integers(2)))
        return self._wire(fault, request)

    def _wire(self, fault: Scripted, request: Request) -> Wire:
        wires: dict[str, Callable[[], Wire]] = {
            "delay": lambda: delayed(fault.takes_s),
            "duplicate": lambda: duplicated(fault.takes_s),
            "truncation": lambda: truncated(float(self._rng.random())),
            "bad_crc": bad_checksum,
            "foreign_unit": lambda: foreign(request.unit ^ 1),
            "drip": lambda: dripping(fault.takes_s),
        }
        return wires[fault.kind]()


def read_faults(said: str) -> tuple[Scripted, ...]:
    """The faults of a file (its name ends in `.toml`), or of words: `silence=0.05,delay=0.1`, `all=0.3`.

    Words give shares of the requests; `all` shares it out evenly.
    Raises SensorError, one line, for a file that is wrong, and ValueError for wrong words.
    """
    if said.endswith(".toml"):
        return _of_file(Path(said))
    shares: dict[str, float] = {}
    for part in said.split(","):
        kind, _, share = part.strip().partition("=")
        try:
            shares[kind] = float(share)
        except ValueError:
            raise ValueError(
                f"line faults: found {part!r}, expected KIND=SHARE, or a file that ends in .toml"
            ) from None
    if "all" in shares:
        each = shares.pop("all") / len(KINDS)
        shares = {**dict.fromkeys(KINDS, each), **shares}
    try:
        return tuple(Scripted(kind, share) for kind, share in shares.items())
    except ValueError as problem:
        raise ValueError(f"line faults: {problem}") from problem


def _of_file(path: Path) -> tuple[Scripted, ...]:
    content, locate = load(path)
    text = TomlText(path, locate, SensorError)
    text.refuse_unknown((), content, ("fault",))
    tables = content.get("fault", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise text.wrong(("fault",), "expected tables, each under its own [[fault]]")
    return tuple(text.build(Scripted, ("fault", i), table) for i, table in enumerate(tables))
