"""Locust's own page, which starts and stops load: for this machine alone, or behind a token, and not for ever.

A page of another site that a person visits could otherwise start a load by a form, or by its own name pointing to
loopback. Off loopback WEB_TOKEN is asked for as the password of any user name (HTTP Basic).
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import gevent
from gevent import pywsgi

from otel_pipeline.connections import HEAD_SECONDS
from otel_pipeline.errors import UserError
from otel_pipeline.web_body import BODY_GRACE_SECONDS, TOO_SLOW
from otel_pipeline.web_guard import FOREIGN, LOOPBACK, READING, host_of, is_loopback, names_of, origin_of

LOCAL = "127.0.0.1"
LARGEST_FORM = 64 << 10
Start = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class LocustGuard:
    """A layer around a WSGI application.

    :param host: address that it listens on; "" and ``*`` are all.
    :raises UserError: other machines reach it, and there is no token.
    """

    def __init__(self, app: Wsgi, host: str, token: str, further: str = "") -> None:
        self._app = app
        self._local = is_loopback(host)
        self._token = token
        if not self._local and not token:
            raise UserError("Locust's page would be open to other machines: set WEB_TOKEN, or --web-host 127.0.0.1")
        self._names = LOOPBACK | names_of(further) | (frozenset() if host in ("", "*", "0.0.0.0") else names_of(host))

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """One request."""
        if refused := self._refusal(environ):
            ask = [("WWW-Authenticate", 'Basic realm="locust"')] if refused.startswith("401") else []
            start(refused, [("Content-Type", "text/plain"), *ask])
            return [refused.encode()]

        def guarded(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            ours = [("X-Frame-Options", "DENY"), ("X-Content-Type-Options", "nosniff")]
            return start(status, [*headers, *ours, ("Cross-Origin-Resource-Policy", "same-origin")], *more)

        return self._app(environ, guarded)

    def _refusal(self, environ: dict[str, Any]) -> str:
        host = host_of(environ.get("HTTP_HOST", ""))
        if host is None or (self._local and host[0] not in self._names):
            return "421 Misdirected Request"
        origin = environ.get("HTTP_ORIGIN", "")
        if origin:
            found = origin_of(origin)
            own = found is not None and found[1] == host[0] and found[2] == (host[1] or 80)
            if not own:
                return "403 Forbidden"
        elif environ.get("HTTP_SEC_FETCH_SITE") in FOREIGN:
            follows = environ.get("HTTP_SEC_FETCH_DEST") == "document" and environ["REQUEST_METHOD"] in READING
            if not (follows and environ.get("PATH_INFO") == "/"):
                return "403 Forbidden"
        return "" if (self._local and not self._token) or self._knows(environ) else "401 Unauthorized"

    def _knows(self, environ: dict[str, Any]) -> bool:
        kind, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        try:
            password = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and hmac.compare_digest(password, self._token.encode())


class BoundedHandler(pywsgi.WSGIHandler):
    """Locust's server with deadlines: a head has to come in so many seconds, and so has a form.

    An application gets its form whole; what is too late or too large is answered for it, and ends the connection.
    """

    def handle_one_request(self) -> Any:
        """One request; None ends the connection."""
        self._head = gevent.Timeout.start_new(HEAD_SECONDS)
        try:
            return super().handle_one_request()
        except gevent.Timeout as late:
            if late is not self._head:
                raise
            return None
        finally:
            self._head.close()

    def handle_one_response(self) -> None:
        """The head is there."""
        self._head.close()
        super().handle_one_response()

    def run_application(self) -> None:
        """Read the form, then let the application answer."""
        refused = "413 Payload Too Large"
        environ: dict[str, Any] = self.environ or {}
        given = environ["wsgi.input"]
        try:
            with gevent.Timeout(BODY_GRACE_SECONDS):
                form = given.read(LARGEST_FORM + 1)
        except gevent.Timeout:
            form, refused = None, "408 Request Timeout"
        if form is not None and len(form) <= LARGEST_FORM:
            environ["wsgi.input"] = BytesIO(form)
        else:
            self.wsgi_input = pywsgi.Input(self.rfile, 0)  # what is left of it is not waited for
            self.application = lambda _, start: _closing(start, refused)
        super().run_application()


def _closing(start: Start, status: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain"), ("Connection", "close")])
    return [(TOO_SLOW if status.startswith("408") else status).encode()]
