"""A page of another origin, in real Chromium: it reads nothing, writes nothing, changes nothing on any listener.

The attacker knows every password, token excepted where it is the protection. Its page stands at a name that resolves to
loopback, so that no rule about private networks helps us, and also on loopback itself, at another port: the same site,
another origin. Each listener is asked for its effect afterwards, by means of its own.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from load import browser_user
from otel_pipeline import web_guard
from otel_pipeline.clickhouse import Database
from otel_pipeline.embedder_server import application
from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port, temporary_server
from otel_pipeline.settings import REPOSITORY, Settings
from tests.support.dagster import dagster
from tests.support.intake import intake
from tests.support.processes import eventually
from tests.support.shop import free_ports
from tests.unit.test_embedder_server import Letters

EVIL, REBOUND = "evil.test", "rebound.test"
MARK = "pwned"
MUTATION = f'mutation {{ setConcurrencyLimit(concurrencyKey: "{MARK}", limit: 1) {{ __typename }} }}'
ADMIN_TOKEN = "admin-token-of-this-test"

# Everything that a page can try on an address; what it could read comes back.
ATTACK = """async ({url, bodies, mark}) => {
  const read = [];
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const one = async (name, options, address = url) => {
    try {
      const answer = await fetch(address, options);
      if (answer.type !== 'opaque') read.push(`${name} ${answer.status}: ${(await answer.text()).slice(0, 80)}`);
    } catch (error) { /* refused by the browser */ }
  };
  for (const credentials of ['omit', 'include']) {
    await one('get', {credentials});
    await one('no-cors get', {mode: 'no-cors', credentials});
    for (const body of bodies) {
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json']) {
        const sent = {method: 'POST', body, credentials, headers: {'Content-Type': type}};
        await one(`post ${type}`, sent);
        await one(`no-cors ${type}`, {...sent, mode: 'no-cors'});
      }
      await one('put', {method: 'PUT', body});
      navigator.sendBeacon(url, new Blob([body], {type: 'text/plain'}));
      navigator.sendBeacon(url, body);
    }
  }
  const load = (tag, attribute) => new Promise((done) => {
    const element = document.createElement(tag);
    element.onload = () => { if (!['iframe', 'embed', 'object'].includes(tag)) read.push(`${tag} loaded`); done(); };
    element.onerror = done;
    element[attribute] = url;
    document.body.appendChild(element);
    setTimeout(done, 1500);
  });
  await Promise.all([load('img', 'src'), load('script', 'src'), load('iframe', 'src'), load('object', 'data'),
    load('embed', 'src'), load('video', 'src')]);
  if (window.__ENV) read.push(`__ENV ${JSON.stringify(window.__ENV).slice(0, 80)}`);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const frame = document.createElement('iframe');
    frame.name = `frame${Math.random()}`;
    document.body.appendChild(frame);
    const form = document.createElement('form');
    Object.assign(form, {method: 'POST', action: url, enctype: type, target: frame.name});
    const input = document.createElement('textarea');
    input.name = bodies[0];
    input.value = mark;
    form.appendChild(input);
    document.body.appendChild(form);
    form.submit();
  }
  await new Promise((done) => {
    try {
      const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-ws');
      socket.onopen = () => { read.push('socket open'); done(); };
      socket.onclose = socket.onerror = done;
    } catch (error) { done(); }
    setTimeout(done, 2000);
  });
  await wait(500);
  return read;
}"""
# What a page can ask of its own server, once its name points to ours.
REBINDING = """async ({path, bodies}) => {
  const read = [];
  for (const options of [{}, ...bodies.flatMap((body) => ['text/plain', 'application/json'].map(
      (type) => ({method: 'POST', body, headers: {'Content-Type': type}})))]) {
    try { const answer = await fetch(path, options); read.push([answer.status, (await answer.text()).slice(0, 200)]); }
    catch (error) { /* no answer */ }
  }
  return read;
}"""


@dataclass
class Listener:
    """A server under attack.

    :param paths: what is asked. :param bodies: what is sent. :param changed: what it says of itself afterwards.
    :param secrets: texts that nobody else may read.
    """

    name: str
    port: int
    paths: list[str]
    bodies: list[str]
    changed: Callable[[], Any]
    secrets: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for which two strange names are this machine."""
    try:
        browser_user.chromium()
    except UserError as error:
        pytest.skip(str(error))
    rules = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {REBOUND} 127.0.0.1"
    with browser_user.browser(rules) as started:
        yield started


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of the attacker's server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>x</title><body></body>")

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with temporary_server(tmp_path_factory.mktemp("boundary")) as settings:
        yield settings


