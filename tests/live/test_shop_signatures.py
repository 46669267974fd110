"""Plain SQL over the shop's telemetry finds each scenario at the service that the ledger names."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from load.faults import FaultControl
from load.scenarios import SCENARIOS, Scenario
from load.signatures import Signature, look
from otel_pipeline.clickhouse import Database
from tests.support.customers import add, ask, checkout
from tests.support.otlp_sink import OtlpSink
from tests.support.shop import Shop
from tests.support.shop_fixtures import seen_fixture, shop_fixture, sink_fixture  # noqa: F401
from tests.support.store import store

FASTER = {
    "cascade_failure": {"mb_per_s": 60.0},
    "latency_drift": {"rows_per_s": 20_000},
    "noisy_neighbour": {"per_s": 20.0},
    "segment_fault": {"country": "KR", "app_version": "5.1.0"},
}
COUNTED = ("intermittent_error", "retry_storm", "wrong_content", "bad_deploy", "segment_fault")
"""Scenarios that are measured by counting, and not by a time that any machine may stretch."""

ROUNDS_S = 180
"""The longest that customers come until a fault shows: a bound for machines that hang, not a measure."""


def shop_around(shop: Shop, name: str, visits: int) -> None:
    """Customers: some by themselves, and pairs of requests for one cart at the same time."""
    for number in range(visits):
        session = f"s-{name}-{number}"
        ask(shop, "GET", "/products?category=rugs")
        ask(shop, "GET", "/products/3")
        pair = [threading.Thread(target=add, args=(shop, session)) for _ in range(2)]
        for one in pair:
            one.start()
        for one in pair:
            one.join()
        checkout(shop, session)


def look_now(
    seen: Callable[[], OtlpSink], database: Database, scenario: Scenario, before: datetime, start: datetime
) -> Signature:
    """Store what has come since the last look, and measure."""
    sink = seen()
    store(sink, database)
    sink.clear()
    return look(database, scenario, before, start, datetime.now(UTC) + timedelta(seconds=1))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_broken_service_stands_out(
    shop: Shop, seen: Callable[[], OtlpSink], database: Database, scenario: Scenario
) -> None:
    before = datetime.now(UTC)
    shop_around(shop, "quiet", 4)
    look_now(seen, database, scenario, before, before)
    with FaultControl(shop.url, token=shop.token).fault(scenario.name, **FASTER.get(scenario.name, {})) as record:
        deadline = time.monotonic() + ROUNDS_S
        while True:
            shop_around(shop, scenario.name, 2)
            found = look_now(seen, database, scenario, before, record.started)
            if found.seen:
                return
            assert time.monotonic() < deadline, found


def test_nothing_stands_out_where_nothing_is_broken(
    shop: Shop, seen: Callable[[], OtlpSink], database: Database
) -> None:
    before = datetime.now(UTC)
    shop_around(shop, "quiet", 4)
    start = datetime.now(UTC)
    shop_around(shop, "quiet", 4)
    found = [look_now(seen, database, s, before, start) for s in SCENARIOS if s.name in COUNTED]
    assert len(found) == len(COUNTED)
    assert not [signature for signature in found if signature.seen]
