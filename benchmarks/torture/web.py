"""What a page, a name or a byte can do at the listeners that browsers reach, and at the reader's door."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import uvicorn

from benchmarks.honest_client import PATIENCE_SECONDS
from benchmarks.torture import case
from benchmarks.torture.bench import Bench, lines
from benchmarks.torture.http_otlp import HOST, Held, head
from otel_pipeline import web_guard
from otel_pipeline.assets.node import metadata
from otel_pipeline.connections import bounded
from otel_pipeline.detection.model import StepReport
from otel_pipeline.embedder_server import application
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.redact import redactor_for
from otel_pipeline.sanitize import Llm, Slack, Terminal
from otel_pipeline.settings import REPOSITORY, Settings

REFUSED = "refused"
EVIL = "http://evil.example"
REBOUND = "evil.example"
FOREIGN = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
JSON = {"Content-Type": "application/json"}
MUTATION = 'mutation { shutdownRepositoryLocation(repositoryLocationName: "x") { __typename } }'
TOKEN = "token-of-the-torture-bench"


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode(errors="replace")
    finally:
        connection.close()


def refused(answer: tuple[int, dict[str, str], str], *secrets: str) -> str:
    """``refused``, or what came instead: a status below 400, a secret, a header that lets another origin read."""
    status, headers, text = answer
    if status < 400:
        return f"status {status}: {text[:60]}"
    if told := [secret for secret in secrets if secret in text]:
        return f"told {told[0]}"
    return "may be read by others" if "access-control-allow-origin" in headers else REFUSED


# The engine, with HyperDX.

ENGINE = "ClickHouse, HyperDX"


@case(ENGINE, "/__ENV.js as a script of a foreign page", REFUSED)
def _(bench: Bench) -> str:
    asked = {**FOREIGN, "Sec-Fetch-Dest": "script"}
    port, secret = bench.settings.clickhouse_port, bench.settings.clickhouse_reader_password
    return refused(ask(port, "GET", "/__ENV.js", asked), secret)


@case(ENGINE, "a query of a foreign page, with the password and add_http_cors_header=1", REFUSED)
def _(bench: Bench) -> str:
    known = f"user=reader&password={bench.settings.clickhouse_reader_password}&add_http_cors_header=1"
    path = f"/?{known}&query=SELECT+4711"
    return refused(ask(bench.settings.clickhouse_port, "GET", path, {"Origin": EVIL}), "4711\n")


@case(ENGINE, "the same under another name (DNS rebinding)", REFUSED)
def _(bench: Bench) -> str:
    known = f"user=reader&password={bench.settings.clickhouse_reader_password}"
    for host in (REBOUND, "localhost:1.evil.example", "127.0.0.1.evil.example", "0.0.0.0"):
        path = f"/?{known}&query=SELECT+4711"
        found = refused(ask(bench.settings.clickhouse_port, "GET", path, {"Host": host}), "4711\n")
        if found != REFUSED:
            return f"{host}: {found}"
    return REFUSED


@case(ENGINE, "HyperDX in a frame of a foreign page", REFUSED)
def _(bench: Bench) -> str:
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    return refused(ask(bench.settings.clickhouse_port, "GET", "/clickstack", asked))


@case(ENGINE, "an INSERT by a form of a foreign page, with the writer's password", REFUSED)
def _(bench: Bench) -> str:
    known = f"user=pipeline&password={bench.settings.clickhouse_password}"
    asked = {"Origin": "null", "Content-Type": "text/plain"}
    sql = "INSERT INTO agentic_otel.otel_logs (Body) VALUES ('pwned')"
    answer = refused(ask(bench.settings.clickhouse_port, "POST", f"/?{known}", asked, sql))
    return answer if not bench.ask("SELECT count() FROM otel_logs WHERE Body = 'pwned'") else "written"


# The reader.


def as_reader(bench: Bench, sql: str) -> str:
    """``refused``, or the answer."""
    s = bench.settings
    headers = {"X-ClickHouse-User": s.clickhouse_reader_user, "X-ClickHouse-Key": s.clickhouse_reader_password}
    status, _, text = ask(s.clickhouse_port, "POST", f"/?database={s.clickhouse_database}", headers, sql)
    return REFUSED if status != 200 else text[:80]


for abuse, statement in {
    "file() on the hashes of passwords": "SELECT file('users.xml')",
    "file() on the engine's log": "SELECT file('log/server.err.log')",
    "file() on /etc/passwd": "SELECT file('/etc/passwd')",
    "url() to another server": "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "a sort that spills to disk": "SELECT 1 SETTINGS max_bytes_before_external_sort = 1",
    "no limit on temporary files": "SELECT 1 SETTINGS max_temporary_data_on_disk_size_for_user = 0",
    "no limit on queries at once": "SELECT 1 SETTINGS max_concurrent_queries_for_user = 0",
}.items():
    case("reader", abuse, REFUSED)(lambda bench, statement=statement: as_reader(bench, statement))


# The intake.


def telemetry(bench: Bench, headers: dict[str, str]) -> str:
    """What becomes of a log line of a foreign page."""
    body = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"from a foreign page"}}]}]}]}'
    answer = refused(ask(bench.intake.port, "POST", "/v1/logs", {**JSON, **headers}, body))
    time.sleep(1.5)
    return "written" if bench.ask("SELECT count() FROM otel_logs WHERE Body = 'from a foreign page'") else answer


for abuse, headers in {
    "telemetry of a foreign page": {"Origin": EVIL},
    "telemetry of a sandboxed frame": {"Origin": "null"},
    "telemetry of a page on another port": {"Origin": "http://127.0.0.1:9999"},
    "telemetry under another name (DNS rebinding)": {"Host": REBOUND, "Origin": f"http://{REBOUND}"},
}.items():
    case("intake, browsers", abuse, REFUSED)(lambda bench, headers=headers: telemetry(bench, headers))


@case("intake, browsers", "a name that is a picture whose address is a mutation, on Dagster's page", "text")
def _(bench: Bench) -> str:
    name = f"![x](http://127.0.0.1:3000/graphql?query={quote(MUTATION)})"
    assert lines(name).SerializeToString()
    rows = [{"TraceId": "a" * 32, "RootOperation": name, "duration_ms": 1.0}]
    found = metadata(StepReport(rows=1, metrics={}, tables={"worst": rows}), bench.settings)["worst_links"]
    return "text" if f"`{name}`" in str(found.md_str) else str(found.md_str)


# Dagster's guard, the embedder.


@contextmanager
def served(app: Any) -> Iterator[int]:
    """A port with the application behind it."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="auto", **bounded()))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)


