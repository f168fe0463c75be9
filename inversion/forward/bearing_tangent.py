"""How the impacts and edge profiles of a rolling bearing change with its parameters, in closed form."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inversion.core.tangent import Tangent
from inversion.forward import bearing_entry
from inversion.forward.bearing_space import of_a_race
from inversion.physics.bearing import RACES

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def bearing_tangent(
    widths: Array, sample: Array, theta: Array, conditions: Array, parameters: Index, observables: Index
) -> Tangent:
    """As `RollingBearing.tangent`. widths: (c,) m, the width grid; sample: (...) m of width a sample of lag."""
    races, cells = _places(observables.tobytes(), widths.size)
    if len(races) == 1 and races[0] >= 0:  # as an engine asks that solves each race by itself
        return _profile(races[0], widths[cells], sample, theta, conditions, parameters)
    prediction = np.empty((*theta.shape[:-1], observables.size))
    slope = np.zeros((*theta.shape[:-1], parameters.size, observables.size))
    for race in races:
        here = np.flatnonzero((observables - len(RACES)) // widths.size == race)
        if race < 0:
            prediction[..., here] = theta[..., observables[here]]
            slope[..., here] = parameters[:, None] == observables[here]
        else:
            part = _profile(race, widths[cells[here]], sample, theta, conditions, parameters)
            prediction[..., here], slope[..., here] = part.prediction, part.written()
    return Tangent(prediction, slope)


def _profile(race: int, widths: Array, sample: Array, theta: Array, conditions: Array, parameters: Index) -> Tangent:
    """Of the edges of one race at some widths (m,), by any parameters."""
    lags, own = widths / sample[..., None], of_a_race(race, theta.shape[-1])
    if not parameters.size:
        edges = bearing_entry.marks(theta[..., own], conditions, sample).at(lags)
        return Tangent(edges, np.zeros((*edges.shape[:-1], 0, edges.shape[-1])))
    wanted = [own.index(i) if i in own else -1 for i in parameters.tolist()]
    marks, by = bearing_entry.changes(theta[..., own], conditions, sample, wanted)
    return Tangent(*marks.slopes(lags, by))


@lru_cache(maxsize=64)
def _places(observables: bytes, cells: int) -> tuple[tuple[int, ...], Index]:
    """The races that some observables tell of, -1 if one is an impact; (m,) the cell of each on the width grid."""
    which = np.frombuffer(observables, dtype=np.intp) - len(RACES)
    return tuple(np.unique(which // cells).tolist()), which % cells
