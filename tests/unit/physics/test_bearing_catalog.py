"""A bearing by its designation or by its fault orders is the same bearing as by its numbers."""

import pytest

from inversion.core import ConfigurationError
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry, fault_orders, shaft_conflicts
from inversion.physics.catalog import FaultOrders, find, geometry_from_orders
from inversion.store.bearings import listed_bearings

LISTED = listed_bearings()
SKF_6205 = BearingGeometry(9, 7.940, 39.04)
entries = pytest.mark.parametrize("entry", LISTED, ids=[entry.name for entry in LISTED])


@entries
def test_every_entry_is_found_by_its_name_and_names_its_source(entry):
    assert find(entry.name, LISTED) == entry
    assert find(entry.designation, LISTED).designation == entry.designation
    assert len(entry.source) > 20


@pytest.mark.parametrize("written", ["6205", "SKF 6205-2RS", "6205 2Z/C3", "skf6205-2rs1", "Timken 6205"])
def test_seals_and_clearance_do_not_matter_and_the_first_answers_for_a_maker_that_is_not_listed(written):
    assert find(written, LISTED).geometry == SKF_6205


@pytest.mark.parametrize("written", ["NSK 6205", "nsk6205ddu", "6205 DDU (NSK)"])
def test_a_maker_that_is_named_answers(written):
    assert find(written, LISTED).geometry == BearingGeometry(9, 7.90, 38.5)


@pytest.mark.parametrize(
    ("written", "name"), [("NU 205 ECP", "NU205"), ("FAG NU2205-E-XL-TVP2", "FAG NU2205"), ("ER-16K", "MB ER16K")]
)
def test_blanks_and_hyphens_between_letters_and_digits_do_not_matter(written, name):
    assert find(written, LISTED).name == name


@pytest.mark.parametrize("written", ["62050", "16205", "NU6205", ""])
def test_another_bearing_is_refused_and_the_nearest_named(written):
    with pytest.raises(ValueError, match=r"is not listed \(.*6205.*\); give its numbers"):
        find(written, LISTED)


@entries
def test_fault_orders_give_the_geometry_back(entry):
    truth = entry.geometry
    orders = fault_orders(truth)
    found = geometry_from_orders(
        FaultOrders(orders["outer"], orders["inner"], orders["ball"] / 2, truth.pitch_diameter_mm)
    )
    assert found.elements == truth.elements
    assert found.element_diameter_mm == pytest.approx(truth.element_diameter_mm, rel=1e-6)
    assert found.contact_angle_deg == pytest.approx(truth.contact_angle_deg, abs=1e-3)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('designation = "6205"\nsource = "a book"', "bearing.0: expected either numbers or orders"),
        ('designation = "6205"\nnumbers = { elements = 9 }\nsource = "a book"', "element_diameter_mm: missing"),
        (
            'designation = "6205"\nsource = "a book"\n'
            "numbers = { elements = 9, element_diameter_mm = 40, pitch_diameter_mm = 39 }",
            "must be positive and below pitch_diameter_mm",
        ),
        (
            'designation = "6205"\nsource = "a book"\n'
            "orders = { bpfo = 3.5, bpfi = 5.0, bsf = 2.3, pitch_diameter_mm = 39 }",
            "number of elements",
        ),
        (
            'designation = "6205"\nsource = ""\n'
            "numbers = { elements = 9, element_diameter_mm = 7.9, pitch_diameter_mm = 39 }",
            "expected the document",
        ),
        (
            'designation = "6205"\nsource = "a book"\nsorce = "a book"\n'
            "numbers = { elements = 9, element_diameter_mm = 7.9, pitch_diameter_mm = 39 }",
            "no such option",
        ),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(tmp_path, table, complaint):
    path = tmp_path / "bearings.toml"
    path.write_text(f"[[bearing]]\n{table}\n")
    with pytest.raises(ConfigurationError, match=rf"bearings.toml:\d+: .*{complaint}"):
        listed_bearings(path)


def test_a_bearing_listed_twice_is_refused(tmp_path):
    entry = (
        '[[bearing]]\ndesignation = "6205"\nsource = "a book"\n'
        "numbers = { elements = 9, element_diameter_mm = 7.9, pitch_diameter_mm = 39 }\n"
    )
    path = tmp_path / "bearings.toml"
    path.write_text(entry + entry)
    with pytest.raises(ConfigurationError, match="6205 is listed already"):
        listed_bearings(path)


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
        RollingBearing(SKF_6205, designation="6205")
    assert RollingBearing(designation="6205").geometry == RollingBearing(SKF_6205).geometry


def test_a_fault_order_beside_a_shaft_harmonic_is_said():
    beside = BearingGeometry(10, 8.0, 40.0)  # BPFO is 4.0
    assert any("BPFO 4.000" in line and "shaft order 4" in line for line in shaft_conflicts(beside))
    assert shaft_conflicts(SKF_6205) == ()


def test_a_model_says_before_it_measures_whose_numbers_it_took_and_what_they_hide():
    assert RollingBearing(SKF_6205).cautions == RollingBearing(SKF_6205, relief_mm=0.3).cautions == ()
    for short in (0.0, 0.1):
        (said,) = RollingBearing(SKF_6205, relief_mm=short).cautions
        assert said.startswith(f"relief_mm is {short:g}: a width of a loaded bearing may come out 0.9 mm too small")
    said = RollingBearing(designation="6203-2Z").cautions
    assert said[0].startswith("6203-2Z is taken as SKF 6203: Case Western Reserve University")
    assert any("BPFI 4.947 lies beside shaft order 5" in line for line in said)
