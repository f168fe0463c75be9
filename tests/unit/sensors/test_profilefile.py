"""Profile files: every mistake is one line with file, line and key; the shipped profiles load."""

import pytest

from sensors.errors import ProfileError
from sensors.profilefile import load_profile, shipped_profiles

GOOD = """\
[device]
name = "rig"
order = "CDAB"

[[register]]
name = "shaft_hz"
address = 52
kind = "uint32"
unit = "rpm"

[[register]]
name = "running"
table = "coil"
address = 3

[capture]
timeout_s = 5
[capture.start]
address = 0
[capture.status]
address = 1
ready = 2
busy = [1]
[[capture.waveform]]
channel = "x"
address = 1000
count = 64
sample_rate = 1000
unit = "g"
kind = "float32"
order = "ABCD"
[capture.waveform.page]
address = 2
registers = 32
"""


def written(tmp_path, text):
    path = tmp_path / "rig.toml"
    path.write_text(text)
    return path


def test_a_profile_is_read_with_its_defaults(tmp_path):
    profile = load_profile(written(tmp_path, GOOD))
    assert [register.kind for register in profile.registers] == ["uint32", "bool"]
    assert profile.registers[0].order == "CDAB"  # of the device
    assert profile.capture is not None
    assert profile.capture.waveforms[0].order == "ABCD"  # its own
    assert profile.capture.waveforms[0].page is not None
    assert profile.device.block == 125


def test_the_shipped_profiles_load_by_name():
    assert {"demo_vibration", "wtvb02"} <= set(shipped_profiles())
    for name in shipped_profiles():
        assert load_profile(name).device.reference, f"{name} must say where its register map is from"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('unit = "rpm"', 'unit = "rpn"', 9, "register.0.unit: unknown unit 'rpn'"),
        ('unit = "rpm"', "scale = 0", 9, "register.0.scale: found 0, expected a finite number other than zero"),
        ('unit = "rpm"', "scale = nan", 9, "register.0.scale: found nan, expected a finite number"),
        ('unit = "rpm"', 'scale = "1"', 9, "register.0.scale: expected a number, found '1'"),
        ('unit = "rpm"', "scale = true", 9, "register.0.scale: expected a number, found true"),
        ('unit = "rpm"', "scal = 2", 9, "register.0.scal: no such option (did you mean 'scale'?)"),
        ("address = 52", "address = 65535", 7, "register.0.address: found holding 65535 (465536) and 2 registers"),
        ("address = 52", "address = 5.5", 7, "register.0.address: expected a whole number, found 5.5"),
        (
            "address = 52",
            f"address = {2**70}",
            7,
            "register.0.address: expected a whole number, found 1180591620717411303424",
        ),
        ("address = 52\n", "", 5, "register.0.address: missing, expected a whole number"),
        (
            "address = 52",
            "address = 0",
            7,
            "register.0.address: found holding 0 (40001), which capture.start takes already",
        ),
        ('order = "CDAB"', 'order = "up"', 3, "device.order: found 'up'"),
        ('order = "CDAB"', "block = 200", 3, "device.block: found 200, expected 1 to 125"),
        ('order = "CDAB"', "vendor = 1", 3, "device.vendor: no such option"),
        ('name = "rig"\n', "", 1, "device.name: missing, expected a text"),
        (
            "[capture.status]\naddress = 1\nready = 2\nbusy = [1]\n",
            "",
            16,
            "capture.status.address: missing, expected a whole number",
        ),
        ("busy = [1]", "busy = 1", 23, "capture.status.busy: expected a list, each a whole number, found 1"),
        ("busy = [1]", "busy = [1.5]", 23, "capture.status.busy: expected a list, each a whole number, found [1.5]"),
        ("busy = [1]", "busy = [2]", 22, "capture.status.ready: found [2, 2]"),
        ("timeout_s = 5", "timeout_s = -1", 17, "capture.timeout_s: found -1, expected a positive number of seconds"),
        ("timeout_s = 5", "timeout = 5", 17, "capture.timeout: no such option (did you mean 'timeout_s'?)"),
        (
            "sample_rate = 1000",
            "sample_rate = []",
            28,
            "capture.waveform.0.sample_rate: expected a number or a text, found []",
        ),
        ("sample_rate = 1000", 'sample_rate = "adc"', 28, "capture.waveform.0.sample_rate: found 'adc'"),
        ("registers = 32", "registers = 33", 34, "capture.waveform.0.page.registers: found 33"),
        ("registers = 32", "register = 32", 34, "capture.waveform.0.page.register: no such option"),
        ('[[register]]\nname = "running"', '[[registers]]\nname = "running"', 11, "registers: no such option"),
        ('name = "running"', 'name = "shaft_hz"', 12, "register.1.name: found 'shaft_hz' a second time"),
        ("[device]", "[device", 1, "no valid TOML"),
    ],
)
def test_every_mistake_is_one_line_with_file_line_and_key(tmp_path, old, new, line, message):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert str(caught.value).startswith(f"{path}:{line}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["register = 5", "register = [1]", "capture = 5", "device = 1", ""])
def test_tables_that_are_no_tables(tmp_path, text):
    rest = "[device]\nname = 'x'\n" if "device" not in text else ""
    path = written(tmp_path, f"{text}\n{rest}")
    with pytest.raises(ProfileError, match=r"rig\.toml:\d+: (register|capture|device): "):
        load_profile(path)


def test_an_unknown_name_lists_those_that_are_shipped():
    with pytest.raises(ValueError, match=r"^profile must be .* demo_vibration, .*wtvb02, got 'wtvb'"):
        load_profile("wtvb")


def test_an_absent_file_says_so(tmp_path):
    with pytest.raises(ProfileError, match=r"absent\.toml: cannot be read"):
        load_profile(tmp_path / "absent.toml")
