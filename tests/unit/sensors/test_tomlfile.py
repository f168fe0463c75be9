"""TOML files that people wrote: the line of every key, and one-line errors."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.errors import LayoutError, SensorError
from sensors.tomlfile import load, locator, no_such_option

TEXT = '''\
# a comment with [brackets] and = signs
title = "one # no comment"
note = """
[not.a.table]
x = 1
"""
path = 'C:\\temp'

[source]   # here
use = "recording"
limits.low = 1
"quoted.key" = { a = 1, "b c" = [1, 2] }
files = [
    "one",  # first
    "two",
]

[[alarm]]
name = "a"
when = 2021-08-18T06:31:00
[alarm.deep]
x = 1

[[alarm]]
name = "b"
[alarm.deep]
y = 2
[[alarm.part]]
z = [[1, 2],
     [3, 4]]

[channels]
drive_end = [
    { name = "x", unit = "g" },
    { name = "y", unit = "V" },
]
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("title", 2),
        ("note", 3),
        ("path", 7),
        ("source", 9),
        ("source.use", 10),
        ("source.limits", 11),
        ("source.limits.low", 11),
        (["source", "quoted.key"], 12),
        (["source", "quoted.key", "b c"], 12),
        ("source.files", 13),
        ("source.files.1", 15),
        ("alarm", 18),
        ("alarm.0", 18),
        ("alarm.0.when", 20),
        ("alarm.0.deep.x", 22),
        ("alarm.1", 24),
        ("alarm.1.name", 25),
        ("alarm.1.deep", 26),
        ("alarm.1.deep.y", 27),
        ("alarm.1.part.0.z.1", 30),
        ("channels.drive_end.1.unit", 35),
    ],
)
def test_locate_finds_the_line(tmp_path: Path, key, line):
    path = tmp_path / "a.toml"
    path.write_text(TEXT, encoding="utf-8")
    _, locate = load(path)
    assert locate(key) == line


@pytest.mark.parametrize(("key", "line"), [("source.absent", 9), ("alarm.1.deep.absent.more", 26), ("absent", 1)])
def test_an_absent_key_stands_where_its_table_does(key, line):
    assert locator(TEXT)(key) == line


def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    content, locate = load(path)
    assert content["alarm"][1]["name"] == "b"
    assert locate("alarm.1.deep.y") == 27


@given(st.dictionaries(st.text(max_size=5), st.lists(st.text(max_size=8), max_size=3), max_size=6))
def test_every_key_of_a_valid_text_is_found(table):
    lines, expected = [], {}
    for key, values in table.items():
        expected[key] = len(lines) + 1
        lines += [f"{_quoted(key)} = [ # ]", *(f"  {_quoted(value)}," for value in values), "]"]
    locate = locator("\n".join(lines))
    assert {key: locate([key]) for key in table} == expected


def _quoted(text: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb 2\n", ":2: no valid TOML: Expected '=' after a key in a key/value pair (column 3)"),
        ("a = 1\na = 2\n", ":2: no valid TOML: Cannot overwrite a value"),
        ("a = 1\nb = [1,\n", ":2: no valid TOML: "),
        ("a = " + 5000 * "9", ": no valid TOML: a whole number has thousands of digits"),
        ("a = " + 5000 * "[", ": no valid TOML: lists are nested too deeply"),
    ],
)
def test_a_syntax_error_names_its_line(tmp_path: Path, text, message):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(LayoutError) as caught:
        load(path, LayoutError)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_an_absent_file_and_no_text_are_named(tmp_path: Path):
    with pytest.raises(SensorError, match=r"absent\.toml: cannot be read: No such file"):
        load(tmp_path / "absent.toml")
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(SensorError, match=r"a\.toml:1: must be UTF-8 text, found byte 0xff"):
        load(path)


def test_an_unknown_key_names_the_nearest():
    locate = locator("[source]\ntone_hertz = 3\n")
    message = no_such_option(Path("fan.toml"), locate, "source.tone_hertz", ["tone_hz", "use"])
    assert message == "fan.toml:2: source.tone_hertz: no such option (did you mean 'tone_hz'?)"
    message = no_such_option(Path("fan.toml"), locate, "source.tone_hertz", ["use", "host"])
    assert message == "fan.toml:2: source.tone_hertz: no such option (known: host, use)"
