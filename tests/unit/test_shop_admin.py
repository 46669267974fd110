"""The shop's admin API wants its token, and the shop reads its settings by itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sample_app.config import from_environment
from sample_app.errors import ConfigError
from sample_app.service import AdminGuard

TOKEN = "token-of-this-test"


def ask(token: str, path: str, *authorization: bytes) -> int:
    """The status of an answer."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [(b"authorization", value) for value in authorization]}
    asyncio.run(AdminGuard(app, token)(scope, send, send))  # pyright: ignore[reportArgumentType]
    return sent[0]["status"]


def test_the_admin_api_wants_the_token() -> None:
    right = b"Bearer " + TOKEN.encode()
    for path in ("/admin/faults", "/admin/flush", "/admin/telemetry", "/admin"):
        assert ask(TOKEN, path, right) == 200
        assert ask(TOKEN, path) == ask(TOKEN, path, TOKEN.encode()) == ask(TOKEN, path, b"Bearer x") == 401
        assert ask(TOKEN, path, right, right) == 401
        assert ask("", path, b"Bearer ") == ask("", path) == 401
    assert ask(TOKEN, "/products") == ask(TOKEN, "/health") == 200


def test_the_environment_wins_over_what_the_stack_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "local.env").write_text(f"SHOP_ADMIN_TOKEN={TOKEN}\nSHOP_PORT=8100\nINTAKE_HTTP_PORT=4400\n")
    monkeypatch.setenv("OTEL_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("SHOP_PORT", "8200")
    config = from_environment("payment")
    assert (config.admin_token, config.port, config.otlp_endpoint) == (TOKEN, 8203, "http://127.0.0.1:4400")
    assert config.database_url == f"sqlite:///{tmp_path}/shop/payment.db"
    monkeypatch.setenv("SHOP_POOL_SIZE", "many")
    with pytest.raises(ConfigError, match="SHOP_POOL_SIZE='many' is not a number"):
        from_environment("payment")
