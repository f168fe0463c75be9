"""A trained network as an engine: quantiles in one call, widened where it is less sure than it says.

What it answers is held to the same rules as least squares: marginals, "resolved", floors. A window unlike those that it
was trained on gets wider intervals, or the prior with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inversion.core import Answered, Estimate, Features, Fit, ForwardModel, ModelError, prior_estimate
from inversion.core.encoding import encode_and_rate, floor_shares
from inversion.engines.network_reading import Reader, reader
from inversion.engines.session import Session, import_runtime, open_session
from inversion.store.card import PRECISIONS, Card
from inversion.store.network import StoredGraph, check_fits, load_card, load_graph, network_folder
from sensors import Quality

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """A trained network in ONNX, every claim of its card verified at the start.

    network: folder of a network, or the name of a shipped one, such as "rolling_bearing_v1"
    precision: "full", "lite" (quantized), or "adaptive": full, and lite where a gateway's time is short and the card
        says that lite is quicker; recordings are always answered in full
    budget_ms: what one window may take in a gateway before "adaptive" takes lite
    """

    network: Path
    precision: str = "full"
    budget_ms: float = 20.0

    def __post_init__(self) -> None:
        if self.precision not in (*PRECISIONS, "adaptive"):
            raise ValueError(f"precision must be 'full', 'lite' or 'adaptive', got {self.precision!r}")
        if not self.budget_ms > 0:
            raise ValueError(f"budget_ms must be positive, got {self.budget_ms}")
        network_folder(self.network)

    def bind(self, model: ForwardModel) -> NetworkInverter:
        """An inverter for this model. Raises ModelError or CardError where the network is damaged or for another."""
        if not model.observables:
            raise ModelError("a forward model without observables cannot be inverted")
        folder, card = self._described
        check_fits(folder, card, model)
        read = reader(card, model)
        if read.at.width != card.network.inputs:
            found = f"{type(model).__name__} is encoded in {read.at.width}"
            raise ModelError(f"{folder}: takes {card.network.inputs} numbers a window, {found}")
        graphs = {
            precision: (open_session(stored), Answered(card.title, precision, stored.sha256[:16]))
            for precision, stored in self._stored.items()
        }
        return NetworkInverter(model, graphs, next(iter(graphs)), read, self.budget_ms / 1e3)

    def warm(self) -> None:
        """Reads and imports what `bind` will need, all but the sessions: those do not survive a fork."""
        _ = self._stored
        import_runtime()

    @cached_property
    def _described(self) -> tuple[Path, Card]:
        """The folder and its card. Raises CardError."""
        folder = network_folder(self.network)
        return folder, load_card(folder)

    @cached_property
    def _stored(self) -> dict[str, StoredGraph]:
        """The graphs that may answer. Raises CardError."""
        folder, card = self._described
        used = _worthwhile(card) if self.precision == "adaptive" else (self.precision,)
        return {precision: load_graph(folder, card, precision) for precision in used}


@dataclass(frozen=True)
class NetworkInverter:
    """A network for one forward model. precision: of the graph that answers."""

    model: ForwardModel
    graphs: Mapping[str, tuple[Session, Answered]]
    precision: str
    reader: Reader
    budget_s: float

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that it can answer with."""
        return tuple(self.graphs)

    @property
    def networks(self) -> tuple[Answered, ...]:
        """What answers, at each precision."""
        return tuple(answered for _, answered in self.graphs.values())

    def at(self, precision: str) -> NetworkInverter:
        """The same, answering with another of its graphs."""
        if precision not in self.graphs:
            raise ValueError(f"precision must be one of {', '.join(self.graphs)}, got {precision!r}")
        return replace(self, precision=precision)

    def invert(self, features: Features) -> list[Estimate]:
        """One estimate a frame. Where nothing was observed the estimate is the prior, with the reason."""
        floors, usable = [], []
        for row, known in enumerate(features.conditions.tolist()):
            finite = all(map(math.isfinite, known))
            floors.append(self.model.floor(features.conditions[row]) if finite else np.zeros(len(self.model.space)))
            if finite and features.counts[row] and features.quality[row] is not Quality.BAD:
                usable.append(row)
        if len(usable) == len(floors):
            return self._answers(features, floors)
        answers = dict(zip(usable, self._answers(features.take(usable), [floors[row] for row in usable]), strict=True))
        return [
            answers[row] if row in answers else prior_estimate(self.model.space, floor, _nothing(features, row))
            for row, floor in enumerate(floors)
        ]

    def _answers(self, features: Features, floors: Sequence[Array]) -> list[Estimate]:
        """Of frames in which something was observed. floors: (p,) SI of each."""
        session, answered = self.graphs[self.precision]
        shares = [floor_shares(self.model.space, floor) for floor in floors]
        rows, ratios_db = encode_and_rate(features, shares)
        raw = []
        for k, ratio_db in enumerate(ratios_db):
            quantiles, latent = session.run(rows[k])
            raw.append((rows[k], ratio_db, quantiles, latent))
        return self.reader.read(raw, features, floors, answered)


def _worthwhile(card: Card) -> tuple[str, ...]:
    """The precisions among which to choose: lite only where it saves time, as measured for the card."""
    call = {each.network: each.call_us for each in card.cost}
    slower = set(PRECISIONS) <= set(call) and call["lite"] >= call["full"]
    return PRECISIONS[:1] if slower else PRECISIONS


def _nothing(features: Features, row: int) -> Fit:
    return Fit(features.quality[row], reason=features.reasons[row] or "nothing was observed")
