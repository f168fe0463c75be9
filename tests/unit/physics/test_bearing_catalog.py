"""A bearing by its designation or by its fault orders is the same bearing as by its numbers."""

import pytest

from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry, fault_orders, shaft_conflicts
from inversion.physics.catalog import CATALOG, FaultOrders, geometry_by_designation, geometry_from_orders


@pytest.mark.parametrize("name", CATALOG)
def test_every_entry_is_found_by_its_name_and_names_its_source(name):
    assert geometry_by_designation(name) == CATALOG[name].geometry
    assert len(CATALOG[name].source) > 20


@pytest.mark.parametrize("written", ["6205", "SKF 6205-2RS", "6205 2Z/C3", "nsk6205ddu"])
def test_maker_seals_and_clearance_do_not_matter(written):
    assert geometry_by_designation(written) == CATALOG["6205"].geometry


@pytest.mark.parametrize("written", ["62050", "16205", "6206", ""])
def test_another_bearing_is_refused_and_the_nearest_named(written):
    with pytest.raises(ValueError, match=r"is not listed \(.*6205.*\); give its numbers"):
        geometry_by_designation(written)


@pytest.mark.parametrize("name", CATALOG)
def test_fault_orders_give_the_geometry_back(name):
    truth = CATALOG[name].geometry
    orders = fault_orders(truth)
    found = geometry_from_orders(
        FaultOrders(orders["outer"], orders["inner"], orders["ball"] / 2, truth.pitch_diameter_mm)
    )
    assert found.elements == truth.elements
    assert found.element_diameter_mm == pytest.approx(truth.element_diameter_mm, rel=1e-6)
    assert found.contact_angle_deg == pytest.approx(truth.contact_angle_deg, abs=1e-3)


@pytest.mark.parametrize(
    ("orders", "complaint"),
    [
        (FaultOrders(3.5, 5.0, 2.3, 39.0), "number of elements"),
        (FaultOrders(5.4152, 3.5848, 2.3567, 39.0), "bpfi must exceed bpfo"),
        (FaultOrders(3.5848, 5.4152, 4.7135, 39.0), "two strikes a spin"),
    ],
)
def test_orders_of_no_bearing_are_refused(orders, complaint):
    with pytest.raises(ValueError, match=complaint):
        geometry_from_orders(orders)


def test_a_machine_needs_exactly_one_way_to_say_which_bearing_it_has():
    with pytest.raises(ValueError, match="exactly one of bearing, designation, fault_orders"):
        RollingBearing()
    with pytest.raises(ValueError, match="exactly one"):
        RollingBearing(CATALOG["6205"].geometry, designation="6205")
    assert RollingBearing(designation="6205").geometry == RollingBearing(CATALOG["6205"].geometry).geometry


def test_a_fault_order_beside_a_shaft_harmonic_is_said():
    beside = BearingGeometry(10, 8.0, 40.0)  # BPFO is 4.0
    assert any("BPFO 4.000" in line and "shaft order 4" in line for line in shaft_conflicts(beside))
    assert shaft_conflicts(CATALOG["6205"].geometry) == ()
