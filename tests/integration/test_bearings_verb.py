"""`inversion bearings` says what is listed, and `inversion check` what a site will take."""

import json
import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from inversion.app.verbs import app
from inversion.forward.rolling_bearing import RollingBearing
from inversion.physics.bearing import BearingGeometry, bpfo, fault_orders
from inversion.physics.catalog import FaultOrders
from inversion.store.bearings import listed_bearings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "bearings.md").read_text(encoding="utf-8")


def told(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_all_bearings_are_told_with_their_sources():
    text = told("bearings")
    for entry in listed_bearings():
        assert entry.name in text
        assert entry.source in text


def test_a_part_of_a_designation_a_maker_or_a_source_selects():
    assert {one["name"] for one in json.loads(told("bearings", "6205", "--json"))} == {
        "SKF 6205",
        "NSK 6205",
        "KG 6205",
    }
    assert {one["designation"] for one in json.loads(told("bearings", "xjtu", "--json"))} == {"UER204"}
    [written_otherwise] = json.loads(told("bearings", "NU 205 ECP", "--json"))
    assert written_otherwise["name"] == "NU205"


def test_orders_and_conflicts_are_told():
    [one] = json.loads(told("bearings", "6309", "--json"))
    [entry] = [entry for entry in listed_bearings() if entry.designation == "6309"]
    assert one["bpfo"] == round(bpfo(entry.geometry), 4)
    assert any("lies beside shaft order 3" in line for line in one["conflicts"])


def test_what_is_not_listed_is_a_complaint_with_the_nearest():
    done = CliRunner().invoke(app, ["bearings", "6299"])
    assert done.exit_code == 2
    assert "is not listed (did you mean" in done.output


def test_check_says_whose_numbers_are_taken_and_what_they_hide(tmp_path):
    configs = ROOT / "configs"
    text = (configs / "cwru.toml").read_text().replace('"layouts/', f'"{configs}/layouts/')
    numbers = text[text.index("[forward.bearing]") : text.index("[engine]")]
    site = tmp_path / "fan.toml"
    site.write_text(text.replace(numbers, 'designation = "6203-2RS C3"\n'))
    lines = told("check", str(site)).splitlines()
    assert any(line.startswith("caution: 6203-2RS C3 is taken as SKF 6203: Case Western") for line in lines)
    assert any(line.startswith("caution: BPFI 4.947 lies beside shaft order 5") for line in lines)


def test_the_commands_of_the_guide_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    commands = re.findall(r"^\$ inversion (.+)$", GUIDE, re.MULTILINE)
    assert len(commands) == 3
    assert all(told(*command.split()) for command in commands)


def test_the_three_ways_of_the_guide_name_the_same_bearing():
    by_designation, by_numbers, by_orders, at_speed, pooled = (
        tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    )
    by_designation, by_numbers, by_orders = (way["forward"] for way in (by_designation, by_numbers, by_orders))
    assert pooled["forward"]["pool_minutes"] > 0
    assert RollingBearing(designation="6205", **at_speed).speed_tolerance == 0.05
    models = [
        RollingBearing(designation=by_designation["designation"]),
        RollingBearing(BearingGeometry(**by_numbers["bearing"])),
        RollingBearing(fault_orders=FaultOrders(**by_orders["fault_orders"])),
    ]
    for model in models[1:]:
        for race, order in fault_orders(models[0].geometry).items():
            assert abs(fault_orders(model.geometry)[race] / order - 1) < 1e-3


def test_makers_differ_as_little_as_the_guide_says():
    for designation, apart in (("6203", 0.007), ("6204", 0.007), ("6205", 0.007), ("6206", 0.0145)):
        orders = [bpfo(entry.geometry) for entry in listed_bearings() if entry.designation == designation]
        assert len(orders) >= 2
        assert max(orders) / min(orders) - 1 <= apart
