"""Locust's page: who may start a load."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from load.web import LocustGuard
from otel_pipeline.errors import UserError
from otel_pipeline.settings import REPOSITORY
from tests.support.slow_client import held

TOKEN = "token-of-this-test"


def ask(guard: LocustGuard, method: str = "POST", path: str = "/swarm", **headers: str) -> str:
    """The status of an answer."""
    statuses: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "127.0.0.1:8089", **headers}
    list(guard(environ, lambda status, *_: statuses.append(status)))
    return statuses[0][:3]


def app(_: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [])
    return [b"swarming"]


def test_a_foreign_page_starts_no_load() -> None:
    guard = LocustGuard(app, "127.0.0.1", "")
    assert ask(guard) == ask(guard, HTTP_ORIGIN="http://127.0.0.1:8089") == "200"
    assert ask(guard, HTTP_ORIGIN="http://evil.example") == ask(guard, HTTP_ORIGIN="null") == "403"
    assert ask(guard, HTTP_ORIGIN="http://127.0.0.1:8000") == "403"
    assert ask(guard, HTTP_HOST="evil.test:8089") == ask(guard, HTTP_HOST="localhost:1.evil.example") == "421"
    assert ask(guard, "GET", "/stop", HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_DEST="image") == "403"
    assert ask(guard, "GET", "/stop", HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_DEST="document") == "403"
    assert ask(guard, "GET", "/", HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_DEST="document") == "200"


@pytest.mark.parametrize("host", ["", "*", "0.0.0.0", "192.0.2.7"])
def test_off_loopback_it_wants_the_token(host: str) -> None:
    with pytest.raises(UserError, match="set WEB_TOKEN"):
        LocustGuard(app, host, "")
    guard = LocustGuard(app, host, TOKEN)
    basic = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode()}
    assert ask(guard) == ask(guard, HTTP_AUTHORIZATION="Basic x") == "401"
    assert ask(guard, HTTP_AUTHORIZATION="Basic " + base64.b64encode(b"me:wrong").decode()) == "401"
    assert ask(guard, **basic) == "200"
    assert ask(guard, **basic, HTTP_ORIGIN="http://evil.example") == "403"


# Its server, in a process of its own: gevent's loop, deadlines as short as a test needs them.
SERVER = """
import sys
from gevent import pywsgi
from load import web
web.HEAD_SECONDS = web.BODY_GRACE_SECONDS = 0.5
pywsgi.WSGIServer.handler_class = web.BoundedHandler
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.input"].read()]
server = pywsgi.WSGIServer(("127.0.0.1", 0), web.LocustGuard(app, "127.0.0.1", ""), log=None, error_log=None)
server.start()
print(server.server_port, flush=True)
server.serve_forever()
"""
HEAD = "POST /swarm HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert process.stdout
    yield int(process.stdout.readline())
    process.kill()
    process.wait()


@pytest.mark.parametrize("each", ["", "x"], ids=["nothing more", "a byte now and then"])
def test_a_form_that_comes_too_slowly_ends_its_connection(port: int, each: str) -> None:
    for length, chunk in (("Content-Length: 1000", each), ("Transfer-Encoding: chunked", each and f"1\r\n{each}\r\n")):
        said = held(port, f"{HEAD}{length}\r\n\r\n", chunk)
        assert said.startswith("HTTP/1.1 408 ") and "Connection: close" in said, said


def test_heads_and_silence_end_too(port: int) -> None:
    assert held(port, HEAD, "x") == held(port, "", "") == ""
    whole = held(port, f"{HEAD}Content-Length: 4\r\n\r\nform", "")
    assert whole.startswith("HTTP/1.1 200 ") and whole.endswith("form")


def test_a_form_larger_than_any_is_refused(port: int) -> None:
    assert held(port, f"{HEAD}Content-Length: 100000\r\n\r\n{'x' * 100_000}").startswith("HTTP/1.1 413 ")