@pytest.fixture(scope="module")
def dagster_(engine: Settings) -> Iterator[Listener]:
    with dagster(engine) as running:
        port = int(running.url.rpartition(":")[2])
        asked = json.dumps({"query": MUTATION})
        ask = "{ instance { concurrencyLimits { concurrencyKey } } }"
        paths = ["/graphql", f"/graphql?query={quote(MUTATION)}", "/server_info"]
        yield Listener(
            "dagster", port, paths, [asked, MUTATION], lambda: running.ask(ask)["instance"], ["dagster_graphql"]
        )


@pytest.fixture(scope="module")
def clickhouse(engine: Settings) -> Listener:
    secret = engine.clickhouse_reader_password
    known = f"user=reader&password={secret}&add_http_cors_header=1"
    writing = f"user=pipeline&password={engine.clickhouse_password}&add_http_cors_header=1"
    sql = f"INSERT INTO agentic_otel.otel_logs (Body) VALUES ('{MARK}')"

    def changed() -> Any:
        with Database(engine) as db:
            db.client.command("SYSTEM FLUSH LOGS")
            ran = "SELECT count() FROM system.query_log WHERE query LIKE '%{}%' AND query NOT LIKE '%query_log%'"
            return db.client.query(ran.format("4711")).result_rows, db.client.query(
                f"SELECT count() FROM otel_logs WHERE Body LIKE '%{MARK}%'"
            ).result_rows

    paths = [
        "/__ENV.js",
        f"/?{known}&query=SELECT+4711",
        f"/?{writing}",
        f"/?{writing}&query={quote(sql)}",
        "/clickstack",
    ]
    return Listener("clickhouse", engine.clickhouse_port, paths, [sql, "SELECT 4711"], changed, [secret, "4711\n"])


@pytest.fixture(scope="module")
def intake_(engine: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    record = {"body": {"stringValue": MARK}, "timeUnixNano": str(time.time_ns())}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    with intake(engine, tmp_path_factory.mktemp("intake")) as process:

        def changed() -> Any:
            with Database(engine) as db:
                return db.client.query(f"SELECT count() FROM otel_logs WHERE Body = '{MARK}'").result_rows

        paths = ["/v1/logs", "/readyz"]
        yield Listener("intake", process.settings.intake_http_port, paths, [body], changed, ["spool_bytes"])


@pytest.fixture(scope="module")
def embedder() -> Iterator[Listener]:
    model, port = Letters(), free_port()
    app: Any = web_guard.programs(application(model))  # pyright: ignore[reportArgumentType]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, 30)
    body = json.dumps({"model": "letters", "input": MARK})
    yield Listener("embedder", port, ["/v1/embeddings", "/v1/models"], [body], lambda: list(model.sizes), ["letters"])
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def mcp(engine: Settings) -> Iterator[Listener]:
    settings = engine.model_copy(update={"mcp_port": free_port(), "mcp_token": "token-of-this-test"})
    env = {**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "otel_pipeline", "mcp", "--http"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout and "MCP at" in process.stdout.readline()
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    yield Listener("mcp", settings.mcp_port, ["/mcp"], [body], lambda: None, ["investigate"])
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    home, port = tmp_path_factory.mktemp("shop"), free_ports(5)
    env = {**os.environ, "OTEL_PIPELINE_HOME": str(home), "SHOP_PORT": str(port), "SHOP_ADMIN_TOKEN": ADMIN_TOKEN}
    with Path(home / "payment.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sample_app", "payment"], cwd=REPOSITORY, env=env, stdout=log, stderr=log
        )
    port += 3

    def ask(path: str, headers: dict[str, str]) -> Any:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        ) as answer:
            return json.load(answer)

    def up() -> bool:
        try:
            return bool(ask("/health", {}))
        except OSError:
            return False

    eventually(up, 120)
    token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    faults = ask("/admin/faults", token)["available"]
    bodies = [json.dumps({"scenario": name, "on": True}) for name in faults[:2]]
    paths = ["/admin/faults", "/admin/telemetry"]
    yield Listener("shop", port, paths, bodies, lambda: ask("/admin/faults", token)["on"], ["available"])
    process.terminate()
    process.wait(30)


