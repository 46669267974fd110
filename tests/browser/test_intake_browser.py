"""HyperDX's browser SDK in headless Chromium sends to the intake: traces, logs, and a recording."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page

from otel_pipeline.clickhouse import Database
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import REPOSITORY, Settings
from tests.support.intake import IntakeProcess, count, intake, until

SDK = REPOSITORY / "sample_app" / "static" / "hyperdx.js"
PAGE = """<!doctype html><title>test</title><button id="go">go</button><script src="/hyperdx.js"></script><script>
HyperDX.init({service: 'browser-test', apiKey: 's3cret', url: '%s', consoleCapture: true, disableIntercom: true});
document.getElementById('go').onclick = () => { console.error('it broke'); };
</script>"""


@pytest.fixture
def origin() -> str:
    """Where the page of these tests stands, by which the intake knows it."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def guarded(settings: Settings, tmp_path: Path, origin: str) -> Iterator[IntakeProcess]:
    """An intake that wants the token which the SDK sends as its API key."""
    with intake(settings, tmp_path, INTAKE_TOKEN="s3cret", INTAKE_ALLOWED_ORIGINS=origin) as process:
        yield process


@pytest.fixture
def site(guarded: IntakeProcess, origin: str) -> Iterator[str]:
    """A page that uses the SDK, from another origin than the intake's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = self.path == "/hyperdx.js"
            body = SDK.read_bytes() if script else (PAGE % guarded.url).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", int(origin.rpartition(":")[2])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_session_with_its_recording(site: str, page: Page, database: Database) -> None:
    page.goto(site)
    page.click("#go")
    until(lambda: count(database, "hyperdx_sessions"))
    until(lambda: count(database, "otel_traces"))
    query = "SELECT ServiceName, PageViews, ErrorCount, Browser, RecordedEvents FROM otel_sessions"

    def whole() -> tuple | None:
        rows = database.client.query(query).result_rows
        return rows[0] if rows and rows[0][1] and rows[0][2] and rows[0][4] else None

    service, pages, errors, browser, recorded = until(whole)
    assert (service, pages, errors >= 1, browser, recorded >= 2) == ("browser-test", 1, True, "Chrome", True)
    kinds = {
        row[0]
        for row in database.client.query("SELECT EventType FROM session_replay_events WHERE Complete").result_rows
    }
    assert {"dom", "meta"} <= kinds
