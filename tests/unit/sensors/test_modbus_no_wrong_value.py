"""No wrong value is ever published, whatever happens on the line: the sample of 20,000 transactions.

A million of them: `python -m benchmarks.wrong_values`.
"""

import pytest

from benchmarks.wrong_values import SCHEMES, wrong_values
from sensors.modbus.line import Line
from sensors.modbus.owed import Owed


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_third_of_all_transactions_meets_a_fault_and_no_value_is_wrong(scheme):
    found = wrong_values(scheme, 20_000 // len(SCHEMES), seed=1)
    assert found.published + found.failed == 20_000 // len(SCHEMES)
    assert found.published > 0.5 * (found.published + found.failed), "the healthy two thirds mostly arrive"
    assert min(found.faults.values()) > 30, "every fault was met"
    assert found.wrong == 0
    assert found.uncounted == 0


async def nothing(*_):
    """What a client does that trusts function, length and checksum alone."""


def test_the_proof_would_notice_late_replies(monkeypatch):
    """Without the silence after a reply, and without the question that brings a unit back into step, it does."""
    monkeypatch.setattr(Line, "_undisturbed", nothing)
    monkeypatch.setattr(Owed, "ambiguous", lambda *_: False)
    assert wrong_values("rtu", 4000).wrong > 0
