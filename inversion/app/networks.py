"""The shipped networks in the listing of plug-ins."""

from __future__ import annotations

from inversion.app.plugins import Listing
from inversion.store.card import CardError
from inversion.store.network import SHIPPED, load_card, shipped_networks


def network_listings() -> list[Listing]:
    """One line a network; one whose card is damaged does not hide the others."""
    return [_listing(name) for name in shipped_networks()]


def _listing(name: str) -> Listing:
    folder = SHIPPED / name
    try:
        card = load_card(folder)
    except CardError as error:
        return Listing("networks", name, "edge-inversion", str(folder), problem=str(error))
    parameters = ", ".join(each.name for each in card.parameter)
    return Listing("networks", name, "edge-inversion", str(folder), f"For {card.network.model}: {parameters}.")
