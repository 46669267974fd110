"""What marks an incident by slowness, on made-up traffic in a real engine, and what the memory makes of it."""

from dataclasses import replace
from datetime import timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, memory, pattern_check, reviews
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.signs import Sign, slowness
from otel_pipeline.investigate.engine import investigate
from tests.support.traffic import YESTERDAY, Fault, shop

START = YESTERDAY.replace(minute=2)
DAY = Window(START - timedelta(hours=1), START + timedelta(hours=3))


def window(first: float, last: float) -> Window:
    """By seconds since the traffic began."""
    return Window(START + timedelta(seconds=first), START + timedelta(seconds=last))


def clear(found: set[Sign]) -> set[tuple[str, str, str]]:
    """Kind, service and operation of the signs that mark something."""
    return {sign[:3] for sign in found if not sign.faint}


def test_what_is_slow_is_named_and_what_waits_for_it_is_not(database: Database):
    shop(START, 400, faults=(Fault(300, 350, slow="orders"),)).write(database)
    chain.run(database, None, DAY)
    found = slowness(database, window(300, 350))
    assert clear(found) == {("latency", "orders", "GET /orders"), ("delay", "orders", "GET /orders")}
    assert clear(slowness(database, window(200, 250))) == set()


def test_a_slow_way_is_a_delay_of_its_own(database: Database):
    traffic = shop(START, 400)
    inner = {row[2]: row for row in traffic.spans if row[5] == "Server" and row[6] == "stock"}
    for row in inner.values():  # the caller waits as long as ever, the callee needs next to nothing of it
        if 300 <= (row[0] - START).total_seconds() < 350:
            row[7] //= 20
    traffic.spans = [row for row in traffic.spans if row[3] not in inner]
    traffic.write(database)
    chain.run(database, None, DAY)
    found = slowness(database, window(300, 350))
    assert ("network", "stock", "orders") in clear(found)
    (delay,) = [sign for sign in found if sign.kind == "delay"]
    assert delay.words == "slow way from orders to stock"


def test_more_calls_than_usual_are_a_sign(database: Database):
    traffic = shop(START, 400)
    queries = [row for row in traffic.spans if row[6] == "stock" and row[5] != "Server"]
    assert queries
    for row in queries:
        if 300 <= (row[0] - START).total_seconds() < 350:
            traffic.spans += [[*row[:2], f"{row[2]}{again}", *row[3:]] for again in range(9)]
    traffic.write(database)
    chain.run(database, None, DAY)
    assert ("calls", "stock", queries[0][4]) in clear(slowness(database, window(300, 350)))


def test_slowness_is_known_again_and_other_slowness_is_not(database: Database):
    faults = (Fault(240, 280, slow="orders"), Fault(340, 380, slow="stock"), Fault(440, 480, slow="orders"))
    shop(START, 540, faults=faults).write(database)
    chain.run(database, None, DAY)
    noted = {pattern.service_name: pattern for pattern in memory.read(database)}
    assert {name: pattern.occurrence_count for name, pattern in noted.items()} == {"orders": 2, "stock": 1}
    reviews.confirm(database, str(noted["orders"].pattern_id), "an index is gone", "create it", who="kim")
    (again,) = investigate(database, window(430, 490)).known
    assert again.remedy == "create it"
    assert investigate(database, window(330, 390)).known == []
    # Its check looks for the slowness itself, in the window that is asked about.
    (orders,) = [pattern for pattern in memory.read(database) if pattern.service_name == "orders"]
    assert pattern_check.ask(database.settings, orders, window(440, 480)).holds
    assert not pattern_check.ask(database.settings, orders, window(180, 230)).holds
    elsewhere = replace(orders, Features=noted["stock"].Features)
    assert not pattern_check.ask(database.settings, elsewhere, window(440, 480)).holds
