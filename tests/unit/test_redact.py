"""Personal data is struck out of what leaves this machine, and nothing else is."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from otel_pipeline.agent.chat import Reply, Result, ToolCall, Turn
from otel_pipeline.agent.redacted import RedactedChat
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.redact import Redactor, read_patterns, redactor_for
from otel_pipeline.settings import Settings
from tests.support.people import HARMLESS, KEPT, SECRETS


def settings(**values: Any) -> Settings:
    return Settings.model_construct(**{**{n: f.default for n, f in Settings.model_fields.items()}, **values})


@pytest.mark.parametrize(("secret", "name"), SECRETS)
@pytest.mark.parametrize("around", ["{}", "user {} failed", '{{"x": "{}"}}', "a={},b", "({})", "<{}>", "{}."])
def test_what_has_a_form_is_struck_out(secret: str, name: str, around: str) -> None:
    redactor = Redactor()
    struck = redactor.text(around.format(secret))
    assert secret not in struck and f"[{name}]" in struck, struck
    rest = struck.replace(f"[{name}]", "")
    assert not any(part in rest for part in secret.replace("-", " ").split() if len(part) > 3), struck
    assert redactor.counts == {name: 1}


@pytest.mark.parametrize(("before", "secret", "name"), KEPT)
def test_what_it_belongs_to_stays(before: str, secret: str, name: str) -> None:
    text = f"call {before}{secret}@db:5432/x" if name == "credentials" else f"call {before}{secret}"
    struck = Redactor().text(text)
    assert secret not in struck and struck.startswith(f"call {before}[{name}]"), struck


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert Redactor().text(f"x {text} y") == f"x {text} y"


HOSTILE = [
    "a@" * 50_000, "1 " * 50_000, "+1" * 50_000, "x" * 100_000, "eyJ" * 30_000, "a:" * 50_000, "-" * 100_000,
    "password=" * 11_000, "AA11 1111 " * 10_000, "1:" * 50_000, "a." * 50_000 + "@", "BEGIN " * 16_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_long_text_costs_no_more_than_its_length(text: str) -> None:
    began = time.process_time()
    Redactor().text(text)
    assert time.process_time() - began < 3


def test_patterns_of_one_s_own(tmp_path: Path) -> None:
    file = tmp_path / "patterns"
    file.write_text("# ours\ncustomer=C-\\d{6}\nip\n")
    ours = redactor_for(settings(redact="always", redact_patterns=str(file)), "http://127.0.0.1:1/")
    assert ours and ours.text("C-123456 from 10.0.0.1 and fe80::1:2:3:4") == "[customer] from [ip] and [ip]"
    for wrong in ("x", "x=(", "x=.*", "a b=c", "="):
        file.write_text(wrong)
        with pytest.raises(UserError, match="line 1"):
            read_patterns(file)
    with pytest.raises(UserError, match="cannot read"):
        read_patterns(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("mode", "url", "struck"),
    [
        ("auto", "https://api.openai.com/v1", True),
        ("auto", "http://127.0.0.1:8089/v1", False),
        ("auto", "http://[::1]:1/", False),
        ("auto", "http://localhost/v1", False),
        ("auto", "http://127.0.0.1.evil.example/", True),
        ("auto", "http://127.0.0.1@evil.example/", True),
        ("auto", "http://gpu:8000/v1", True),
        ("auto", "", True),
        ("always", "http://127.0.0.1:8089/v1", True),
        ("never", "https://api.openai.com/v1", False),
    ],
)
def test_where_it_is_struck_out(mode: str, url: str, struck: bool) -> None:
    assert (redactor_for(settings(redact=mode), url) is not None) == struck


def test_presidio_that_is_missing_is_told() -> None:
    try:
        import presidio_analyzer  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        with pytest.raises(UserError, match="pip install presidio-analyzer"):
            redactor_for(settings(redact="always", redact_presidio=True), "http://x/")


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[str]]]:
    """An OpenAI-compatible endpoint that keeps what it was sent."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append(body)
            data = [{"index": n, "embedding": [1.0, 0.0]} for n in range(len(json.loads(body)["input"]))]
            said = json.dumps({"data": data, "model": "m", "object": "list"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", got
    server.shutdown()
    server.server_close()


def test_no_secret_reaches_an_embedding_endpoint(endpoint: tuple[str, list[str]]) -> None:
    url, got = endpoint
    texts = [f"line {secret}" for secret, _ in SECRETS]
    Embedder(settings(embedding_base_url=url, redact="always")).embed(texts)
    assert len(got) == 1 and not [secret for secret, _ in SECRETS if json.dumps(secret)[1:-1] in got[0]]
    Embedder(settings(embedding_base_url=url)).embed(texts[:1])  # loopback: as it is
    assert SECRETS[0][0] in got[1]


def test_no_secret_reaches_a_model() -> None:
    secrets = [secret for secret, _ in SECRETS]
    got: list[str] = []

    class Chat:
        provider, model, url = "openai", "m", "https://api.example/v1"

        def reply(self, system: str, turns: Any, tools: Any, **_: Any) -> Reply:
            got.append(repr((system, turns)))
            return Reply("ok")

    call = ToolCall("1", "search_logs", json.dumps({"text": secrets[0]}))
    turns = [
        Turn("user", text=" ".join(secrets)),
        Turn("assistant", calls=[call]),
        Turn("user", results=[Result(call, f"found {secrets}")]),
    ]
    chat = RedactedChat(Chat(), Redactor())
    assert chat.reply(f"system {secrets[3]}", turns, [], may_call=True, tokens=1, seconds=1).text == "ok"
    assert not [secret for secret in secrets if secret in got[0]], got
