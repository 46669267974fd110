"""Which baseline versions exist."""

from datetime import UTC, datetime, timedelta

from otel_pipeline.detection import baseline

START = datetime(2026, 3, 1, 14, 5, 17, tzinfo=UTC)


def test_windows_of_a_new_system_double_and_then_come_daily():
    ends = baseline.ends([START], START - timedelta(hours=1), START + timedelta(days=3))
    minutes = [(end - START.replace(second=0)) / timedelta(minutes=1) for end in ends]
    assert minutes[:5] == [2, 4, 8, 16, 32]
    assert [end for end in ends if end.hour == end.minute == 0] == [
        datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 4)
    ]
    assert max(m for end, m in zip(ends, minutes, strict=True) if end.minute or end.hour) < 24 * 60


def test_a_service_that_comes_later_has_windows_of_its_own_unless_it_comes_with_another():
    later = START + timedelta(hours=30)
    alone = baseline.ends([START], later, later + timedelta(minutes=5))
    both = baseline.ends([START, START + timedelta(minutes=1), later], later, later + timedelta(minutes=5))
    assert alone == []
    assert len(both) == 2


def test_hours_share_no_version():
    hours = [START.replace(minute=0, second=0) + timedelta(hours=h) for h in range(48)]
    pieces = [baseline.ends([START], hour, hour + timedelta(hours=1)) for hour in hours]
    whole = baseline.ends([START], hours[0], hours[-1] + timedelta(hours=1))
    assert [end for piece in pieces for end in piece] == whole


def test_names_that_are_never_twice_the_same_make_few_versions():
    minutes = [START + timedelta(minutes=m) for m in range(3 * 24 * 60)]
    day = baseline.ends(minutes, START + timedelta(days=1), START + timedelta(days=2))
    hour = baseline.ends(minutes, START, START + timedelta(hours=1))
    assert len(baseline.epochs(minutes[: 24 * 60])) <= 40
    assert (len(day), len(hour)) <= (400, 30)


def test_what_is_new_once_in_a_while_is_learned_within_minutes():
    for number in range(3):
        release = START + timedelta(days=2, hours=5 * number)
        known = [START, *(START + timedelta(days=2, hours=5 * n) for n in range(number + 1))]
        assert baseline.ends(known, release, release + timedelta(minutes=5))[0] <= release + timedelta(minutes=2)
