"""What every reader must do, whatever its format."""

import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.errors import RecordingError
from sensors.readers.delimited import DelimitedReader
from sensors.readers.mat import MatReader
from sensors.readers.npz import NpzReader
from sensors.readers.wav import WavReader
from sensors.source import Reader

CHANNELS = {"1": np.sin(np.arange(200) / 7), "2": np.cos(np.arange(200) / 5) / 2}


@dataclass(frozen=True)
class Case:
    """A reader, and how a file of its kind is written."""

    reader: Reader
    write: Callable[[Path], None]


def write_mat(path: Path, compressed: bool = True) -> None:
    from scipy.io import savemat

    savemat(
        path, {f"x{name}": samples for name, samples in CHANNELS.items()}, do_compression=compressed, appendmat=False
    )


def write_wav(path: Path) -> None:
    data = np.stack(list(CHANNELS.values()), axis=1).astype("<f8").tobytes()
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 2, 1000, 16_000, 16, 64)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", len(data)) + data
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)


def write_csv(path: Path) -> None:
    rows = zip(*CHANNELS.values(), strict=True)
    path.write_text("x1,x2\n" + "".join(f"{a!r},{b!r}\n" for a, b in ((float(a), float(b)) for a, b in rows)))


def write_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **{f"x{name}": samples for name, samples in CHANNELS.items()})


CASES = {
    "mat": Case(MatReader(), write_mat),
    "mat_plain": Case(MatReader(), lambda path: write_mat(path, compressed=False)),
    "wav": Case(WavReader(), write_wav),
    "delimited": Case(DelimitedReader(), write_csv),
    "npz": Case(NpzReader(), write_npz),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def file(case: Case, tmp_path: Path) -> Path:
    path = tmp_path / "recording"
    case.write(path)
    return path


def test_every_shipped_reader_is_held_to_this_contract():
    shipped = {entry.load() for entry in entry_points(group="sensors.reader") if entry.value.startswith("sensors.")}
    assert shipped == {type(case.reader) for case in CASES.values()}


def test_what_was_written_is_read(case, file):
    variables = case.reader.read(file, ["*1", "*2"])
    assert len(variables) == 2
    for name, samples in variables.items():
        np.testing.assert_array_equal(samples, CHANNELS[name[-1]])
        assert samples.ndim == 1
        assert samples.dtype.kind == "f"


def test_only_what_is_wanted_is_read(case, file):
    assert [name[-1] for name in case.reader.read(file, ["*2"])] == ["2"]


def test_patterns_mind_the_case_and_absent_ones_are_absent(case, file):
    assert case.reader.read(file, ["X1", "X2", "none", "nested.none"]) == {}
    assert case.reader.read(file, []) == {}


def test_an_absent_file_is_said_in_one_line(case, tmp_path):
    with pytest.raises(RecordingError, match=r"absent: cannot be read: No such file") as caught:
        case.reader.read(tmp_path / "absent", ["*"])
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_recording(case, tmp_path):
    with pytest.raises(RecordingError, match="cannot be read"):
        case.reader.read(tmp_path, ["*"])


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00" * 600, b"RIFF", b"PK\x03\x04", b"MATLAB 5.0 MAT-file\n"])
def test_what_is_no_recording_is_refused_in_one_line(case, tmp_path, content):
    path = tmp_path / "recording"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        case.reader.read(path, ["*"])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def read_or_refused(reader: Reader, path: Path) -> dict[str, np.ndarray]:
    """What is read; a refusal must be one line that names the file."""
    message = ""
    try:
        return dict(reader.read(path, ["*1", "*2"]))
    except RecordingError as problem:
        message = str(problem)
    assert str(path) in message
    assert "\n" not in message
    return {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused_or_gives_what_is_left_of_it(case, file, tmp_path, share):
    content = file.read_bytes()
    path = tmp_path / "truncated"
    path.write_bytes(content[: int(share * len(content))])
    for name, samples in read_or_refused(case.reader, path).items():
        whole = CHANNELS[name[-1]]
        assert samples.size <= whole.size
        np.testing.assert_array_equal(samples[:-1], whole[: samples.size - 1])  # the last number may be cut too


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_an_overwritten_byte_is_refused_or_read_but_nothing_else(case, file, tmp_path, share, byte):
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] = byte
    path = tmp_path / "overwritten"
    path.write_bytes(content)
    read_or_refused(case.reader, path)


@pytest.mark.parametrize("kind", ["mat", "mat_plain", "wav", "npz"])
def test_a_binary_file_that_lost_its_end_is_refused(kind, tmp_path):
    path = tmp_path / "recording"
    CASES[kind].write(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordingError):
        CASES[kind].reader.read(path, ["*1", "*2"])


def test_nan_and_infinity_are_read_as_they_are(tmp_path):
    samples = np.array([1.0, np.nan, np.inf, -np.inf])
    np.savez(tmp_path / "a.npz", x=samples)
    (tmp_path / "a.csv").write_text("x\n1\nNaN\ninf\n-Inf\n")
    for reader, name in ((NpzReader(), "a.npz"), (DelimitedReader(), "a.csv")):
        np.testing.assert_array_equal(reader.read(tmp_path / name, ["x"])["x"], samples)


def test_a_zip_without_arrays_has_no_variables(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert NpzReader().read(tmp_path / "a.npz", ["*"]) == {}