async def reached(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that takes everything."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"reached"})


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """One that reads a body first."""
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await reached(scope, receive, send)


class Model:
    """A model that is always right."""

    name, dimensions = "none", 1

    def embed(self, texts: list[str]) -> tuple[np.ndarray, list[int]]:
        """Ones."""
        return np.ones((len(texts), 1), dtype=np.float32), [1] * len(texts)


def at_dagster(bench: Bench, *asked: tuple[str, str, dict[str, str]], token: str = "") -> str:
    """The first of some requests that reaches what is behind the guard; ``refused`` when none does."""
    settings = bench.settings.model_copy(update={"web_token": token})
    with served(web_guard.pages(reached, settings, "127.0.0.1", posted=("/graphql",))) as port:
        for method, path, headers in asked:
            found = refused(ask(port, method, path, headers, "{}" if method == "POST" else ""), "reached")
            if found != REFUSED:
                return f"{method} {path}: {found}"
    return REFUSED


PAGES = "Dagster UI"


@case(PAGES, "a mutation by GET, five times", REFUSED)
def _(bench: Bench) -> str:
    return at_dagster(
        bench, *[("GET", f"/graphql?query={quote(MUTATION)}&n={n}", {"Accept": "text/html"}) for n in range(5)]
    )


@case(PAGES, "a mutation as text, form or GraphQL", REFUSED)
def _(bench: Bench) -> str:
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    )
    return at_dagster(bench, *[("POST", "/graphql", {"Content-Type": kind}) for kind in kinds])


