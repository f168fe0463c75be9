"""What two parts of a site would take from each other is refused; what they can share is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inversion.app.configuration import load_site
from inversion.app.serving.place import place
from inversion.core import ConfigurationError

pytestmark = pytest.mark.usefixtures("acme")

SITE = """
[site]
name = "plant"
[source]
use = "acme_tone"
[forward]
use = "acme_level"
[engine]
use = "acme_direct"
"""
SERVER = 'use = "modbus_server"\nassets = ["fan"]\nparameters = ["level"]'
SPARKPLUG = 'use = "mqtt"\nhost = "b"\nsparkplug_group = "plant"\nsparkplug_node = "one"'


def refused(folder: Path, *sinks: str, more: str = "", source: str = "") -> list[str]:
    """What is wrong with a site of these sinks, without the path of its file."""
    tables = "".join(f'[[sink]]\nname = "{i}"\n{sink}\n' for i, sink in enumerate(sinks))
    path = folder / "plant.toml"
    path.write_text((SITE.replace('use = "acme_tone"', source) if source else SITE) + tables + more)
    try:
        load_site(path)
    except ConfigurationError as problem:
        return [line.removeprefix(f"{path}:") for line in str(problem).split("\n")]
    return []


def lines(path: str) -> str:
    return f'use = "jsonl"\npath = "{path}"'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.jsonl", "a.jsonl"),
        ("a.jsonl", "./x/../a.jsonl"),
        ("a.jsonl", "link.jsonl"),
        ("real/a.jsonl", "folder/a.jsonl"),
        ("there.jsonl", "hard.jsonl"),
        ("plant.journal", "b.jsonl"),
        ("plant.journal.lock", "b.jsonl"),
        ("plant.evidence", "b.jsonl"),
        ("plant.toml", "b.jsonl"),
        ("a.jsonl", "a.jsonl/b.jsonl"),
        ("out/b.jsonl", "out"),
    ],
)
def test_one_file_is_not_written_by_two(tmp_path, first, second):
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "there.jsonl").touch()
    os.link(tmp_path / "there.jsonl", tmp_path / "hard.jsonl")
    (told,) = refused(tmp_path, lines(first), lines(second))
    assert "sink." in told
    assert ".path: must " in told


def test_both_places_are_told(tmp_path):
    (told,) = refused(tmp_path, lines("a.jsonl"), lines("a.jsonl"))
    path = tmp_path / "a.jsonl"
    assert (
        told == f"17: sink.1.path: must be a file of its own, found {path}: that is what sink.0.path (line 13) writes"
    )


def test_links_in_a_circle_are_no_reason_to_fail(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert refused(tmp_path, lines("a"), lines("c")) == []


def test_the_journal_and_what_lies_beside_it_are_its_own(tmp_path):
    assert "this site is read from" in refused(tmp_path, more='[journal]\npath = "plant.toml"\n')[0]
    assert refused(tmp_path, more='[journal]\npath = "plant.evidence"\n')
    assert refused(tmp_path, lines("plant.evidence"), more='[evidence]\nkeep = "none"\n') == []


def test_what_is_read_is_not_written(tmp_path):
    hook = 'use = "webhook"\nurl = "http://localhost:1/"\nsecret_file = "secret"'
    (told,) = refused(tmp_path, lines("secret"), hook)
    assert told.endswith("secret: that is what sink.1.secret_file (line 18) reads")
    assert refused(tmp_path, hook, hook) == []


def test_series_of_one_folder_are_told_apart(tmp_path):
    tables = 'use = "files"\nfolder = "tables"'
    assert ".folder: must be" in refused(tmp_path, tables, tables + '\nkinds = ["alarm", "event"]')[0]
    assert refused(tmp_path, tables + '\nkinds = ["finding"]', tables + '\nkinds = ["alarm"]') == []
    assert refused(tmp_path, tables, tables + '\nformat = "parquet"', lines("tables/a.jsonl")) == []
    assert "below what sink.0.path" in refused(tmp_path, lines("tables"), tables)[0]


def test_devices_may_be_written_by_any_number(tmp_path):
    assert refused(tmp_path, lines("/dev/null"), lines("/dev/null")) == []


@pytest.mark.parametrize(
    ("first", "second", "free"),
    [
        ("127.0.0.1:1502", "127.0.0.1:1502", False),
        ("127.0.0.1:1502", "localhost:1502", False),
        ("127.0.0.1:1502", "[::ffff:127.0.0.1]:1502", False),
        ("[::1]:1502", "[0:0:0:0:0:0:0:1]:1502", False),
        ("127.0.0.1:1502", "127.0.0.1:1503", True),
        ("127.0.0.1:1502", "127.0.0.2:1502", True),
        ("127.0.0.1:1502", "[::1]:1502", True),
        ("127.0.0.1:0", "127.0.0.1:0", True),
    ],
)
def test_one_place_is_listened_at_once(tmp_path, first, second, free):
    told = refused(tmp_path, f'{SERVER}\nlisten = "{first}"', f'{SERVER}\nlisten = "{second}"')
    assert (told == []) is free
    assert (refused(tmp_path, f'{SERVER}\nlisten = "{first}"', more=f'[observe]\nlisten = "{second}"\n') == []) is free


def test_a_place_is_told_as_it_is_written():
    assert [str(place(text)) for text in ("localhost:1", "[::1]:2")] == ["127.0.0.1:1", "[::1]:2"]


def test_a_gateway_does_not_poll_itself(tmp_path):
    source = 'use = "modbus"\nprofile = "demo_vibration"\nasset = "fan"\nline = "tcp://127.0.0.1:1502"'
    (told,) = refused(tmp_path, SERVER, source=source)
    assert "source.line: must lead to a device, found 127.0.0.1:1502, where this very site listens, by sink.0" in told
    assert refused(tmp_path, SERVER, source=source.replace("1502", "502")) == []


@pytest.mark.parametrize(
    ("first", "second", "option"),
    [
        ('host = "b"\nclient_id = "x"', 'host = "b"\nclient_id = "x"\nprefix = "2"', "client_id"),
        ('host = "localhost"\nclient_id = "x"', 'host = "127.0.0.1"\nport = 1884\nclient_id = "x"', "client_id"),
        ('host = "b"', 'host = "B."', "prefix"),
        ('host = "b"', 'host = "b"\nport = 1883', "prefix"),
        ('host = "b"', 'host = "c"', ""),
        ('host = "b"', 'host = "b"\nprefix = "2"', ""),
        ('host = "b"', 'host = "b"\nport = 1884', ""),
        ('host = "b"\nclient_id = "x"', 'host = "c"\nclient_id = "x"', ""),
    ],
)
def test_names_at_a_broker_are_of_one_sink(tmp_path, first, second, option):
    told = refused(tmp_path, f'use = "mqtt"\n{first}', f'use = "mqtt"\n{second}')
    assert [line.split(": ")[1] for line in told] == ([f"sink.1.{option}"] if option else [])


def test_an_edge_node_is_one_sink_and_none_of_its_topics_are_those_of_another(tmp_path):
    assert "sink.1.sparkplug_node: must differ" in refused(tmp_path, SPARKPLUG, SPARKPLUG)[0]
    assert refused(tmp_path, SPARKPLUG, 'use = "mqtt"\nhost = "b"') == []


def test_standard_output_is_one_sinks(tmp_path):
    (told,) = refused(tmp_path, 'use = "console"', 'use = "console"')
    assert "sink.1.use: must differ from sink.0.use (line 12), found standard output a second time" in told
