"""Dead and dripping devices cost their neighbors next to nothing; all 64 of them: `python -m benchmarks.fairness`."""

from benchmarks.fairness import fairness


def test_healthy_devices_keep_their_poll_rate_beside_dead_and_dripping_ones():
    for name, found in fairness(minutes=10, units=8).items():
        assert min(found.kept.values()) >= 0.95, name
        assert len(found.kept) == 6
        assert 0 < found.timeouts <= found.periods, "a dead device costs at most one time-out a back-off period"


def test_from_the_first_minute_on_when_back_off_is_short_and_limits_are_learned():
    for name, found in fairness(minutes=1).items():
        assert min(found.kept.values()) >= 0.95, name
        assert len(found.kept) == 24
        assert 0 < found.timeouts <= found.periods