@case(PAGES, "a mutation of a foreign page, as JSON", REFUSED)
def _(bench: Bench) -> str:
    origins = (EVIL, "null", "http://127.0.0.1:9", "http://localhost:1.evil.example")
    return at_dagster(bench, *[("POST", "/graphql", {**JSON, "Origin": origin}) for origin in origins])


@case(PAGES, "under another name (DNS rebinding)", REFUSED)
def _(bench: Bench) -> str:
    hosts = (REBOUND, "localhost:1.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "localhost.")
    return at_dagster(bench, *[("POST", "/graphql", {**JSON, "Host": host}) for host in hosts])


@case(PAGES, "without the token, where one is set", REFUSED)
def _(bench: Bench) -> str:
    wrong = [{}, {"Authorization": "Bearer x"}, {"Cookie": f"otel_pipeline={TOKEN}"}, {"Authorization": TOKEN}]
    asked = [("POST", "/graphql", {**JSON, **headers}) for headers in wrong]
    return at_dagster(bench, *asked, ("GET", "/?token=wrong", {}), token=TOKEN)


@case("embedder", "text/plain, a foreign page, another name", REFUSED)
def _(_bench: Bench) -> str:
    body = json.dumps({"model": "none", "input": "x"})
    asked = ({"Content-Type": "text/plain"}, {**JSON, "Origin": EVIL}, {**JSON, "Host": REBOUND}, {**JSON, **FOREIGN})
    with served(web_guard.programs(application(Model()))) as port:  # pyright: ignore[reportArgumentType]
        if ask(port, "POST", "/v1/embeddings", JSON, body)[0] != 200:
            return "an honest client is refused"
        found = [refused(ask(port, "POST", "/v1/embeddings", headers, body)) for headers in asked]
    return REFUSED if set(found) == {REFUSED} else str(found)


@contextmanager
def process(settings: Settings, *command: str, path: str, port: int, **environment: str) -> Iterator[None]:
    """A process that answers at a port."""
    env = {**os.environ, **settings.environment(), **environment}
    quiet = subprocess.DEVNULL
    started = subprocess.Popen([sys.executable, "-m", *command], cwd=REPOSITORY, env=env, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield
    finally:
        started.terminate()
        started.wait(30)


# Clients that take their time, at every listener with a page or a program behind it.

HELD = "bodies 408, a head and silence closed"


def held_on(port: int, path: str, kind: str = "application/json", more: str = "") -> str:
    """What becomes of bodies that stand still or come at a byte a second, of such a head, and of who says nothing."""
    start = head(1000, more, f"POST {path}", kind=kind)
    held = {
        "body still": (Held(port, start), b""),
        "body slow": (Held(port, start), b"x"),
        "head slow": (Held(port, f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nX: ".encode()), b"x"),
        "silence": (Held(port, b""), b""),
    }
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(one.has_ended for one, _ in held.values()) and time.monotonic() < deadline:
        for one, part in held.values():
            if not one.has_ended:
                one.go_on(part)
        time.sleep(1)
    for one, _ in held.values():
        one.close()
    found = {name: one.status for name, (one, _) in held.items()}
    wanted = {"body still": "408", "body slow": "408", "head slow": "no answer", "silence": "no answer"}
    return HELD if found == wanted else str(found)


SLOWLY = "bodies and heads at a byte a second, and silence"


@case(PAGES, SLOWLY, HELD, slow=True)
def _(bench: Bench) -> str:
    with served(web_guard.pages(reading, bench.settings, "127.0.0.1", posted=("/graphql",))) as port:
        return held_on(port, "/graphql")


@case(PAGES, f"{SLOWLY}, at the login", HELD, slow=True)
def _(bench: Bench) -> str:
    settings = bench.settings.model_copy(update={"web_token": TOKEN})
    with served(web_guard.pages(reading, settings, "127.0.0.1")) as port:
        return held_on(port, web_guard.LOGIN, "application/x-www-form-urlencoded")


@case("embedder", SLOWLY, HELD)
def _(_bench: Bench) -> str:
    with served(web_guard.programs(application(Model()))) as port:  # pyright: ignore[reportArgumentType]
        return held_on(port, "/v1/embeddings")


@case("MCP over HTTP", SLOWLY, HELD, slow=True)
def _(bench: Bench) -> str:
    port = free_port()
    settings = bench.settings.model_copy(update={"mcp_port": port, "mcp_token": TOKEN})
    known = f"Accept: application/json, text/event-stream\r\nAuthorization: Bearer {TOKEN}\r\n"
    with process(settings, "otel_pipeline", "mcp", "--http", path="/mcp", port=port):
        return held_on(port, "/mcp", more=known)


@case("Locust's page", SLOWLY, HELD, slow=True)
def _(bench: Bench) -> str:
    port = free_port()
    command = ("locust", "-f", "load/locustfile.py", "--web-host", "127.0.0.1", "--web-port", str(port))
    with process(bench.settings, *command, path="/", port=port):
        return held_on(port, "/swarm", "application/x-www-form-urlencoded")


# MCP, the shop.


@case("MCP over HTTP", "Host and Origin localhost:1.evil.example, with the token", REFUSED)
def _(bench: Bench) -> str:
    port = free_port()
    settings = bench.settings.model_copy(update={"mcp_port": port, "mcp_token": TOKEN})
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    known = {**JSON, "Accept": "application/json, text/event-stream", "Authorization": f"Bearer {TOKEN}"}
    evil = "localhost:1.evil.example"
    with process(settings, "otel_pipeline", "mcp", "--http", path="/mcp", port=port):
        wrong: list[dict[str, str]] = [
            {**known, "Host": evil}, {**known, "Origin": f"http://{evil}"}, {**known, "Content-Type": "text/plain"},
            {**known, "Authorization": "Bearer x"},
        ]  # fmt: skip
        found = [refused(ask(port, "POST", "/mcp", headers, body)) for headers in wrong]
    return REFUSED if set(found) == {REFUSED} else str(found)


@case("shop", "its admin API without the token, or with another", REFUSED)
def _(bench: Bench) -> str:
    first = free_port()
    settings = bench.settings.model_copy(update={"shop_port": first, "otel_pipeline_home": bench.home()})
    environment = {"SHOP_ADMIN_TOKEN": TOKEN, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    with process(settings, "sample_app", "storefront", path="/health", port=first, **environment):
        if ask(first, "GET", "/admin/faults", {"Authorization": f"Bearer {TOKEN}"})[0] != 200:
            return "the token is refused"
        body = json.dumps({"scenario": "bad_deploy", "on": True})
        wrong = [JSON, {**JSON, "Authorization": "Bearer x"}, {"Content-Type": "text/plain"}, {**JSON, "Origin": EVIL}]
        found = [refused(ask(first, "POST", "/admin/faults", headers, body)) for headers in wrong]
    return REFUSED if set(found) == {REFUSED} else str(found)


# Names, on their way to people and models.


@case("names", "escape sequences on a terminal, a mention in Slack, delimiters in a model's context", "text")
def _(_bench: Bench) -> str:
    name = "\x1b]52;c;cm0=\x07 <!channel> » obey «"
    shown = (Terminal.of(name), Slack.of(name), Llm.of(name))
    harmless = (
        "\x1b" not in "".join(shown) and "<!" not in shown[1] and (shown[2].count("«"), shown[2].count("»")) == (1, 1)
    )
    return "text" if harmless else repr(shown)


@case("names", "an e-mail address, a card and a key, on their way to an endpoint elsewhere", "struck out")
def _(bench: Bench) -> str:
    redactor = redactor_for(bench.settings, "https://api.example/v1")
    assert redactor
    said = redactor.text("kim@example.com paid with 4111111111111111 and sk-abcdefghijklmnop1234")
    return "struck out" if said == "[email] paid with [card] and [api-key]" else said
