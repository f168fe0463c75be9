"""A fitted empirical model as one file: a header of text and plain arrays (NPZ), never a pickle.

The file holds everything that is needed: features, standardization, the surface from parameters to features with its
covariance, the noise, ranges, units, what the recordings were like, which groups it was fitted on, and a fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inversion.core import InversionError, Parameter
from inversion.signal.features import Feature
from inversion.signal.surface import Surface, functions
from inversion.store.whole import whole

Array = NDArray[np.float64]

FORMAT = "inversion-empirical-1"
_ARRAYS = ("offset", "scale", "covariance", "noise", "center", "half_range", "weights", "weights_covariance")


class EmpiricalFileError(InversionError):
    """A model file is absent, damaged or of another format; the message is one line."""


@dataclass(frozen=True)
class EmpiricalFit:
    """What was learnt from labelled windows.

    features: the d observables; conditions: features that are taken as known, q - p of them
    units: SI, and sample_rates: Hz, by channel; window_s: length of the windows fitted on, s
    offset, scale: (d,) a feature x is taken as (x - offset) / scale
    surface: of the standardized features over parameters (SI) then conditions, (q,)
    covariance: (d, d) of the standardized features about the surface, in windows of groups it has not seen
    noise: (1 + 2 q, d) logarithm of the deviation of each whitened feature, by u = (x - center) / scale: constant,
        slopes by u, slopes by its square
    groups: names of the groups fitted on; windows: how many windows
    """

    parameters: tuple[Parameter, ...]
    features: tuple[Feature, ...]
    conditions: tuple[Feature, ...]
    units: Mapping[str, str]
    sample_rates: Mapping[str, float]
    window_s: float
    offset: Array
    scale: Array
    surface: Surface
    covariance: Array
    noise: Array
    groups: tuple[str, ...]
    windows: int

    def __post_init__(self) -> None:
        d, q = len(self.features), len(self.parameters) + len(self.conditions)
        m = functions(q, self.surface.bumps)[1]
        shapes = {
            "offset": (self.offset, (d,)),
            "scale": (self.scale, (d,)),
            "covariance": (self.covariance, (d, d)),
            "noise": (self.noise, (1 + 2 * q, d)),
            "center": (self.surface.center, (q,)),
            "half_range": (self.surface.scale, (q,)),
            "weights": (self.surface.weights, (m, d)),
            "weights_covariance": (self.surface.covariance, (d, m, m)),
        }
        for name, (array, shape) in shapes.items():
            if array.shape != shape or not np.all(np.isfinite(array)):
                raise ValueError(f"{name} must be finite and {shape}, got {array.shape}")
        if not (np.all(self.scale > 0) and np.all(self.surface.scale > 0) and self.window_s > 0):
            raise ValueError("scales and the window must be positive")
        if np.any(np.linalg.eigvalsh(self.covariance) <= 0):
            raise ValueError("covariance must be positive definite")

    @property
    def fingerprint(self) -> str:
        """Hash of all that it holds."""
        return _fingerprint(_header(self), _arrays(self))


def save(fit: EmpiricalFit, path: Path) -> None:
    """Writes beside the final name, then renames. Raises OSError."""
    header, arrays = _header(fit), _arrays(fit)
    text = json.dumps({**header, "fingerprint": _fingerprint(header, arrays)}, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial, partial.open("wb") as file:
        np.savez(file, header=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> EmpiricalFit:
    """The model in a file. Raises EmpiricalFileError, one line."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            header = json.loads(bytes(found["header"]).decode())
            arrays = {name: found[name].astype(np.float64) for name in _ARRAYS}
    except OSError as problem:
        made = "; make one by `inversion calibrate`" if isinstance(problem, FileNotFoundError) else ""
        raise EmpiricalFileError(f"{path}: cannot be read: {problem.strerror or problem}{made}") from problem
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as problem:
        raise EmpiricalFileError(
            f"{path}: damaged or no empirical model; make one by `inversion calibrate`"
        ) from problem
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise EmpiricalFileError(f"{path}: expected the format {FORMAT!r}, found another one")
    fingerprint = header.pop("fingerprint", "")
    if fingerprint != _fingerprint(header, arrays):
        raise EmpiricalFileError(f"{path}: its fingerprint does not fit its content; it was changed or damaged")
    try:
        return _fit(header, arrays)
    except (ValueError, KeyError, TypeError) as problem:
        raise EmpiricalFileError(f"{path}: no empirical model: {problem}") from problem


def _header(fit: EmpiricalFit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "parameters": [asdict(parameter) for parameter in fit.parameters],
        "features": [_plain(feature) for feature in fit.features],
        "conditions": [_plain(feature) for feature in fit.conditions],
        "units": dict(fit.units),
        "sample_rates": dict(fit.sample_rates),
        "window_s": fit.window_s,
        "bumps": fit.surface.bumps,
        "groups": list(fit.groups),
        "windows": fit.windows,
    }


def _plain(feature: Feature) -> dict[str, Any]:
    return {**asdict(feature), "part": list(feature.part)}


def _arrays(fit: EmpiricalFit) -> dict[str, Array]:
    surface = fit.surface
    arrays = (fit.offset, fit.scale, fit.covariance, fit.noise)
    return dict(
        zip(_ARRAYS, (*arrays, surface.center, surface.scale, surface.weights, surface.covariance), strict=True)
    )


def _fit(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> EmpiricalFit:
    surface = Surface(
        arrays["center"], arrays["half_range"], arrays["weights"], arrays["weights_covariance"], header["bumps"]
    )
    return EmpiricalFit(
        parameters=tuple(Parameter(**each) for each in header["parameters"]),
        features=tuple(_feature(each) for each in header["features"]),
        conditions=tuple(_feature(each) for each in header["conditions"]),
        units=header["units"],
        sample_rates=header["sample_rates"],
        window_s=header["window_s"],
        offset=arrays["offset"],
        scale=arrays["scale"],
        surface=surface,
        covariance=arrays["covariance"],
        noise=arrays["noise"],
        groups=tuple(header["groups"]),
        windows=header["windows"],
    )


def _feature(plain: Mapping[str, Any]) -> Feature:
    return Feature(**{**plain, "part": tuple(plain["part"])})


def _fingerprint(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name], dtype="<f8").tobytes())
    return digest.hexdigest()[:16]
