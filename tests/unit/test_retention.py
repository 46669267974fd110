"""Holds on old rows."""

from datetime import UTC, datetime

from otel_pipeline import retention

PLAIN = "MergeTree PARTITION BY Hour ORDER BY x TTL toDateTime(Timestamp) + toIntervalDay(30) SETTINGS a = 1"
NOW = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)
HELD = "greatest(toDateTime(Timestamp), toDateTime('2026-05-01 10:00:00', 'UTC')) + toIntervalDay(30)"


def test_a_hold_is_put_on_and_moved_on():
    assert retention.days(PLAIN) == 30
    assert retention.held(PLAIN, NOW) == HELD
    assert retention.held(f"MergeTree TTL {HELD} SETTINGS a = 1", NOW) == HELD


def test_a_new_retention_keeps_the_hold():
    assert retention.renewed("Hour + toIntervalDay(9)", PLAIN) == "Hour + toIntervalDay(9)"
    renewed = retention.renewed("toDateTime(Timestamp) + toIntervalDay(9)", f"MergeTree TTL {HELD} SETTINGS a = 1")
    assert renewed == HELD.replace("30)", "9)")


def test_a_table_without_ttl_is_kept():
    assert retention.days("MergeTree ORDER BY x") is None
