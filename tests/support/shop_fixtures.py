"""Fixtures of a running shop and of the sink that it reports to, one pair for a page of tests."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.otlp_sink import OtlpSink
from tests.support.shop import Shop


@pytest.fixture(scope="module", name="sink")
def sink_fixture() -> Iterator[OtlpSink]:
    """Where the shop's telemetry goes."""
    with OtlpSink() as sink:
        yield sink


@pytest.fixture(scope="module", name="shop")
def shop_fixture(sink: OtlpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The five services, started anew for the page."""
    with Shop(tmp_path_factory.mktemp("shop"), sink.url) as shop:
        yield shop


@pytest.fixture(name="seen")
def seen_fixture(shop: Shop, sink: OtlpSink) -> Callable[[], OtlpSink]:
    """Forgets what came before; call it to have everything emitted since."""
    shop.counts()
    sink.clear()

    def after() -> OtlpSink:
        shop.counts()
        return sink

    return after
