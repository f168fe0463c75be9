"""One shape for every line: addresses, speeds, silences, and what is wrong with them."""

from pathlib import Path

import pytest

from sensors.modbus.settings import LineSettings


@pytest.mark.parametrize(
    ("address", "scheme", "resource", "framing"),
    [
        ("tcp://192.0.2.1", "tcp", "192.0.2.1:502", "tcp"),
        ("tls://plc.example", "tls", "plc.example:802", "tcp"),
        ("rtu+tcp://192.0.2.1:4001", "rtu+tcp", "192.0.2.1:4001", "rtu"),
        ("ascii+tcp://192.0.2.1:4001/", "ascii+tcp", "192.0.2.1:4001", "ascii"),
        ("rtu:///dev/ttyUSB0", "rtu", "/dev/ttyUSB0", "rtu"),
        ("ascii:///dev/serial/by-id/x", "ascii", "/dev/serial/by-id/x", "ascii"),
        ("tcp://[::1]:1502", "tcp", "::1:1502", "tcp"),
    ],
)
def test_an_address_says_scheme_resource_and_framing(address, scheme, resource, framing):
    settings = LineSettings(address)
    assert (settings.scheme, settings.resource, settings.framing.name) == (scheme, resource, framing)


def test_bytes_take_as_long_as_the_wires_need():
    """11 bits a character: start, 8 data, parity, stop (Modbus over Serial Line V1.02, 2.5.1)."""
    settings = LineSettings("rtu:///dev/x", baud=9600, parity="even")
    assert settings.byte_s == pytest.approx(11 / 9600)
    assert settings.gap_s == pytest.approx(3.5 * 11 / 9600)
    assert LineSettings("rtu:///dev/x", baud=115200).gap_s == pytest.approx(1.75e-3), "fixed above 19,200 baud"
    assert LineSettings("rtu:///dev/x", silence_s=0.02, turnaround_s=0.01).gap_s == pytest.approx(0.03)
    assert LineSettings("tcp://x").byte_s == LineSettings("tcp://x").gap_s == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "udp://x:502"}, "line must be one of tcp://HOST:502, .*; got 'udp://x:502'"),
        ({"address": "192.0.2.1:502"}, "line must be one of"),
        ({"address": "rtu+tcp://192.0.2.1"}, "line must be one of"),
        ({"address": "rtu://ttyUSB0"}, "line must be one of"),
        ({"address": "tcp://x:70000"}, "line must be one of"),
        ({"address": "rtu:///dev/x", "baud": 0}, "baud must be 50 to 4000000, got 0"),
        ({"address": "rtu:///dev/x", "parity": "E"}, "parity must be one of none, even, odd, got 'E'"),
        ({"address": "rtu:///dev/x", "stop_bits": 3}, "stop_bits must be 1 or 2, got 3"),
        ({"address": "rtu:///dev/x", "silence_s": -1.0}, "silence_s must be 0 or more seconds, got -1.0"),
        ({"address": "tls://x", "ca": "/nowhere.pem"}, "ca: no such file: /nowhere.pem"),
        ({"address": "tcp://x", "ca": __file__}, "ca belongs to a line tls://"),
        ({"address": "tls://x", "ca": __file__}, "ca: .* holds no certificate: "),
        ({"address": "tls://x", "certificate": __file__, "key": __file__}, "certificate: .* do not belong together: "),
        ({"address": "tls://x", "certificate": __file__}, "certificate and key belong together"),
    ],
)
def test_wrong_settings_are_one_line(options, message):
    paths = {name: Path(value) for name, value in options.items() if name in ("ca", "certificate", "key")}
    with pytest.raises(ValueError, match=f"^{message}"):
        LineSettings(**{**options, **paths})
