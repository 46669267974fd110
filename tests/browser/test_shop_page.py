"""The shop's page: a visit is recorded, joined to the backend, free of what was typed, and can be replayed."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from load.browser_user import Typed, typed, visit
from otel_pipeline.clickhouse import Database
from otel_pipeline.demo.load import Load
from otel_pipeline.settings import Settings, load
from otel_pipeline.stack import Stack
from tests.support.processes import eventually

SLOW_MACHINE_S = 180
TOKEN = "token-of-the-intake"
WEB = """SELECT * FROM otel_traces
    WHERE ServiceName = 'shop-web' AND ResourceAttributes['rum.sessionId'] = {session:String}"""


@dataclass(frozen=True)
class Visit:
    """A visit that is stored."""

    settings: Settings
    db: Database
    form: Typed
    session: str

    def column(self, query: str, **parameters: object) -> list[str]:
        """First column of a query's rows."""
        known = {"session": self.session, **parameters}
        return [row[0] for row in self.db.client.query(query, parameters=known).result_rows]


@pytest.fixture(scope="module")
def visited(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A customer whose first card was refused, and the second was not; all of the visit is in the tables."""
    home = load(otel_pipeline_home=tmp_path_factory.mktemp("shop-page"), intake_token=TOKEN)
    rng = random.Random(4)
    form = typed(rng, refused=True)
    with Stack(home, only=("clickhouse", "intake", "shop")) as stack:
        stack.wait_ready()
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(SLOW_MACHINE_S * 1_000)
        session = visit(context.new_page(), f"http://127.0.0.1:{stack.settings.shop_port}", form, rng)
        context.close()
        with Database(stack.settings) as db:
            found = Visit(stack.settings, db, form, session)
            eventually(lambda: "order.placed" in found.column(f"SELECT SpanName FROM ({WEB})"), SLOW_MACHINE_S)
            eventually(lambda: any("Light, warmth" in body for body in _events(found)[20:]), SLOW_MACHINE_S)
            yield found


def _events(visited: Visit) -> list[str]:
    """The session's rrweb events as JSON, joined from their chunks, in order."""
    return visited.column("""
        SELECT arrayStringConcat(groupArray(Body)) AS Event FROM (
            SELECT * FROM hyperdx_sessions WHERE ResourceAttributes['rum.sessionId'] = {session:String}
            ORDER BY toUInt32(LogAttributes['rr-web.event']), toUInt32(LogAttributes['rr-web.chunk'])
        ) GROUP BY toUInt32(LogAttributes['rr-web.event']) AS Number ORDER BY Number""")


def test_the_visit_is_recorded(visited: Visit) -> None:
    kinds = [event.removeprefix('{"type":')[0] for event in _events(visited)]
    assert kinds.count("2") >= 1, "no full snapshot"
    assert kinds.count("3") > 20, "hardly any change"
    names = set(visited.column(f"SELECT SpanName FROM ({WEB})"))
    assert {"documentLoad", "routeChange", "click", "submit", "cart.add", "order.placed"} <= names


def test_a_refused_card_is_an_error_of_the_session(visited: Visit) -> None:
    reported = f"""SELECT Events.Attributes[1]['exception.message'] FROM ({WEB})
        WHERE ScopeName = 'record-exception' AND StatusCode = 'Error'"""
    assert visited.column(reported) == ["card refused: card_declined"]


def test_browser_and_backend_share_traces(visited: Visit) -> None:
    joined = f"""SELECT DISTINCT s.SpanName FROM otel_traces AS s INNER JOIN ({WEB}) AS w
        ON s.TraceId = w.TraceId AND s.ParentSpanId = w.SpanId WHERE s.ServiceName = 'storefront'"""
    routes = {"GET /", "GET /products", "GET /products/{product_id}", "POST /cart/add", "POST /checkout"}
    assert routes <= set(
        eventually(lambda: len(visited.column(joined)) >= 5 and visited.column(joined), SLOW_MACHINE_S)
    )
    load_link = visited.column(f"SELECT SpanAttributes['link.traceId'] FROM ({WEB}) WHERE SpanName = 'documentFetch'")
    served = "SELECT SpanName FROM otel_traces WHERE ServiceName = 'storefront' AND TraceId = {trace:String}"
    assert visited.column(served, trace=load_link[0]) == ["GET /"]


def test_nothing_that_was_typed_is_in_any_table(visited: Visit) -> None:
    tables = visited.column(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')"
    )
    assert {"hyperdx_sessions", "otel_logs", "otel_traces", "otel_metrics_sum"} <= set(tables)

    def holding(*wanted: str) -> list[str]:
        row = "formatRow('TSVRaw', *)"
        found = "SELECT count() FROM {table:Identifier} WHERE multiSearchAnyCaseInsensitive(%s, {wanted:Array(String)})"
        return [name for name in tables if visited.column(found % row, table=name, wanted=list(wanted)) != [0]]

    assert {"hyperdx_sessions", "otel_logs", "otel_traces"} <= set(holding(visited.session)), "the search finds nothing"
    assert holding(TOKEN, *visited.form.secrets()) == []
    recording = "".join(_events(visited))
    assert not [secret for secret in visited.form.secrets() if secret in recording]
    assert "*" * len(visited.form.email) in recording
    assert visited.form.cards[-1][-4:] not in recording.split("card ending in ")[1][:80]


def test_the_session_is_played_back(visited: Visit, page: Page, tmp_path: Path) -> None:
    page.goto(f"http://127.0.0.1:{visited.settings.clickhouse_port}/clickstack/sessions")
    page.get_by_text(visited.session).click()
    replay = page.frame_locator(".replayer-wrapper iframe")
    expect(replay.get_by_text("Lamp & Loom", exact=True)).to_be_visible()
    shows = "t => document.querySelector('.replayer-wrapper iframe').contentDocument.body.innerText.includes(t)"
    assert not page.evaluate(shows, "Card number")
    page.locator("button:has(.tabler-icon-player-play)").last.click()
    page.wait_for_function(shows, arg="Card number", polling=50)
    expect(replay.locator(".card h3").first).to_contain_text(re.compile(r"\w+ \w+ No\. \d+"))
    page.screenshot(path=tmp_path / "replay.png")


def test_other_clients_get_json(visited: Visit, page: Page) -> None:
    url = f"http://127.0.0.1:{visited.settings.shop_port}/"
    answer = page.request.get(url, headers={"accept": "*/*"})
    assert answer.json()["shop"] == "Lamp & Loom"
    assert page.request.get(url, headers={"accept": "text/html"}).headers["content-type"].startswith("text/html")


def test_the_shop_sells_without_the_sdk(visited: Visit, page: Page) -> None:
    page.route("**/hyperdx.js", lambda route: route.abort())
    page.goto(f"http://127.0.0.1:{visited.settings.shop_port}/")
    page.locator(".card").first.click()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("#cart-count")).to_have_text("1")


def test_a_load_brings_customers_with_a_browser(visited: Visit) -> None:
    """Last of this page: it leaves customers' sessions behind."""
    orders = """SELECT DISTINCT ResourceAttributes['rum.sessionId'] FROM otel_traces
        WHERE ServiceName = 'shop-web' AND SpanName = 'order.placed'"""
    recorded = "SELECT count() FROM hyperdx_sessions WHERE ResourceAttributes['rum.sessionId'] IN {new:Array(String)}"
    before = {*visited.column(orders)}
    assert visited.session in before
    with Load(visited.settings, users=4) as load:
        assert load.described == "4 customers and 1 with a browser"
        new = eventually(lambda: {*visited.column(orders)} - before, SLOW_MACHINE_S)
        assert eventually(lambda: int(visited.column(recorded, new=[*new])[0]) > 20, SLOW_MACHINE_S)
        family = psutil.Process(load.process.pid).children(recursive=True)
        assert any("chrom" in process.name() for process in family)
    assert not psutil.wait_procs(family, SLOW_MACHINE_S)[1], "processes of the browser are left"
