"""A place in the register map never moves, and a site that does not fit its map is refused at check."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from inversion.app.check import plan
from inversion.app.serving.place import place
from inversion.app.serving.registers import MOST_ALARMS, MOST_ASSETS, MOST_PARAMETERS, RegisterMap
from inversion.app.sinks.modbus_server import ModbusServerSink
from inversion.core import ConfigurationError

SITE = Path(__file__).parents[3] / "configs" / "served.toml"
COMMAND = str(Path(sys.executable).with_name("inversion"))
SMALL = RegisterMap(("fan 3",), ("outer_spall",), ("too wide",))


def found(registers):
    return {(each.asset, each.name, each.kind): each.address for each in registers.places({})}


@pytest.mark.parametrize(
    "larger",
    [
        RegisterMap(("fan 3", "fan 4"), ("outer_spall",), ("too wide",)),
        RegisterMap(("fan 3",), ("outer_spall", "inner_spall"), ("too wide",)),
        RegisterMap(("fan 3",), ("outer_spall",), ("too wide", "too loud")),
        RegisterMap(
            ("fan 3", *(f"fan {i}" for i in range(10, 9 + MOST_ASSETS))),
            ("outer_spall", *(f"parameter {i}" for i in range(MOST_PARAMETERS - 1))),
            ("too wide", *(f"alarm {i}" for i in range(MOST_ALARMS - 1))),
        ),
    ],
    ids=["asset", "parameter", "alarm", "as many as there can be"],
)
def test_what_is_added_moves_nothing(larger):
    assert found(SMALL).items() <= found(larger).items()
    assert larger.fingerprint != SMALL.fingerprint


def test_a_name_that_is_left_out_keeps_its_place_free():
    gone = RegisterMap(("", "fan 4"), ("", "inner_spall"), ("", "too loud"))
    all_of_them = RegisterMap(("fan 3", "fan 4"), ("outer_spall", "inner_spall"), ("too wide", "too loud"))
    assert found(gone).items() <= found(all_of_them).items()
    assert not gone.exists(256, 1)
    assert not gone.exists(255, 2)
    assert gone.exists(512, 256)
    assert not gone.exists(767, 2)


def test_no_two_values_share_a_register():
    taken = set()
    largest = RegisterMap(
        tuple(f"asset {i}" for i in range(MOST_ASSETS)),
        tuple(f"parameter {i}" for i in range(MOST_PARAMETERS)),
        tuple(f"alarm {i}" for i in range(MOST_ALARMS)),
    )
    for each in largest.places({}):
        words = {(each.kind == "bit", each.address + i) for i in range(2 if "32" in each.kind else 1)}
        assert not words & taken, each
        taken |= words
    assert max(address for _, address in taken) < 0x10000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assets": ("a", "a")}, "assets must name each once, got 'a' twice"),
        ({"assets": ("",)}, "assets and parameters must name at least one each"),
        ({"alarms": tuple(map(str, range(17)))}, "alarms must be 16 at most, got 17"),
        ({"order": "AABB"}, "order must be one of the four"),
        ({"listen": "1502"}, "listen must be ADDRESS:PORT"),
        ({"listen": "plc.example:1502"}, "listen must be ADDRESS:PORT"),
        ({"listen": "127.0.0.1:70000"}, "port from 0 to 65535"),
        ({"stale_s": 0.0}, "stale_s must lie between 1 and 604,800 s, got 0 s"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModbusServerSink(**{"assets": ("a",), "parameters": ("b",)} | options)


def test_a_place_may_be_one_of_ipv6():
    assert place("[::1]:1502").on_loopback
    assert not place("[::]:1502").on_loopback


def test_the_verb_prints_the_map_as_csv_and_writes_it(tmp_path):
    printed = subprocess.run([COMMAND, "registers", SITE], capture_output=True, text=True, check=True).stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    [spall] = [row for row in rows if row["name"] == "outer_spall"]
    assert (spall["asset"], spall["input"], spall["holding"], spall["unit"]) == ("fan 3", "300313", "400313", "mm")
    assert spall["kind"] == "float32 ABCD"
    subprocess.run([COMMAND, "registers", SITE, "--out", tmp_path / "new" / "map.csv"], check=True, capture_output=True)
    assert (tmp_path / "new" / "map.csv").read_text() == printed
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["map.csv"]


def test_check_says_what_of_the_site_has_no_place(tmp_path):
    text = SITE.read_text().replace('assets = ["fan 3"]', 'assets = ["fan 5"]').replace('"ball_spall"]', '"width"]')
    site = tmp_path / "site.toml"
    site.write_text(text.replace(', "not heard of"]', "]"))
    with pytest.raises(ConfigurationError) as refused:
        plan(site)
    assert [line.split(": ", 1)[1] for line in str(refused.value).splitlines()] == [
        "sink.0.assets: lacks 'fan 3': add it at the end",
        "sink.0.parameters: lacks 'ball_spall': add it at the end",
        "sink.0.parameters: 'width' is not of this site",
        "sink.0.alarms: lacks 'not heard of': add it at the end",
    ]
    assert str(refused.value).startswith(f"{site}:")
