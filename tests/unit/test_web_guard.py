"""Which requests reach a server that listens on loopback, and what its answers forbid."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from otel_pipeline import connections, web_body, web_guard
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.web_guard import LOGIN, App, host_of, origin_of
from tests.support.slow_client import held

JSON: dict[str, Any] = {"content-type": "application/json"}
LINK: dict[str, Any] = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "accept": "text/html",
}
TOKEN = "a-token-of-these-tests"


async def reached(scope: Any, receive: Any, send: Any) -> None:
    """An application that takes everything."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    headers = [(b"content-type", b"text/plain"), (b"access-control-allow-origin", b"*")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"reached"})


def ask(
    app: App, method: str = "GET", path: str = "/", kind: str = "http", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of an answer; for a web socket 101 where it was accepted, else its code."""
    sent: list[Any] = []
    path, _, query = path.partition("?")
    named = {"host": "127.0.0.1:3000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value],
    }

    async def receive() -> Any:
        return {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # pyright: ignore[reportArgumentType]
    if kind == "websocket":
        return (101 if sent[0]["type"] == "websocket.accept" else sent[0]["code"]), {}, ""
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"].decode()


def settings(**values: Any) -> Settings:
    return Settings.model_construct(**{**{n: f.default for n, f in Settings.model_fields.items()}, **values})


DAGSTER = web_guard.pages(reached, settings(), "127.0.0.1", posted=("/graphql",), probes=("/server_info",))
INTAKE = web_guard.intake(reached, settings())
PROGRAMS = web_guard.programs(reached)

BAD_HOSTS = [
    "evil.example", "evil.example:3000", "localhost:1.evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
    "127.0.0.1:3000.evil.example", "127.0.0.1@evil.example", "evil.example#127.0.0.1", "0.0.0.0:3000", "127.0.0.2",
    "[::1", "[::1].evil.example", "[::1]:x", "localhost:", "localhost:0", "localhost:99999", "localhost:-1", "127.1",
    "2130706433", "localhost.", "locaLhost,evil", "", "[::ffff:127.0.0.1]",
]  # fmt: skip


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    for app in (DAGSTER, INTAKE, PROGRAMS):
        assert ask(app, "POST", "/x", **JSON, host=host)[0] == 421
    assert ask(DAGSTER, kind="websocket", host=host)[0] == 1008


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:1", "[::1]:3000", "[::1]"])
def test_loopback_has_three_names(host: str) -> None:
    assert ask(DAGSTER, host=host)[0] == 200


BAD_ORIGINS = [
    "http://evil.example", "null", "http://127.0.0.1:3001", "http://localhost:3000", "https://127.0.0.1",
    "http://127.0.0.1:3000.evil.example", "http://127.0.0.1:3000/", "http://127.0.0.1:3000 ", "file://", "x",
    "http://user@127.0.0.1:3000", "chrome-extension://abcdef", "http://127.0.0.1:3000, http://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", [o for o in BAD_ORIGINS if o == o.strip()])
def test_a_page_of_another_origin_reads_and_changes_nothing(origin: str) -> None:
    for app in (DAGSTER, INTAKE, PROGRAMS):
        for method in ("GET", "POST", "OPTIONS", "PUT", "DELETE"):
            status, headers, body = ask(app, method, "/x", **JSON, origin=origin)
            assert (status, body == "reached") == (403, False)
            assert "access-control-allow-origin" not in headers
            assert headers["cross-origin-resource-policy"] == "same-origin"
    assert ask(DAGSTER, kind="websocket", origin=origin)[0] == 1008


def test_its_own_page_may() -> None:
    own: dict[str, Any] = {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-origin"}
    assert ask(DAGSTER, "POST", "/graphql", **JSON, **own)[0] == 200
    assert ask(DAGSTER, kind="websocket", **own)[0] == 101
    assert ask(DAGSTER, kind="websocket")[0] == 101  # a program
    assert ask(INTAKE, "POST", "/v1/logs", **JSON, origin="http://127.0.0.1:3000")[0] == 403  # an intake has no pages


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("dest", ["image", "script", "iframe", "frame", "embed", "object", "empty", "style", ""])
def test_a_foreign_page_loads_nothing(site: str, dest: str) -> None:
    mode = "navigate" if "frame" in dest else "no-cors"
    for app in (DAGSTER, INTAKE, PROGRAMS):
        assert ask(app, "GET", "/__ENV.js", sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)[0] == 403


def test_a_link_leads_to_a_page_and_nowhere_else() -> None:
    assert ask(DAGSTER, "GET", "/assets/incidents", **LINK)[0] == 200
    assert ask(DAGSTER, "POST", "/assets/incidents", **LINK, **JSON)[0] == 403
    assert ask(DAGSTER, "GET", "/graphql", **LINK)[0] == 403
    assert ask(PROGRAMS, "GET", "/v1/models", **LINK)[0] == 403
    assert ask(INTAKE, "GET", "/readyz", **LINK)[0] == 403


@pytest.mark.parametrize("query", ["query=mutation%7Bx%7D", "query=%7Bversion%7D", "x"])
@pytest.mark.parametrize("accept", ["", "*/*", "text/html"])
def test_graphql_is_never_asked_by_get(query: str, accept: str) -> None:
    assert ask(DAGSTER, "GET", f"/graphql?{query}", accept=accept)[0] == 405
    assert ask(DAGSTER, "HEAD", f"/graphql?{query}", accept=accept)[0] == 405


@pytest.mark.parametrize(
    "content",
    ["", "text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "text/plain; application/json", "application/jsonp", "application/json, text/plain"],
)  # fmt: skip
def test_changes_are_json(content: str) -> None:
    for app in (DAGSTER, PROGRAMS):
        assert ask(app, "POST", "/graphql", content_type=content)[0] == 415
    assert ask(PROGRAMS, "POST", "/v1/embeddings", content_type="Application/JSON; charset=utf-8")[0] == 200


def test_answers_stay_with_their_origin() -> None:
    _, headers, _ = ask(DAGSTER)
    assert headers["x-frame-options"] == "DENY" and headers["content-security-policy"] == "frame-ancestors 'none'"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff" and "access-control-allow-origin" not in headers


def test_pages_of_the_shop_may_send() -> None:
    shop: dict[str, Any] = {"origin": "http://localhost:8000", "sec-fetch-site": "cross-site"}
    status, headers, _ = ask(INTAKE, "POST", "/v1/traces", **JSON, **shop)
    assert (status, headers["access-control-allow-origin"]) == (200, "http://localhost:8000")
    other = web_guard.intake(reached, settings(intake_allowed_origins="https://shop.example, http://b.example:81"))
    assert ask(other, "POST", "/v1/traces", **JSON, **shop)[0] == 403
    assert ask(other, "POST", "/v1/traces", **JSON, origin="https://shop.example")[0] == 200
    in_containers = web_guard.intake(reached, settings(intake_host="0.0.0.0"))
    assert ask(in_containers, "POST", "/v1/traces", **JSON, host="intake:4318")[0] == 200
    assert ask(in_containers, "POST", "/v1/traces", **JSON, host="evil:4318", origin="http://evil:4318")[0] == 403


def test_a_header_twice_is_refused() -> None:
    sent: list[Any] = []
    headers = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(DAGSTER(scope, send, send))  # pyright: ignore[reportArgumentType]
    assert sent[0]["status"] == 400


@given(st.text(max_size=40))
def test_no_text_is_taken_for_loopback_that_is_not(text: str) -> None:
    host = host_of(text)
    if host and host[0] in web_guard.LOOPBACK:
        name, _, port = text.lower().removeprefix("[::1]").rpartition(":") if "[" not in text else ("", "", text[6:])
        assert text.lower().startswith(("localhost", "127.0.0.1", "[::1]")) and (not port or port.isdigit() or not name)
    assert origin_of(text) is None or text.lower().startswith(("http://", "https://"))


# The login.


def requested(app: App, parts: list[Any], **headers: str) -> tuple[list[Any], int]:
    """What is sent in answer to a POST whose body comes in parts, and how many of them were taken.

    After the last part nothing more comes, ever.
    """
    sent: list[Any] = []
    left = list(parts)
    named = {"host": "127.0.0.1:3000", "content-type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }

    async def receive() -> Any:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # pyright: ignore[reportArgumentType]
    return sent, len(parts) - len(left)


PART = {"type": "http.request", "body": b"x", "more_body": True}
LAST = {"type": "http.request", "body": b"x", "more_body": False}
GONE = {"type": "http.disconnect"}


async def reads(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads a body before it answers."""
    while (await receive()).get("more_body"):
        pass
    await reached(scope, receive, send)


def is_closing(message: Any) -> bool:
    return (b"connection", b"close") in message["headers"]


@pytest.mark.parametrize("length", [{"content_length": "9"}, {"transfer_encoding": "chunked"}])
def test_an_answer_before_the_end_of_the_body_ends_the_connection(
    length: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_body, "DISCARD_SECONDS", 0.05)
    sent, _ = requested(PROGRAMS, [PART], **length)
    assert sent[0]["status"] == 200
    assert is_closing(sent[0])
    sent, taken = requested(PROGRAMS, [PART, PART], host="evil.example", **length)
    assert (sent[0]["status"], taken) == (421, 2)
    assert is_closing(sent[0])


def test_a_connection_goes_on_after_a_whole_body() -> None:
    for headers in ({}, {"content_length": "0"}):
        for host in ("localhost", "evil.example"):
            sent, taken = requested(PROGRAMS, [], host=host, **headers)
            assert not is_closing(sent[0])
    sent, taken = requested(PROGRAMS, [PART, LAST], host="evil.example", content_length="2")
    assert (sent[0]["status"], taken, is_closing(sent[0])) == (421, 2, False)
    sent, taken = requested(web_guard.programs(reads), [PART, LAST], content_length="2")
    assert (sent[0]["status"], taken, is_closing(sent[0])) == (200, 2, False)


def test_nobody_answers_a_client_that_is_gone() -> None:
    assert requested(PROGRAMS, [PART, GONE], host="evil.example", content_length="9") == ([], 2)


# Bodies that take their time, on real connections.


@contextmanager
def served(app: App) -> Iterator[int]:
    """A port with a real server on it, whose connections are bounded as those of all servers here."""
    listening = socket.create_server(("127.0.0.1", 0))
    options = {**connections.bounded(most=3), "timeout_keep_alive": 1}
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical", **options))  # pyright: ignore[reportArgumentType]
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


HEAD = "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines as short as a test needs them."""
    for name, value in (("BODY_IDLE_SECONDS", 0.2), ("BODY_GRACE_SECONDS", 0.4), ("LEAST_BYTES_PER_SECOND", 1000)):
        monkeypatch.setattr(web_body, name, value)
    for name in ("HEAD_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(connections, name, 0.2)


def is_408(said: str) -> bool:
    return said.startswith("HTTP/1.1 408 ") and "connection: close" in said and web_body.TOO_SLOW in said


LOGIN_HEAD = f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("each", ["", "x"], ids=["nothing more", "a byte now and then"])
@pytest.mark.parametrize(
    ("app", "head"),
    [
        (web_guard.programs(reads), HEAD),
        (web_guard.pages(reads, settings(), "127.0.0.1"), HEAD),
        (web_guard.pages(reads, settings(web_token=TOKEN), "127.0.0.1"), LOGIN_HEAD),
    ],
    ids=["programs", "pages", "login"],
)
def test_a_body_that_comes_too_slowly_is_answered_for_the_application(app: App, head: str, each: str) -> None:
    with served(app) as port:
        assert is_408(held(port, f"{head}Content-Length: 1000\r\n\r\n", each))
        chunk = f"1\r\n{each}\r\n" if each else ""
        assert is_408(held(port, f"{head}Transfer-Encoding: chunked\r\n\r\n", chunk))


@pytest.mark.usefixtures("impatient")
def test_a_body_that_comes_fast_enough_may_take_long() -> None:
    body = "y" * 1000
    with served(web_guard.programs(reads)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode())
            for place in range(0, len(body), 100):  # 1 s in all, longer than what is granted at first
                time.sleep(0.1)
                connection.sendall(body[place : place + 100].encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("impatient")
def test_the_time_of_the_application_is_not_that_of_the_client() -> None:
    async def thinks(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.6)
        while (await receive()).get("more_body"):
            await asyncio.sleep(0.3)
        await asyncio.sleep(0.6)
        await reached(scope, receive, send)

    with served(web_guard.programs(thinks)) as port:
        said = held(port, f"{HEAD}Content-Length: 4\r\nConnection: close\r\n\r\nbody")
    assert said.startswith("HTTP/1.1 200")


@pytest.mark.usefixtures("impatient")
def test_an_application_sees_that_the_client_is_gone_and_cannot_answer_twice() -> None:
    seen: list[str] = []

    async def answers(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        seen.append(message["type"])
        await reached(scope, receive, send)
        raise RuntimeError("the client is gone")  # as frameworks do

    with served(web_guard.programs(answers)) as port:
        said = held(port, f"{HEAD}Content-Length: 1000\r\n\r\n")
    assert (seen, is_408(said), "reached" in said) == (["http.disconnect"], True, False)


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_has_begun_is_left_as_it_is() -> None:
    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        while (message := await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": message["type"].encode()})

    with served(web_guard.programs(streams)) as port:
        said = held(port, f"{HEAD}Content-Length: 1000\r\n\r\n")
    assert said.startswith("HTTP/1.1 200") and "408" not in said and "http.disconnect" in said


@pytest.mark.usefixtures("impatient")
def test_a_head_that_comes_too_slowly_is_closed_and_so_is_who_says_nothing() -> None:
    with served(web_guard.programs(reached)) as port:
        assert held(port, HEAD, "x") == held(port, "", "") == ""
        assert held(port, f"{HEAD}Content-Length: 0\r\n\r\n", "").startswith("HTTP/1.1 200")  # closed when it rests


def test_the_longest_idle_connection_makes_room_for_a_new_one() -> None:
    with served(web_guard.programs(reached)) as port:
        idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(5)]
        for connection in idle[:2]:
            with suppress(ConnectionError):
                assert connection.recv(10) == b""
        idle[-1].sendall(f"{HEAD}Content-Length: 0\r\n\r\n".encode())
        assert idle[-1].recv(4096).startswith(b"HTTP/1.1 200")
        for connection in idle:
            connection.close()


def test_the_intake_s_door_has_deadlines_of_its_own() -> None:
    assert not INTAKE.rules.paced and PROGRAMS.rules.paced and DAGSTER.rules.paced  # pyright: ignore


LOCKED = web_guard.pages(reached, settings(web_token=TOKEN), "0.0.0.0", ("/graphql",), ("/server_info",))


def test_without_the_token_there_is_the_login_page_and_nothing_else() -> None:
    status, headers, body = ask(LOCKED, "GET", "/assets", accept="text/html")
    assert (status, "reached" in body, "<form" in body) == (401, False, True) and "set-cookie" not in headers
    for asked in (("GET", "/assets"), ("POST", "/graphql")):
        assert ask(LOCKED, *asked, **JSON)[0] == 401
        assert ask(LOCKED, *asked, **JSON, authorization="Bearer wrong")[0] == 401
        assert ask(LOCKED, *asked, **JSON, cookie=f"otel_pipeline={TOKEN}")[0] == 401
    assert ask(LOCKED, kind="websocket")[0] == 1008
    assert ask(LOCKED, "GET", "/server_info")[0] == 200


def test_the_token_opens() -> None:
    assert ask(LOCKED, "POST", "/graphql", **JSON, authorization=f"Bearer {TOKEN}")[0] == 200
    form: dict[str, Any] = {"content_type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:3000"}
    status, headers, body = ask(LOCKED, "POST", LOGIN, body=f"token={TOKEN}".encode(), **form)
    assert status == 200 and TOKEN not in headers["set-cookie"] and TOKEN not in body
    assert headers["set-cookie"].endswith("HttpOnly; SameSite=Strict; Path=/")
    cookie = headers["set-cookie"].split(";")[0]
    assert ask(LOCKED, "GET", "/", cookie=cookie)[2] == "reached"
    assert ask(LOCKED, kind="websocket", cookie=f"a=b; {cookie}")[0] == 101
    assert ask(LOCKED, "POST", LOGIN, body=b"token=wrong", **form)[0] == 403
    assert (
        ask(LOCKED, "POST", LOGIN, body=f"token={TOKEN}".encode(), **{**form, "origin": "http://evil.example"})[0]
        == 403
    )


def test_a_link_with_the_token_becomes_a_cookie() -> None:
    status, headers, body = ask(LOCKED, "GET", f"/assets/x?a=1&token={TOKEN}&b=%22%3E", **LINK)
    assert status == 200 and TOKEN not in body and "url=/assets/x?a=1&amp;b=%22%3E" in body and "set-cookie" in headers
    away = ask(LOCKED, "GET", f"//evil.example/?token={TOKEN}", **LINK)[2]
    assert "url=/evil.example" in away


def test_off_loopback_a_token_is_wanted() -> None:
    for host, further in (("0.0.0.0", ""), ("192.0.2.7", ""), ("127.0.0.1", "dagster.example")):
        with pytest.raises(UserError, match="set WEB_TOKEN"):
            web_guard.pages(reached, settings(web_allowed_hosts=further), host)
    with pytest.raises(UserError, match="too short"):
        web_guard.pages(reached, settings(web_token="short"), "127.0.0.1")
    named = web_guard.pages(reached, settings(web_allowed_hosts="dagster.example", web_token=TOKEN), "127.0.0.1")
    assert ask(named, host="dagster.example", authorization=f"Bearer {TOKEN}")[0] == 200


@pytest.mark.parametrize("wrong", ["http://x", "a b", "x:1"])
def test_settings_that_are_no_names_are_told(wrong: str) -> None:
    with pytest.raises(UserError, match="not a host name"):
        web_guard.names_of(f"good.example,{wrong}")
    with pytest.raises(UserError, match="not an origin"):
        web_guard.origins_of("good.example")
