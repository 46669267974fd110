"""Which baselines there are, and when they are learned."""

from datetime import timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import HOUR, Window, utc
from tests.support.traffic import SPAN_COLUMNS, YESTERDAY, shop

MIDNIGHT = YESTERDAY.replace(hour=0)


def test_the_baseline_of_a_day_is_learned_though_nothing_came_after_midnight(database: Database):
    shop(MIDNIGHT - timedelta(seconds=150), 140, per_second=3).write(database)
    chain.run(database, None, Window(MIDNIGHT - HOUR, MIDNIGHT))
    found = database.client.query("SELECT DISTINCT BaselineVersion FROM normal_centroids ORDER BY 1").result_rows
    assert [utc(version) for (version,) in found][-1:] == [MIDNIGHT]


def test_what_comes_late_to_an_earlier_hour_is_learned_by_the_next_run_of_the_hours_after_it(database: Database):
    start = MIDNIGHT - timedelta(seconds=60)
    traffic = shop(start, 210, per_second=4)
    held = [row for row in traffic.spans if row[0] < MIDNIGHT and row[1][-1] in "13579bdf"]
    traffic.spans = [row for row in traffic.spans if row not in held]
    traffic.write(database)
    day = Window(MIDNIGHT - HOUR, MIDNIGHT + HOUR)
    chain.run(database, None, day, whole=False)
    learned = "SELECT max(Traces) FROM normal_centroids WHERE Holds = 'calibration' AND BaselineVersion > {m:DateTime}"
    before = database.client.query(learned, {"m": MIDNIGHT}).result_rows[0][0]
    database.insert("otel_traces", held, SPAN_COLUMNS)
    chain.run(database, None, day, whole=False)
    after = database.client.query(learned, {"m": MIDNIGHT}).result_rows[0][0]
    assert after > before
