"""A wrong layout is one line: file, line, key, what was found and expected."""

from pathlib import Path

import pytest

from sensors.errors import LayoutError
from sensors.layoutfile import load_layout
from sensors.readers.delimited import DelimitedReader

LAYOUT = """\
asset = "{stem}"

[reader]
use = "delimited"
delimiter = ";"
names = ["x", "t"]

[channels.front]
variable = "x"
unit = "g"
factor = 2

[sample_rate]
value = 1000

[conditions.shaft_hz]
value = 1500
unit = "rpm"

[start]
variable = "t"
"""


def test_a_layout_is_loaded(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(LAYOUT)
    layout = load_layout(path)
    assert layout.reader == DelimitedReader(delimiter=";", names=("x", "t"))
    assert layout.channels["front"].factor == 2
    assert layout.start.variable == "t"
    assert layout.asset_of(Path("folder/run 7.csv")) == "run 7"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'use = "delimited"',
            'use = "delimted"',
            ":4: reader.use: no such reader: 'delimted' (did you mean 'delimited'?)",
        ),
        ('use = "delimited"', "", ":3: reader.use: no such reader: None (there are: "),
        ("delimiter", "delimeter", ":5: reader.delimeter: no such option (did you mean 'delimiter'?)"),
        ('";"', '";;"', ":3: reader: delimiter must be one character or 'whitespace', got ';;'"),
        ('names = ["x", "t"]', "names = [1]", ":6: reader.names: expected a list, each a text, found [1]"),
        ('names = ["x", "t"]', "header = 1", ":6: reader.header: expected true or false, found 1"),
        ("[channels.front]", "[channel.front]", ":8: channel: no such option (did you mean 'channels'?)"),
        ("factor", "faktor", ":11: channels.front.faktor: no such option (did you mean 'factor'?)"),
        ("factor = 2", "factor = 0", ":8: channels.front: factor must be a number other than 0, got 0"),
        ("factor = 2", 'factor = "2"', ":11: channels.front.factor: expected a number, found '2'"),
        ("factor = 2", "valid = [2, 1]", ":8: channels.front: valid must be [lowest, highest], got [2, 1]"),
        ('unit = "g"', "", ":8: channels.front.unit: missing, expected a text"),
        ('unit = "g"', 'unit = "gee"', ":8: channels.front: unknown unit 'gee', expected one of: "),
        (
            "[sample_rate]\nvalue = 1000",
            "",
            ":1: sample_rate: missing; a recording without a stated sample rate cannot",
        ),
        ("value = 1000", "", ":13: sample_rate: expected at least one of: value, variable, files, labels"),
        ("value = 1000", "value = -1", ":13: sample_rate: expected a positive rate, found -1"),
        ("value = 1000", "value = nan", ":13: sample_rate: expected a positive rate, found nan"),
        ("value = 1000", "value = true", ":14: sample_rate.value: expected a number, found true"),
        (
            "value = 1000",
            'files = { "*" = "1" }',
            ":14: sample_rate.files: expected a table, each a number, found a table",
        ),
        ("value = 1000", 'labels = "a.csv"', ":13: sample_rate: labels and column belong together"),
        ("value = 1000", 'value = 1000\nunit = "g"', ":15: sample_rate.unit: expected 'Hz' or 'kHz', found 'g'"),
        ('unit = "rpm"', "", ":16: conditions.shaft_hz.unit: missing, expected a text"),
        ("[conditions.shaft_hz]", "[conditions.front]", ":16: conditions.front: a channel has this name too"),
        ('variable = "t"', 'variable = "t"\nfile_name = "%Y"', ":20: start: expected exactly one of time, file_name"),
        ('variable = "t"', 'file_number = "a.csv"', ":20: start: file_number needs one star and a positive step_s"),
        ('variable = "t"', "time = 2021-08-18", ":21: start.time: expected a date and time, found 2021-08-18"),
        ('"{stem}"', '"{name}"', ":1: asset: expected only {stem}, {folder} in braces, found {name}"),
        ('"{stem}"', '"{"', ":1: asset: expected a text with {stem}, {folder}, found '{'"),
        ('"{stem}"', '""', ":1: asset: expected a name, found an empty one"),
        ('"{stem}"', "7", ":1: asset: expected a text, found 7"),
        ('asset = "{stem}"', "", ":1: asset: missing, every layout needs it"),
        ("[channels.front]", "[channels]\nfront = 1\n[conditions.b]", ":9: channels.front: expected a table, found 1"),
        ("[start]", "start", ":20: no valid TOML: "),
    ],
)
def test_a_wrong_layout_is_said(tmp_path, old, new, message):
    assert old in LAYOUT
    path = tmp_path / "a.toml"
    path.write_text(LAYOUT.replace(old, new, 1))
    with pytest.raises(LayoutError) as caught:
        load_layout(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_an_absent_layout_is_said(tmp_path):
    with pytest.raises(LayoutError, match=r"absent\.toml: cannot be read: No such file"):
        load_layout(tmp_path / "absent.toml")
