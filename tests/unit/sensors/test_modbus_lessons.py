"""What was learned of a device can be told and read back."""

from hypothesis import given
from hypothesis import strategies as st

from sensors.modbus.lessons import lessons, recalled
from sensors.modbus.planner import Limits, Read

places = st.builds(
    Read, st.sampled_from(["holding", "input", "coil", "discrete"]), st.integers(0, 65000), st.integers(1, 200)
)
narrower = st.builds(Limits, st.integers(1, 125), st.integers(1, 2000), st.frozensets(places, max_size=4))


@given(narrower)
def test_lessons_recall_the_limits(limits):
    assert recalled(Limits(), lessons(limits, Limits())) == limits


def test_what_is_no_lesson_changes_nothing():
    assert recalled(Limits(), ["at most many registers a request", ""]) == Limits()
    assert lessons(Limits(), Limits()) == ()


def test_lessons_are_lines_for_people():
    limits = Limits(registers=32, forbidden=frozenset({Read("input", 11, 1), Read("holding", 7, 3)}))
    assert lessons(limits, Limits()) == (
        "at most 32 registers a request",
        "no request may touch holding 7 (40008) to holding 9 (40010)",
        "no request may touch input 11 (30012)",
    )
