"""Coverage-guided fuzzing of everything that decodes bytes from a line: no input raises anything but DecodeError."""

import subprocess
import sys

import pytest

HARNESS = """
import sys
import atheris

with atheris.instrument_imports(include=["sensors.modbus", "sensors.registers", "sensors.profile", "sensors.reading"]):
    from sensors.errors import DecodeError
    from sensors.modbus.answering import Refusal, answer
    from sensors.modbus.framing import Reply, Request
    from sensors.modbus.framing_ascii import AsciiFraming
    from sensors.modbus.framing_rtu import RtuFraming
    from sensors.modbus.framing_tcp import TcpFraming
    from sensors.modbus.pdu import exception_code, fifo_request, file_request, read_request, reply_words, write_request
    from sensors.profile import Register
    from sensors.registers import BCD_KINDS, KINDS, ORDERS

FRAMINGS = (TcpFraming(), RtuFraming(), AsciiFraming())
READS = (read_request("holding", 1, 4), read_request("coil", 1, 9), file_request(1, 0, 4), fifo_request(9))
REQUESTS = (*READS, write_request("holding", 1, [7]), write_request("coil", 1, [1, 0, 1]))
KIND = tuple(kind for kind in (*KINDS, *BCD_KINDS) if kind != "bool")


class Store:
    def read(self, table, address, count):
        raise Refusal(2)

    def write(self, table, address, values):
        raise Refusal(3)

    def read_file(self, file, record, count):
        raise Refusal(2)

    def read_fifo(self, address):
        raise Refusal(2)


def decode(data):
    made = atheris.FuzzedDataProvider(data)
    framing = FRAMINGS[made.ConsumeIntInRange(0, 2)]
    pdu = REQUESTS[made.ConsumeIntInRange(0, len(REQUESTS) - 1)]
    kind, order = KIND[made.ConsumeIntInRange(0, len(KIND) - 1)], ORDERS[made.ConsumeIntInRange(0, 3)]
    framed = made.ConsumeBool()
    received = made.ConsumeBytes(300)
    request = Request(7, pdu, 1)
    received = framing.frame(7, received, 1) if framed else received
    found = framing.scan(request, received)
    framing.next_request(received)
    if received:
        answer(received, Store())
    if isinstance(found, Reply) and pdu in READS and exception_code(found.pdu) is None:
        words = reply_words(pdu, found.pdu)
        try:
            Register("x", 0, kind=kind, order=order, plausible=(0.0, 1.0)).read(words)
        except DecodeError:
            pass


atheris.Setup(sys.argv, decode)
atheris.Fuzz()
"""


def test_no_bytes_raise_under_coverage_guided_fuzzing(tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed")
    (tmp_path / "fuzz.py").write_text(HARNESS)
    command = [sys.executable, "fuzz.py", "-runs=20000", "-seed=1", "-max_len=320", "-timeout=10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 20000 runs" in done.stderr
