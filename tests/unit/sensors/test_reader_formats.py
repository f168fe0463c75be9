"""What is particular to each format."""

import struct

import numpy as np
import pytest
from scipy.io import savemat

from sensors.errors import RecordingError
from sensors.readers.delimited import DelimitedReader
from sensors.readers.mat import MatReader
from sensors.readers.npz import NpzReader
from sensors.readers.wav import WavReader

GS = np.linspace(-1, 1, 50)


# MATLAB


@pytest.fixture(params=[True, False], ids=["compressed", "plain"])
def mat(request, tmp_path):
    content = {
        "bearing": {"gs": GS, "sr": 97656.0, "load": 270, "note": "outer race", "rig": {"rate": 25.0}},
        "runs": np.array([(1.0, "a"), (2.0, "b")], dtype=[("x", object), ("y", object)]),
        "cells": np.array([GS[:3], "text", 7], dtype=object),
        "matrix": np.arange(6, dtype=np.int16).reshape(3, 2),
        "row": GS[None, :].astype(np.float32),
        "yes": True,
        "wave": GS + 1j,
        "none": np.zeros((0, 0)),
    }
    path = tmp_path / "a.mat"
    savemat(path, content, do_compression=request.param)
    return path


def test_structs_cells_and_matrices_have_paths(mat):
    read = MatReader().read(
        mat, ["bearing.*", "runs.*", "cells.*", "matrix.*", "row", "yes", "none", "absent", "bearing.gs.absent"]
    )
    assert list(read) == [
        "bearing.gs",
        "bearing.sr",
        "bearing.load",
        "bearing.rig.rate",
        "runs.1.x",
        "runs.2.x",
        "cells.1",
        "cells.3",
        "matrix.1",
        "matrix.2",
        "row",
        "yes",
        "none",
    ]
    np.testing.assert_array_equal(read["bearing.gs"], GS)
    np.testing.assert_array_equal(read["matrix.2"], [1, 3, 5])
    np.testing.assert_array_equal(read["row"], GS.astype(np.float32))
    assert [float(read[name][0]) for name in ("bearing.sr", "bearing.rig.rate", "runs.2.x")] == [97656, 25, 2]
    assert read["none"].size == 0


@pytest.mark.parametrize("pattern", ["bearing.gs", "b*gs", "bear*", "*.gs", "*ng.gs"])
def test_a_nested_variable_is_found_by_a_glob(mat, pattern):
    assert "bearing.gs" in MatReader().read(mat, [pattern])


def test_complex_numbers_are_refused(mat):
    with pytest.raises(RecordingError, match=r"a\.mat: wave: expected real numbers .* found complex128"):
        MatReader().read(mat, ["wave"])


@pytest.mark.parametrize("content", [b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n..."])
def test_matlab_7_3_is_refused_with_a_way_out(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.mat: is a MATLAB 7\.3 \(HDF5\) file.*'-v7'"):
        MatReader().read(tmp_path / "a.mat", ["*"])


# sound


def wav(kind, bits, data, rate=44_100, channels=1, extensible=False):
    block = channels * bits // 8
    header = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * block, block, bits)
    if extensible:
        header += struct.pack("<HHIH", 22, bits, 0, kind) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def little(values, size):
    return b"".join(int(value).to_bytes(size, "little", signed=True) for value in values)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits", "data"),
    [
        (1, 8, bytes([0, 128, 192])),
        (1, 16, little([-(2**15), 0, 2**14], 2)),
        (1, 24, little([-(2**23), 0, 2**22], 3)),
        (1, 32, little([-(2**31), 0, 2**30], 4)),
        (3, 32, np.array([-1, 0, 0.5], "<f4").tobytes()),
        (3, 64, np.array([-1, 0, 0.5], "<f8").tobytes()),
    ],
)
def test_every_sample_format_has_full_scale_one(tmp_path, kind, bits, data, extensible):
    (tmp_path / "a.wav").write_bytes(wav(kind, bits, data, extensible=extensible))
    read = WavReader().read(tmp_path / "a.wav", ["1", "sample_rate"])
    np.testing.assert_array_equal(read["1"], [-1, 0, 0.5])
    np.testing.assert_array_equal(read["sample_rate"], [44_100])


def test_channels_are_interleaved(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(1, 24, little([1 << 22, -1 << 22, 0, 1 << 21], 3), channels=2))
    read = WavReader().read(tmp_path / "a.wav", ["?"])
    assert {name: samples.tolist() for name, samples in read.items()} == {"1": [0.5, 0], "2": [-0.5, 0.25]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav(1, 16, b""), "has zero samples"),
        (wav(1, 16, b"abc"), "data must be whole samples of 2 bytes, found 3 bytes"),
        (wav(2, 4, b"abcd"), "format 2 of 4 bit cannot be read"),
        (wav(1, 16, b"abcd")[:-2], "cut off: chunk 'data' must have 4 bytes, found 2"),
        (wav(1, 16, b"abcd", rate=0), "format contradicts itself"),
        (b"RIFX" + wav(1, 16, b"abcd")[4:], "must begin with RIFF"),
    ],
)
def test_a_wrong_sound_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(RecordingError, match=message):
        WavReader().read(tmp_path / "a.wav", ["*"])


# text in columns


