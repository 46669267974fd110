"""The shop on PostgreSQL: the same business, pools as real, and queries that are given up by the server."""

from collections.abc import Iterator

import pytest

from tests.support import shop_postgresql
from tests.support.customers import add, ask, checkout, named, visit_everything
from tests.support.otlp_sink import OtlpSink
from tests.support.processes import eventually
from tests.support.shop import Shop
from tests.support.shop_fixtures import sink_fixture  # noqa: F401


@pytest.fixture(scope="module")
def shop(sink: OtlpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The five services on a server of their own; without PostgreSQL on this machine the tests are skipped."""
    if why := shop_postgresql.missing():
        pytest.skip(why)
    with (
        shop_postgresql.postgresql() as url,
        Shop(tmp_path_factory.mktemp("shop"), sink.url, SHOP_DATABASE_URL=url) as running,
    ):
        yield running


def test_every_route_works_and_fails_as_ever(shop: Shop, sink: OtlpSink) -> None:
    visit_everything(shop)
    answer = ask(shop, "GET", "/products?category=rugs&sort=disputed")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_timeout")
    shop.counts()
    queries = [span for span in sink.spans if "db.query.summary" in span.attributes]
    assert {span.attributes["db.system.name"] for span in queries} == {"postgresql"}
    assert any(span.error and span.seconds > 2.4 for span in named(queries, "storefront", "SELECT products"))


def test_the_pool_is_as_bounded_and_as_exhausted(shop: Shop, sink: OtlpSink) -> None:
    def used() -> float:
        shop.counts()
        return max(v for s, name, a, v in sink.metrics if (s, name) == ("inventory", "db.client.connection.count")
                   and a["db.client.connection.state"] == "used")  # fmt: skip

    shop.switch("inventory", "payment_timeout", True)
    eventually(lambda: used() == 7, seconds=120)
    assert add(shop, session="s-pool").status_code == 200
    assert checkout(shop, session="s-pool").status_code in (502, 504)
    shop.switch("inventory", "payment_timeout", False)
    eventually(lambda: checkout(shop, session="s-pool").status_code == 200, seconds=120)