LISTENERS = ["dagster_", "clickhouse", "intake_", "embedder", "mcp", "shop"]


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> Listener:
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("listener", LISTENERS, indirect=True)
@pytest.mark.parametrize("origin", [EVIL, "127.0.0.1"])
def test_a_page_of_another_origin_can_do_nothing(listener: Listener, origin: str, site: int, page: Page) -> None:
    before = listener.changed()
    page.goto(f"http://{origin}:{site}/")
    read: list[str] = []
    for path in listener.paths:
        url = f"http://127.0.0.1:{listener.port}{path}"
        read += [
            f"{path}: {what}" for what in page.evaluate(ATTACK, {"url": url, "bodies": listener.bodies, "mark": MARK})
        ]
    assert read == []
    assert not any(
        secret in (frame.content() if frame.url != "about:blank" else "")
        for frame in page.frames[1:]
        for secret in listener.secrets
    )
    time.sleep(1.5)  # what was taken in would show by now
    assert listener.changed() == before


@pytest.mark.parametrize("listener", LISTENERS, indirect=True)
def test_a_name_that_points_here_opens_nothing(listener: Listener, page: Page) -> None:
    before = listener.changed()
    for path in listener.paths:
        if listener.name == "shop" and not path.startswith("/admin"):
            continue
        answer = page.goto(f"http://{REBOUND}:{listener.port}{path}")
        assert answer is not None and answer.status >= 400, path
        found = page.evaluate(REBINDING, {"path": path, "bodies": listener.bodies})
        assert found and all(status >= 400 for status, _ in found), (path, found)
        assert not [text for _, text in found if any(secret in text for secret in listener.secrets)]
    time.sleep(1.5)
    assert listener.changed() == before


def test_the_attack_works_where_nobody_guards(site: int, page: Page) -> None:
    """The same attack on an embedder without the guard reaches the model: the test above is not for nothing."""
    model, port = Letters(), free_port()
    server = uvicorn.Server(uvicorn.Config(application(model), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, 30)
    page.goto(f"http://{EVIL}:{site}/")
    bodies = [json.dumps({"model": "letters", "input": MARK})]
    page.evaluate(ATTACK, {"url": f"http://127.0.0.1:{port}/v1/embeddings", "bodies": bodies, "mark": MARK})
    assert eventually(lambda: len(model.sizes), 10) >= 1
    server.should_exit = True
    thread.join(10)


def test_our_own_pages_still_work(dagster_: Listener, clickhouse: Listener, page: Page, site: int) -> None:
    for url in (f"http://127.0.0.1:{clickhouse.port}/clickstack", f"http://localhost:{clickhouse.port}/clickstack"):
        page.goto(f"http://{EVIL}:{site}/")
        page.evaluate("url => { location.href = url; }", url)  # a link of another site
        page.wait_for_function("() => window.__ENV")
        page.wait_for_url("**/clickstack/search**")
    page.goto(f"http://127.0.0.1:{dagster_.port}/asset-groups")
    page.get_by_text("anomaly_scores", exact=True).first.wait_for()
