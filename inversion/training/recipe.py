"""What an empirical model shall infer, and from which features; the section `[calibration]` of a site."""

from __future__ import annotations

from dataclasses import dataclass

from inversion.core import Parameter
from inversion.signal.features import Feature
from sensors.units import si_unit, to_si


@dataclass(frozen=True)
class Target:
    """A parameter to infer. unit: as people say it; low, high: the range of its prior, in that unit.

    irreversible: it never falls, unless by a repair, as damage does
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str = ""
    nuisance: bool = False
    irreversible: bool = False

    def __post_init__(self) -> None:
        si_unit(self.unit)
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g} {self.unit}")

    @property
    def parameter(self) -> Parameter:
        """The same in SI."""
        low, high = float(to_si(self.low, self.unit)), float(to_si(self.high, self.unit))
        unit = si_unit(self.unit)
        return Parameter(self.name, unit, low, high, self.meaning, self.unit, self.nuisance, self.irreversible)


@dataclass(frozen=True)
class Calibration:
    """`[calibration]`.

    feature: what is observed; condition: features that are taken as known, such as the speed
    parameter: what is inferred
    baseline: windows are all of the healthy machine, where the one parameter is 0; it is then the common rise of the
        features, all of them logarithms, above what they were: severity by experience of health alone
    """

    feature: tuple[Feature, ...]
    parameter: tuple[Target, ...]
    condition: tuple[Feature, ...] = ()
    baseline: bool = False

    def __post_init__(self) -> None:
        for kind, names in (("feature", [each.name for each in (*self.feature, *self.condition)]),
                            ("parameter", [each.name for each in self.parameter])):  # fmt: skip
            if len(set(names)) != len(names) or (not names):
                raise ValueError(f"{kind} must be there, with names that differ, got {', '.join(names) or 'none'}")
        if not self.feature:
            raise ValueError("feature must be there, got none")
        if self.baseline and (len(self.parameter) != 1 or self.parameter[0].low != 0 or self.condition):
            raise ValueError("baseline needs one parameter whose low is 0, and no condition")
        if self.baseline and not all(feature.log for feature in self.feature):
            raise ValueError("baseline needs features that are logarithms: log = true")
