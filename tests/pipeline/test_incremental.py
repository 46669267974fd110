"""A live run computes only what new rows touch; the tables are those of a whole pass, in whatever order rows come."""

import random
from datetime import timedelta
from itertools import islice

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, lineage
from otel_pipeline.detection.model import Window
from tests.support.traffic import MS, YESTERDAY, Fault, Traffic, shop, span

START = YESTERDAY.replace(minute=56)  # across an hour
DAY = Window(YESTERDAY, YESTERDAY + timedelta(hours=2))
HOURS = list(DAY.hours())
LATE = 0.03  # share of rows that come with a batch later than their own
BATCHES = 5


def tables(db: Database) -> dict[str, tuple[int, str]]:
    """Rows and checksum by table."""
    return {row["table"]: (row["rows"], row["checksum"]) for row in lineage.checksums(db)}


def batches(traffic: Traffic, seconds: float, dice: random.Random) -> list[Traffic]:
    """The rows by the time of their arrival: most in order, some any number of batches later, some twice."""
    found = [Traffic() for _ in range(BATCHES)]
    for source, rows in (("spans", traffic.spans), ("lines", traffic.lines)):
        for row in rows:
            first = min(BATCHES - 1, int((row[0] - START).total_seconds() / seconds * BATCHES))
            number = dice.randint(first, BATCHES - 1) if dice.random() < LATE else first
            getattr(found[number], source).append(row)
            if source == "spans" and dice.random() < LATE / 10:
                getattr(found[dice.randint(number, BATCHES - 1)], source).append(row)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_what_comes_bit_by_bit_gives_the_tables_of_a_whole_pass(database: Database, seed: int):
    dice = random.Random(seed)
    seconds = 420
    traffic = shop(START, seconds, per_second=3, faults=(Fault(280, 330, fails="stock", share=0.8),), seed=seed)
    for batch in batches(traffic, seconds, dice):
        batch.write(database)
        if dice.random() < 0.5:  # a run that is killed between two steps
            for hour in HOURS:
                list(islice(chain.run_hour(database, None, hour, whole=False), dice.randrange(1, 6)))
        chain.run(database, None, DAY, whole=False)
    bit_by_bit = tables(database)
    chain.run(database, None, DAY, whole=False)
    assert tables(database) == bit_by_bit, "nothing new, nothing changed"
    chain.run(database, None, DAY)
    assert tables(database) == bit_by_bit
    assert bit_by_bit["anomaly_scores"][0] == 3 * seconds
    assert bit_by_bit["incidents"][0] >= 1


def test_only_what_the_new_rows_touch_is_written_again(database: Database):
    shop(START, 150, per_second=3).write(database)
    chain.run(database, None, DAY, whole=False)
    written = "SELECT count(), uniqExact(WrittenAt), min(WrittenAt), max(WrittenAt) FROM "
    before = {
        table: database.client.query(written + table).result_rows[0] for table in ("trace_summaries", "anomaly_scores")
    }
    late = Traffic()
    touched = database.client.query("SELECT TraceId FROM trace_summaries ORDER BY Timestamp DESC LIMIT 1").result_rows[
        0
    ][0]
    parent = database.client.query(
        "SELECT SpanId, Timestamp FROM otel_traces WHERE TraceId = {id:String} AND ParentSpanId = ''", {"id": touched}
    ).result_rows[0]
    at = START + timedelta(seconds=200)
    span(late, trace=touched, name="late", parent=parent[0], start=at, ms=1, service="stock", operation="afterwards")
    late.write(database)
    chain.run(database, None, DAY, whole=False)
    for table, (count, _, _, newest) in before.items():
        again = f"SELECT groupArray(TraceId) FROM {table} WHERE WrittenAt > {{newest:DateTime64(3)}}"
        assert database.client.query(again, {"newest": newest}).result_rows == [([touched],)]
        assert database.client.query(f"SELECT count() FROM {table}").result_rows == [(count,)]


def test_a_trace_whose_first_span_comes_late_moves_to_the_hour_before(database: Database):
    end = HOURS[1]
    traffic = shop(end - timedelta(seconds=60), 150, per_second=3)
    root = {"trace": "f" * 32, "service": "edge", "kind": "Server"}
    span(traffic, **root, name="b", parent="a", start=end + timedelta(seconds=1), ms=5, operation="GET /x")
    traffic.write(database)
    chain.run(database, None, DAY, whole=False)
    first = Traffic()
    span(first, **root, name="a", parent="", start=end - timedelta(seconds=1), ms=9000, operation="GET /edge")
    assert first.spans[0][7] == 9000 * MS
    first.write(database)
    chain.run(database, None, DAY, whole=False)
    where = f"SELECT Hour, Complete FROM trace_summaries WHERE TraceId = '{'f' * 32}'"
    assert database.client.query(where).result_rows == [(HOURS[0].replace(tzinfo=None), True)]
    moved = tables(database)
    chain.run(database, None, DAY)
    assert tables(database) == moved