def read(tmp_path, text, wanted, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {name: values.tolist() for name, values in DelimitedReader(**options).read(path, wanted).items()}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,b\n1,2.5\n3,-4e1\n", {}),
        ("\ufeffa;b\r\n1;2,5\r\n3;-4e1\r\n", {"delimiter": ";", "decimal": ","}),
        ("rig 7\n\n a  b\n1 \t 2.5\n\n  3 -40\n", {"delimiter": "whitespace", "skip": 1}),
        ("1,2.5\n3,-40", {"header": False, "names": ("a", "b")}),
        ("x,y\n1,2.5\n3,-40", {"names": ("a", "b")}),
        ('"a","b"\n"1","2.5"\n3,-40\n', {}),
        ("a\tb\n1\t2.5\n3\t-40\n", {"delimiter": "\t"}),
    ],
)
def test_dialects(tmp_path, text, options):
    assert read(tmp_path, text, ["a", "b"], **options) == {"a": [1, 3], "b": [2.5, -40]}


def test_columns_by_number(tmp_path):
    assert read(tmp_path, "a,b,c\n1,2,3\n", ["3", "1", "9", "0"]) == {"3": [3], "1": [1]}
    assert read(tmp_path, "1,2,3\n", ["3", "1"], header=False) == {"1": [1], "3": [3]}


def test_a_name_with_brackets_is_no_glob(tmp_path):
    assert read(tmp_path, "x [g],y [g]\n1,2\n", ["x [g]"]) == {"x [g]": [1]}


def test_an_empty_cell_is_a_missing_value(tmp_path):
    assert str(read(tmp_path, "a,b\n1,\n,2\n", ["a", "b"])) == "{'a': [1.0, nan], 'b': [nan, 2.0]}"


def test_the_time_may_be_written_or_counted_in_columns(tmp_path):
    text = "day,clock,x\n2021-08-18,06:31:00.5,1\n2021-08-18,07:01:00.0,2\n"
    options = {"time_columns": ("day", "clock"), "time_format": "%Y-%m-%d %H:%M:%S.%f"}
    assert read(tmp_path, text, ["*"], **options) == {"x": [1, 2], "time": [1629268260.5, 1629270060.0]}
    text = "9,39,39,65664,0.5\n9,39,39,1.6562e+005,0.6\n"
    options = {"header": False, "time_columns": ("1", "2", "3", "4"), "time_units": ("h", "min", "s", "us")}
    times = read(tmp_path, text, ["time", "5"], **options)
    assert times["time"] == pytest.approx([34779.065664, 34779.16562])
    assert times["5"] == [0.5, 0.6]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n3,x\n", {}, "a.csv:3: column 'b': expected a number, found 'x'"),
        ("#\n\na,b\n1,2\n\n3,1_0\n", {"skip": 1}, "a.csv:6: column 'b': expected a number, found '1_0'"),
        ("b\n1.5\n", {"decimal": ",", "delimiter": ";"}, "a.csv:2: column 'b': expected a number, found '1.5'"),
        ("a,b\n1,2\n3\n", {}, "a.csv:3: expected 2 columns, found 1"),
        ("a,b\n", {}, "a.csv: has zero rows of numbers in 1 lines"),
        ("", {}, "a.csv: has zero rows of numbers in 0 lines"),
        ("1,2\n", {"header": False, "names": ("a", "b", "c")}, "a.csv:1: expected 3 columns (a, b, c), found 2"),
        ("b,b\n1,2\n", {}, "a.csv: two columns are named 'b'; ask for one of them by its number"),
        (b"b\n\xff\n", {}, "a.csv: must be text in utf-8:"),
        (
            "t,b\n2021-13-01,1\n",
            {"time_columns": ("t",), "time_format": "%Y-%m-%d"},
            "a.csv:2: column 't': expected a time as '%Y-%m-%d', found '2021-13-01'",
        ),
        ("b\n1\n", {"time_columns": ("t",), "time_units": ("s",)}, "a.csv: has no time column 't', there are: b"),
    ],
)
def test_wrong_text_is_refused_at_its_line(tmp_path, text, options, message):
    with pytest.raises(RecordingError) as caught:
        read(tmp_path, text, ["b", "time"], **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": ",,"},
        {"delimiter": ""},
        {"decimal": ","},
        {"decimal": ";"},
        {"skip": -1},
        {"time_columns": ("t",)},
        {"time_columns": ("t",), "time_format": "%Y", "time_units": ("s",)},
        {"time_columns": ("t",), "time_units": ("s", "ms")},
        {"time_columns": ("t",), "time_units": ("fortnight",)},
        {"encoding": "klingon"},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match=r"delimiter|decimal|skip|time|encoding"):
        DelimitedReader(**options)


# NumPy


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], dtype=object), y=GS)
    np.testing.assert_array_equal(NpzReader().read(tmp_path / "a.npz", ["y"])["y"], GS)
    with pytest.raises(RecordingError, match=r"a\.npz: damaged or no \.npz archive: Object arrays cannot be loaded"):
        NpzReader().read(tmp_path / "a.npz", ["x"])


def test_shapes_and_kinds_of_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", row=GS[None], scalar=np.int16(3), pair=np.stack([GS, -GS], axis=1), text=np.array("a"))
    variables = NpzReader().read(tmp_path / "a.npz", ["row", "scalar", "pair.2"])
    np.testing.assert_array_equal(variables["row"], GS)
    np.testing.assert_array_equal(variables["pair.2"], -GS)
    np.testing.assert_array_equal(variables["scalar"], [3])
    with pytest.raises(RecordingError, match="text: expected real numbers"):
        NpzReader().read(tmp_path / "a.npz", ["text"])
