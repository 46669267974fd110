"""Plain SQL over the shop's telemetry finds each scenario at the service that the ledger names."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from load.faults import FaultControl
from load.scenarios import SCENARIOS, Scenario
from load.signatures import look
from otel_pipeline.clickhouse import Database
from tests.support.customers import add, ask, checkout
from tests.support.otlp_sink import OtlpSink
from tests.support.shop import Shop
from tests.support.shop_fixtures import seen_fixture, shop_fixture, sink_fixture  # noqa: F401
from tests.support.store import store

FASTER = {
    "cascade_failure": {"mb_per_s": 60.0, "limit_mb": 70.0},
    "latency_drift": {"rows_per_s": 20_000},
    "noisy_neighbour": {"per_s": 20.0},
    "segment_fault": {"country": "KR", "app_version": "5.1.0"},
}


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


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_broken_service_stands_out(
    shop: Shop, seen: Callable[[], OtlpSink], database: Database, scenario: Scenario
) -> None:
    control = FaultControl(shop.url)
    before = datetime.now(UTC)
    shop_around(shop, "quiet", 4)
    shop.counts()
    time.sleep(max(0.0, 1.2 - (datetime.now(UTC) - before).total_seconds()))  # some query counts by the second
    with control.fault(scenario.name, **FASTER.get(scenario.name, {})) as record:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            shop_around(shop, scenario.name, 2)
        shop.counts()
    end = datetime.now(UTC) + timedelta(seconds=5)
    store(seen(), database)
    found = look(database, scenario, before, record.started, end)
    assert found.seen, found
