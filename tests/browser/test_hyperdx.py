"""HyperDX inside the local server: a stranger's browser opens it on our tables, no form, nothing to choose."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from otel_pipeline.clickhouse import Database
from otel_pipeline.links import search_url, trace_url
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OLD_TRACE = "00f067aa0ba902b70102030405060708"
LOGS = """INSERT INTO otel_logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body)
SELECT {at:DateTime64(9)}, {trace:String}, '0000000000000001', 'ERROR', 17, 'payment',
    'card ' || toString(number) || ' declined'
FROM numbers(5)"""
SPANS = """INSERT INTO otel_traces
    (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode)
SELECT {at:DateTime64(9)}, {trace:String},
    leftPad(toString(number + 1), 16, '0'), if(number = 0, '', '0000000000000001'),
    ['POST /checkout', 'authorize card', 'SELECT stock'][number + 1], 'Server',
    ['storefront', 'payment', 'inventory'][number + 1], 100000000, ['Unset', 'Error', 'Unset'][number + 1]
FROM numbers(3)"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, datetime]]:
    """A server with a trace of two minutes ago and one of twenty days ago."""
    recent = datetime.now(UTC) - timedelta(minutes=2)
    old = recent - timedelta(days=20)
    with temporary_server(tmp_path_factory.mktemp("hyperdx")) as settings, Database(settings) as db:
        for trace, at in ((TRACE, recent), (OLD_TRACE, old)):
            for statement in (LOGS, SPANS):
                db.client.command(statement, parameters={"trace": trace, "at": at.replace(tzinfo=None)})
        yield settings, old


def test_it_opens_on_the_logs(filled: tuple[Settings, datetime], page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    settings, _ = filled
    page.goto(f"http://127.0.0.1:{settings.clickhouse_port}/clickstack")
    expect(page.get_by_text("card 3 declined")).to_be_visible()
    expect(page.get_by_text("Timestamp (UTC)")).to_be_visible()
    expect(page.get_by_text("5 Results")).to_be_visible()
    assert any(url.endswith("/__ENV.js") for url in requested)
    outside = [url for url in requested if "://127.0.0.1" not in url and not url.startswith(("data:", "blob:"))]
    assert not outside


def test_a_link_opens_a_trace_in_the_waterfall(filled: tuple[Settings, datetime], page: Page) -> None:
    settings, _ = filled
    page.goto(trace_url(settings, TRACE))
    expect(page.get_by_text("3 spans, 5 logs")).to_be_visible()
    for row in ("storefront | POST /checkout", "payment | authorize card", "inventory | SELECT stock"):
        expect(page.get_by_role("button", name=row).first).to_be_visible()
    # The failed span, and the log lines of severity ERROR.
    expect(page.get_by_text("6 errors")).to_be_visible()
    expect(page.get_by_role("button", name="payment | card 0 declined").first).to_be_visible()


def test_a_link_with_a_time_opens_an_old_trace(filled: tuple[Settings, datetime], page: Page) -> None:
    settings, old = filled
    page.goto(trace_url(settings, OLD_TRACE, at=old))
    expect(page.get_by_text("3 spans, 5 logs")).to_be_visible()


def test_a_link_opens_a_search_of_a_window(filled: tuple[Settings, datetime], page: Page) -> None:
    settings, old = filled
    around = (old - timedelta(minutes=5), old + timedelta(minutes=5))
    page.goto(search_url(settings, "traces", *around, where="ServiceName = 'inventory'"))
    expect(page.get_by_text("1 Results")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("SELECT stock").first).to_be_visible()
