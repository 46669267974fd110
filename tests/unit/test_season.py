"""What comes every day or every week is a habit; what is new, much more or much stronger is not."""

import pytest

from otel_pipeline.detection.season import shown

QUIET = (0, 0.0)
ALIKE = (38, 5.5)


def days(*before: tuple[int, float]) -> dict[int, tuple[int, float]]:
    """Yesterday, the day before, and so on."""
    return dict(enumerate(before, 1))


def test_two_days_alike_are_a_habit():
    assert not shown(40, 5.0, {})
    assert not shown(40, 5.0, days(ALIKE))
    assert shown(40, 5.0, days(ALIKE, (41, 6.0)))
    assert shown(40, 5.0, days(ALIKE, QUIET, (41, 6.0), QUIET))
    assert not shown(40, 5.0, days(ALIKE, QUIET, QUIET, (41, 6.0), QUIET))
    assert not shown(40, 5.0, days((1, 5.5), (2, 6.0)))


def test_days_in_any_order_can_show_a_daily_habit():
    assert shown(40, 5.0, [ALIKE, QUIET, ALIKE])
    assert not shown(40, 5.0, [ALIKE])
    assert not shown(40, 5.0, [])


def test_stronger_than_ever_is_news_again():
    assert not shown(40, 9.0, days(ALIKE, (41, 5.9)))
    assert shown(40, 8.0, days(ALIKE, (41, 5.9)))


@pytest.mark.parametrize("weeks", [2, 3, 4, 6])
def test_two_weeks_alike_are_a_habit_however_quiet_the_days_between_are(weeks: int):
    every = dict.fromkeys(range(1, 7), QUIET) | {7 * week: ALIKE for week in range(1, weeks + 1)}
    assert shown(40, 5.0, every)
    assert not shown(40, 5.0, {**every, **{7 * week: QUIET for week in range(2, weeks + 1)}}), "last week alone"
    assert not shown(400, 5.0, every), "ten times as much"


def test_a_week_without_it_in_two_is_allowed_and_more_are_not():
    quiet = dict.fromkeys(range(1, 7), QUIET)
    assert shown(40, 5.0, {**quiet, 7: ALIKE, 14: QUIET, 21: ALIKE, 28: QUIET})
    assert not shown(40, 5.0, {**quiet, 7: QUIET, 14: ALIKE, 21: ALIKE, 28: QUIET, 35: QUIET})
