"""Locust's page: who may start a load."""

import base64
from typing import Any

import pytest

from load.web import LocustGuard
from otel_pipeline.errors import UserError

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
