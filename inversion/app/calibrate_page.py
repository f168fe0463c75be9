"""The page of `inversion calibrate`: left-out estimates against the truth, and every feature along every parameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inversion.app.report.against_truth import Placed, against_truth
from inversion.app.report.figures import COLORS, dress, require_plotly, spec
from inversion.app.report.panel import panel
from inversion.core import Parameter, ParameterSpace
from inversion.store.empirical import EmpiricalFit
from inversion.training.labelled import Labelled
from inversion.training.leave_out import LeftOut, spans

Array = NDArray[np.float64]

_Z95 = 1.6448536269514722  # of a 90 % interval
_STEPS = 81  # along a parameter
_MARKER = {"size": 5}


def calibration_page(
    name: str, lines: Sequence[str], model: EmpiricalFit, labelled: Labelled, found: LeftOut | None, wider: Array
) -> str:
    """The page. found: estimates of left-out groups, None where nothing was left out; wider: (k,) factors on them.

    Raises ReportUnavailable without plotly.
    """
    figures = [] if found is None else _left_out(labelled, found, wider)
    for i, parameter in enumerate(model.parameters):
        figures += [_feature(model, labelled, i, parameter, j) for j in range(len(model.features))]
    return panel(f"Calibration: {name}", lines, figures)


def _left_out(labelled: Labelled, found: LeftOut, wider: Array) -> list[str]:
    """One figure a parameter that is shown: what a model of the other groups said of each window."""
    figures = []
    space: ParameterSpace = found.estimates[0].space
    for i, parameter in enumerate(space):
        if parameter.nuisance:
            continue
        value, low, high = spans(found.estimates, parameter.name, wider)
        rows = [
            Placed(
                group=str(labelled.group[row]),
                label=f"{labelled.group[row]}, labelled window {row}",
                truth=parameter.to_shown(labelled.theta[row, i]),
                value=parameter.to_shown(value[k]),
                low=parameter.to_shown(low[k]),
                high=parameter.to_shown(high[k]),
                resolved=found.estimates[k].resolvable(parameter.name),
            )
            for k, row in enumerate(found.rows)
        ]
        title = f"{parameter.name.replace('_', ' ')}: groups left out in turn, 90 % intervals"
        figures.append(against_truth(title, parameter.shown, rows))
    return figures


def _feature(model: EmpiricalFit, labelled: Labelled, i: int, parameter: Parameter, j: int) -> str:
    """What was measured of the j-th feature over the i-th parameter, and the fitted surface along it."""
    go = require_plotly()
    figure = go.Figure()
    along, middle, spread = _cut(model, labelled, i, parameter, j)
    x = [parameter.to_shown(each) for each in along]
    band = {"x": [*x, *reversed(x)], "y": [*(middle + spread), *reversed(middle - spread)], "fill": "toself"}
    line = {"color": "#7b8794", "width": 0}
    figure.add_trace(go.Scatter(**band, mode="lines", line=line, opacity=0.3, name="90 % of the surface"))
    figure.add_trace(go.Scatter(x=x, y=middle.tolist(), mode="lines", line={"color": "#7b8794"}, name="fitted"))
    for k, group in enumerate(np.unique(labelled.group)):
        own = labelled.group == group
        figure.add_trace(
            go.Scatter(
                x=[parameter.to_shown(each) for each in labelled.theta[own, i]],
                y=[value if np.isfinite(value) else None for value in labelled.values[own, j].tolist()],
                mode="markers",
                name=str(group),
                marker={**_MARKER, "color": COLORS[k % len(COLORS)]},
            )
        )
    feature = model.features[j]
    label = f"log of {feature.name}" if feature.log else feature.name
    title = f"{feature.name} ({feature.kind} of {feature.channel}) along {parameter.name.replace('_', ' ')}"
    dress(figure, title, f"{parameter.name}, {parameter.shown}", label)
    return spec(figure)


def _cut(model: EmpiricalFit, labelled: Labelled, i: int, parameter: Parameter, j: int) -> tuple[Array, Array, Array]:
    """(n,) SI values of the parameter, the feature there, and half its 90 % interval; the rest stays at its median."""
    inputs = np.concatenate([labelled.theta, labelled.conditions], axis=1)
    x = np.tile(np.median(inputs, axis=0), (_STEPS, 1))
    x[:, i] = np.linspace(parameter.low, parameter.high, _STEPS)
    middle = model.offset[j] + model.scale[j] * model.surface.mean(x)[:, j]
    return x[:, i], middle, _Z95 * model.scale[j] * model.surface.deviation(x)[:, j]
