"""The MCP server over Streamable HTTP: one bearer token, loopback unless told otherwise, names checked.

A web page that a person visits may send requests to loopback, and may have its own name point there (DNS rebinding):
the token keeps it out, and so do the checks of Host and Origin (:mod:`otel_pipeline.web_guard`).
"""

import hmac
import secrets
import socket

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from otel_pipeline import web_guard
from otel_pipeline.connections import bounded
from otel_pipeline.errors import UserError
from otel_pipeline.mcp.server import build
from otel_pipeline.settings import Settings

PATH = "/mcp"
LARGEST = 1_000_000


class Bearer:
    """Lets requests with the token through; others get 401 before the body is read."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] == "http" and not self._may(scope):
            text = b'{"error":"invalid_token","error_description":"send Authorization: Bearer and the MCP_TOKEN"}'
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(text)).encode()),
                (b"www-authenticate", b'Bearer error="invalid_token"'),
            ]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": text})
            return
        await self._app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            return False
        kind, _, token = given[0].partition(b" ")
        return kind.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def application(settings: Settings, token: str) -> web_guard.App:
    """The ASGI application.

    :param token: what clients must send; never empty.
    """
    names = web_guard.LOOPBACK | web_guard.names_of(settings.mcp_allowed_hosts)
    app = build(settings).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=LARGEST,
        # The SDK's own check takes localhost:1.evil.example for localhost with a port; the guard reads names exactly.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return web_guard.programs(Bearer(app, token), names, loopback_pages=True)


def listen(settings: Settings) -> socket.socket:
    """A socket on the configured address.

    :raises UserError: the port is taken, or the address is none of this machine.
    """
    host, port = settings.mcp_host, settings.mcp_port
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()  # whoever reads the address may connect at once, and waits until it is served
    except OSError as error:
        bound.close()
        raise UserError(f"cannot listen on {host}:{port} ({error.strerror}); set MCP_PORT or MCP_HOST") from error
    return bound


def new_token() -> str:
    """A token for this run."""
    return secrets.token_urlsafe(24)


def serve(settings: Settings, token: str, bound: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    options = {**bounded(), "log_level": "warning", "access_log": False, "timeout_graceful_shutdown": 5}
    uvicorn.Server(uvicorn.Config(application(settings, token), **options)).run(sockets=[bound])
