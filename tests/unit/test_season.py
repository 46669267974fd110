"""What comes every day is a habit; what is new, much more or much stronger is not."""

from otel_pipeline.detection.season import shown

QUIET = (0, 0.0)


def test_two_days_alike_are_a_habit():
    assert not shown(40, 5.0, [])
    assert not shown(40, 5.0, [(38, 5.5)])
    assert shown(40, 5.0, [(38, 5.5), (45, 4.8)])


def test_a_habit_has_no_more_exceptions_than_rules():
    assert shown(40, 5.0, [(38, 5.5), (45, 4.8), QUIET, QUIET])
    assert not shown(40, 5.0, [(38, 5.5), (45, 4.8), QUIET, QUIET, QUIET])


def test_much_more_or_much_stronger_is_news():
    assert not shown(100, 5.0, [(38, 5.5), (45, 4.8)])
    assert not shown(40, 9.0, [(38, 5.5), (45, 4.8)])
