"""How single traces are scored: what is missing, what recurs, and a baseline that holds though a part is faulty."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, normal_centroid, trace_summaries
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.detection.staging import scratch
from tests.support.spans import Recorder
from tests.support.traffic import YESTERDAY, Traffic, span

START = YESTERDAY
VERSION = START.replace(hour=0)
SECONDS = 1800

Change = Callable[[float, random.Random], dict[str, float]]


def system(db: Database, change: Change = lambda _at, _dice: {}, optional: int = 0) -> None:
    """One request a second: the front calls a price and a stock service; ``optional`` further steps, each by chance.

    :param change: by second: "price_ms", "stocks" (how often the stock is asked).
    """
    traffic, dice = Traffic(), random.Random(3)
    for number in range(SECONDS):
        changed = change(number, dice)
        trace, now = f"{number:032x}", START + timedelta(seconds=number)
        price = changed.get("price_ms", dice.lognormvariate(3, 0.3))
        stocks = int(changed.get("stocks", 1))

        def add(name: str, parent: str, at: datetime, ms: float, service: str, operation: str, trace: str = trace):  # noqa: PLR0917
            span(traffic, trace=trace, name=name, parent=parent, start=at, ms=ms, service=service, operation=operation)

        add("a", "", now, price + 30, "front", "GET /")
        add("b", "a", now + timedelta(milliseconds=1), price + 2, "front", "ask price")
        add("c", "b", now + timedelta(milliseconds=2), price, "price", "price")
        for turn in range(stocks):
            at = now + timedelta(milliseconds=price + 5 + 4 * turn)
            add(f"d{turn}", "a", at, 3, "front", "ask stock")
            add(f"e{turn}", f"d{turn}", at + timedelta(milliseconds=1), 1, "stock", "stock")
        for step in range(optional):
            if dice.random() < 0.5:
                add(f"s{step}", "a", now + timedelta(milliseconds=price + 20), 1, "front", f"step {step}")
    traffic.write(db)
    trace_summaries.materialize(db, START)


def learn(db: Database, until: float = SECONDS) -> int:
    with scratch(db, 1) as (excluded,):
        db.run("normal_centroid__excluded", stage=excluded)
        learned = normal_centroid.learn(db, VERSION, [Window(START, START + timedelta(seconds=until))], excluded)
    anomaly_scores.materialize(db, START, version=VERSION)
    return learned


def anomalous(db: Database, first: float = 0, last: float = SECONDS) -> float:
    """Share of the traces of these seconds."""
    query = (
        "SELECT avg(Verdict = 'anomalous') FROM anomaly_scores"
        " WHERE Timestamp >= {a:DateTime64(3)} AND Timestamp < {b:DateTime64(3)}"
    )
    times = {"a": START + timedelta(seconds=first), "b": START + timedelta(seconds=last)}
    return db.client.query(query, parameters=times).first_row[0]


@pytest.mark.parametrize(("stocks", "words"), [(0, "missing: stock stock"), (3, "more than usual: stock stock")])
def test_calls_that_are_missing_or_repeated_are_told(database: Database, stocks: int, words: str):
    system(database, lambda at, _: {"stocks": stocks} if 1500 <= at < 1520 else {})
    learn(database, 1200)
    assert anomalous(database, 1500, 1520) == 1
    assert anomalous(database, 0, 1500) < 0.01
    query = "SELECT countIf(has(Reasons.What, {w:String})) FROM anomaly_scores WHERE Verdict = 'anomalous'"
    assert database.client.query(query, parameters={"w": words}).first_row[0] >= 20


@pytest.mark.parametrize("share", [0.05, 0.2, 0.35])
def test_a_baseline_holds_though_a_part_of_its_traces_is_faulty(database: Database, share: float):
    faulty = SECONDS * (1 - share)
    system(database, lambda at, dice: {"price_ms": dice.lognormvariate(4.5, 0.3)} if at >= faulty else {})
    assert learn(database) >= 0.5 * SECONDS
    assert anomalous(database, faulty + 20, SECONDS) > 0.75
    assert anomalous(database, 0, faulty) < 0.01


@pytest.mark.parametrize(("seconds", "odd"), [(300, 0), (1800, 1)])
def test_what_came_in_a_burst_is_learned_from_a_short_time_which_shows_no_recurring(
    database: Database, seconds: int, odd: float
):
    system(database, lambda at, _dice: {"stocks": 3} if 100 <= at < 108 else {})
    learn(database, seconds)
    assert anomalous(database, 100, 108) == odd


def test_what_varies_says_nothing(database: Database):
    system(database, lambda at, _: {"stocks": 0} if 1500 <= at < 1520 else {}, optional=12)
    learn(database, 1200)
    assert anomalous(database, 0, 1500) < 0.01
    assert database.client.query("SELECT quantile(0.9)(Calls) FROM anomaly_scores").first_row[0] < 1.5


def test_operations_that_are_seldom_called_and_always_alike_are_as_usual(database: Database):
    record = Recorder(START)
    names = [f"tick {number}" for number in range(12)]

    def one(name: str, at: float) -> None:
        record.span(record.trace(), "clock", name, at, record.about(3), kind="Server")

    record.every(0.4, SECONDS, lambda at: one(record.dice.choice(names), at))
    record.every(2, SECONDS, lambda at: one("look", at))
    record.write(database)
    trace_summaries.materialize(database, START)
    learn(database)
    query = "SELECT max(Conduct), max(Calls), countIf(Verdict IN ('normal', 'anomalous')) > 50 FROM anomaly_scores"
    assert database.client.query(query).result_rows == [(0.0, 0.0, 1)]


def test_what_comes_in_clumps_is_not_odd_for_coming_together(database: Database):
    asked = "SELECT otel_pipeline_context_v2(20, 60, 20), otel_pipeline_context_v2(20, 60, 2)"
    apart, together = database.client.query(asked).first_row
    assert (together, apart > 1) == (0, True)


def test_slowness_that_lasts_is_judged_in_the_light_of_the_minute_before(database: Database):
    def slower(at: float, dice: random.Random) -> dict[str, float]:
        slow = (1300 <= at < 1500 and at % 40 == 0) or 1600 <= at < 1800
        return {"price_ms": 1.9 * dice.lognormvariate(3, 0.3)} if slow else {}

    system(database, slower)
    learn(database, 1200)
    alone = sum(anomalous(database, at, at + 0.5) for at in range(1320, 1500, 40)) / 5
    assert anomalous(database, 1630, 1800) > 0.1 + alone
    assert anomalous(database, 0, 1300) < 0.01


def test_parts_of_an_hour_give_the_scores_of_the_whole(database: Database, monkeypatch: pytest.MonkeyPatch):
    system(database, lambda at, _: {"price_ms": 200} if 1500 <= at < 1560 else {})
    learn(database, 1200)
    scores = "SELECT TraceId, Score, Verdict FROM anomaly_scores ORDER BY TraceId"
    whole = database.client.query(scores).result_rows
    monkeypatch.setattr(anomaly_scores, "PART_TRACES", 170)
    anomaly_scores.materialize(database, START, version=VERSION)
    assert database.client.query(scores).result_rows == whole
    assert len(whole) == SECONDS and START + HOUR > START
