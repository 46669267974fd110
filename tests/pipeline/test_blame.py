"""Whom to blame, by what services say."""

from datetime import timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame
from otel_pipeline.detection.causes import Suspect
from otel_pipeline.detection.model import Window
from tests.support.traffic import YESTERDAY

BEFORE = Window(YESTERDAY, YESTERDAY + timedelta(seconds=60))
DURING = Window(YESTERDAY + timedelta(seconds=70), YESTERDAY + timedelta(seconds=130))


def suspect(service: str, score: float, calls: tuple[str, ...] = ()) -> Suspect:
    """A service that behaves oddly."""
    return Suspect(service, score, score, 0, 0, visits=60, odd_visits=30, slower=1, longer=1, calls=frozenset(calls))


def say(db: Database, window: Window, left: int) -> None:
    """Sixty lines of the stock, one a second."""
    times = [window.start + timedelta(seconds=second) for second in range(60)]
    rows = [[at, f"t{at:%M%S}", "stock", "INFO", f"checked article: {left + n % 3} left"] for n, at in enumerate(times)]
    db.insert("otel_logs", rows, ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"])


def test_who_says_something_else_comes_before_who_believes_it(database: Database):
    say(database, BEFORE, 4000)
    say(database, DURING, 0)
    suspects = [suspect("cart", 9, ("stock",)), suspect("stock", 1)]
    first = blame.believed(database, DURING, [BEFORE], suspects)
    assert [s.service for s in first] == ["stock", "cart"]
    assert "left" in blame.rank(first, [])[0].why
    for others in ([suspect("cart", 9), suspect("stock", 1)], [suspect("cart", 3, ("stock",)), suspect("stock", 1)]):
        assert blame.believed(database, DURING, [BEFORE], others) == others


def test_who_says_the_same_as_before_is_not_blamed_for_it(database: Database):
    say(database, BEFORE, 4000)
    say(database, DURING, 4000)
    suspects = [suspect("cart", 9, ("stock",)), suspect("stock", 1)]
    assert blame.believed(database, DURING, [BEFORE], suspects) == suspects
    assert blame.believed(database, DURING, [], suspects) == suspects
    assert blame.believed(database, DURING, [BEFORE], []) == []
