"""What a browser may ask of a server on loopback: an ASGI layer in front of each of them.

Any page that a person visits can send requests to loopback, and can have its own name point there (DNS rebinding). So
each request is judged by what a page cannot forge, before the application sees it:

- ``Host`` must be a name of ours, read exactly: ``localhost:1.evil.example`` is none;
- ``Origin``, where there is one, must be our own, or one that the settings allow;
- ``Sec-Fetch-Site`` must not be that of a foreign page, except for following a link to a page of ours;
- what changes anything is a POST of ``application/json``, which a foreign page cannot send without asking first.

Answers forbid to be framed, guessed at, or loaded by other origins. A body has to arrive (:mod:`web_body`), else it is
answered with 408; an answer that does not wait for the rest of a body ends the connection: nobody keeps one open with a
body that nothing reads. :class:`Login` asks for a token in front of pages.
"""

import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from otel_pipeline.errors import UserError
from otel_pipeline.sanitize import Html
from otel_pipeline.settings import Settings
from otel_pipeline.web_body import TOO_SLOW, Body, Message, Pace, Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
JSON = "application/json"
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9_](?:[a-z0-9._-]{0,252})))(?::(?P<port>\d{1,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\s]+)")

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
FOREIGN = ("cross-site", "same-site")  # the port counts for an origin, not for a site: both are other origins
READING = ("GET", "HEAD")


def host_of(text: str) -> tuple[str, int | None] | None:
    """Name and port of a ``Host`` header; None where it is not exactly one of each."""
    found = _HOST.fullmatch(text.lower())
    if not found or (found["port"] and not 0 < int(found["port"]) < 65536):
        return None
    return found["six"] or found["name"], int(found["port"]) if found["port"] else None


def origin_of(text: str) -> tuple[str, str, int] | None:
    """Scheme, name and port of an ``Origin`` header; None for ``null`` and whatever else is not one."""
    found = _ORIGIN.fullmatch(text.lower())
    host = host_of(found["host"]) if found else None
    if not found or not host:
        return None
    return found["scheme"], host[0], host[1] or PORTS[found["scheme"]]


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def names_of(text: str) -> frozenset[str]:
    """Names in a setting, with commas between them.

    :raises UserError: one is no host name.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    hosts = [host_of(f"[{name}]" if ":" in name else name) for name in names]
    if wrong := [name for name, host in zip(names, hosts, strict=True) if host is None]:
        raise UserError(f"{', '.join(wrong)}: not a host name; write names without scheme or port, commas between them")
    return frozenset(host[0] for host in hosts if host)


def origins_of(text: str) -> frozenset[tuple[str, str, int]]:
    """Origins in a setting, with commas between them.

    :raises UserError: one is no origin.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if wrong := [part for part in parts if origin_of(part) is None]:
        raise UserError(f"{', '.join(wrong)}: not an origin, such as http://shop.example:8000")
    return frozenset(origin for part in parts if (origin := origin_of(part)))


@dataclass(frozen=True)
class Rules:
    """What one server takes.

    :param hosts: names by which it is called; None: any (a service in a network of its own).
    :param origins: further origins whose pages may read and write here (they get CORS answers).
    :param own_pages: whether pages of this very server may; an intake has none.
    :param loopback_pages: whether pages of any port of ``hosts`` may: for a server whose every request has a token.
    :param linked: whether a link of another site may lead here.
    :param json: whether changes must be JSON; ``forms`` are paths that take a form.
    :param posted: paths that are only ever asked by POST.
    :param paced: whether bodies have deadlines here; an application may have its own.
    """

    hosts: frozenset[str] | None = LOOPBACK
    origins: frozenset[tuple[str, str, int]] = frozenset()
    own_pages: bool = True
    loopback_pages: bool = False
    linked: bool = False
    json: bool = True
    forms: frozenset[str] = frozenset()
    posted: frozenset[str] = frozenset()
    paced: bool = True


class Headers:
    """The headers of a request, of which some may come once only."""

    def __init__(self, scope: Scope) -> None:
        self._all: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._all.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def one(self, name: str) -> str:
        """Its value, "" without one.

        :raises ValueError: it came twice.
        """
        values = self._all.get(name, [""])
        if len(values) > 1:
            raise ValueError(f"more than one {name} header")
        return values[0].strip()


def refusal(scope: Scope, rules: Rules) -> tuple[int, str] | None:
    """Why a request must not reach the server: status and reason; None when it may."""
    headers = Headers(scope)
    try:
        host = host_of(headers.one("host"))
        if host is None or (rules.hosts is not None and host[0] not in rules.hosts):
            return 421, "this server is not known by the name in Host"
        return _foreign(scope, headers, host, rules) or _form(scope, headers, rules)
    except ValueError as error:
        return 400, str(error)


def _foreign(scope: Scope, headers: Headers, host: tuple[str, int | None], rules: Rules) -> tuple[int, str] | None:
    """Why: whose page asks."""
    if origin := headers.one("origin"):
        allowed = _allowed(origin_of(origin), host, rules)
        return None if allowed else (403, "pages of this origin may not use this server")
    if headers.one("sec-fetch-site") not in FOREIGN:
        return None
    follows = headers.one("sec-fetch-mode") == "navigate" and headers.one("sec-fetch-dest") == "document"
    if rules.linked and follows and scope.get("method") in READING and scope["path"] not in rules.posted:
        return None
    return 403, "requests of foreign pages are refused"


def _form(scope: Scope, headers: Headers, rules: Rules) -> tuple[int, str] | None:
    """Why: how it is asked."""
    if scope["type"] != "http" or scope["method"] == "OPTIONS":
        return None
    if scope["method"] in READING:
        page = not scope["query_string"] and "text/html" in headers.one("accept")
        return (405, f"send it with POST, as {JSON}") if scope["path"] in rules.posted and not page else None
    content = headers.one("content-type").partition(";")[0].strip().lower()
    if rules.json and content != JSON and scope["path"] not in rules.forms:
        return 415, f"send {JSON}"
    return None


def _allowed(origin: tuple[str, str, int] | None, host: tuple[str, int | None], rules: Rules) -> bool:
    if origin is None:
        return False
    scheme, name, port = origin
    own = rules.own_pages and name == host[0] and port == (host[1] or PORTS[scheme])
    near = rules.loopback_pages and name in (rules.hosts or ())
    return own or near or origin in rules.origins


class Guard:
    """The layer: judges a request by its :class:`Rules`, and adds what keeps answers to their own origin."""

    def __init__(self, app: App, rules: Rules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, connection or life."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        body = Body.of(scope, receive, Pace() if self.rules.paced else None)
        send = body.closing(send)
        if refused := refusal(scope, self.rules):
            with suppress(ConnectionError):
                await body.discard()
                await refuse(scope, receive, send, *refused)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        cors = self._cors(scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(n, v) for n, v in message["headers"] if n.lower() != b"access-control-allow-origin"]
                there = {name.lower() for name, _ in kept}
                extra = [(n, v) for n, v in HEADERS if n not in there or n == b"content-security-policy"]
                if cors:
                    extra = [(n, v) for n, v in extra if n != b"cross-origin-resource-policy"] + cors
                message = {**message, "headers": [*kept, *extra]}
            await send(message)

        await Deadline(body, guarded).run(self.app, scope)

    def _cors(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """What lets a page of an allowed foreign origin read the answer."""
        text = Headers(scope).one("origin")
        if text and origin_of(text) in self.rules.origins:
            return [(b"access-control-allow-origin", text.encode("latin-1")), (b"vary", b"Origin")]
        return []


class Deadline:
    """Between an application and a client whose body may come too slowly: answers for the application, once it does.

    The application sees a client that is gone. Where its answer has begun already, that answer ends the connection.
    """

    def __init__(self, body: Body, send: Send) -> None:
        self._body = body
        self._send = send
        self._has_begun = False
        self._has_answered = False

    async def run(self, app: App, scope: Scope) -> None:
        """Let the application answer a request."""
        try:
            await app(scope, self._receive, self._sent)
        except Exception:
            if not self._has_answered:  # else it tells only of the client that seems to be gone
                raise

    async def _receive(self) -> Message:
        try:
            return await self._body.receive()
        except TimeoutError:
            if not self._has_begun:
                self._has_begun = self._has_answered = True
                await answer(self._send, 408, json.dumps({"error": TOO_SLOW}).encode(), JSON)
            return {"type": "http.disconnect"}

    async def _sent(self, message: Message) -> None:
        self._has_begun = True
        if not self._has_answered:
            await self._send(message)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    """Answer with a reason; a web socket is closed before it opens."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    await answer(send, status, json.dumps({"error": reason}).encode(), JSON)


async def answer(
    send: Send, status: int, body: bytes, content_type: str, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """A whole answer of ours."""
    headers = [*HEADERS, *extra, (b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


COOKIE = "otel_pipeline"
LOGIN = "/otel-pipeline/login"
SHORTEST_TOKEN = 16
LARGEST_FORM = 4096
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>otel-pipeline</title>{refresh}
<body style="font-family:sans-serif;margin:4em auto;max-width:24em"><h1>otel-pipeline</h1><p>{text}</p>
<form method="post" action="{action}"><input type="password" name="token" autofocus aria-label="token">
<button>Open</button></form></body></html>"""


class Login:
    """Lets through whoever has the token: as a bearer, or in a cookie that a form or a ``?token=`` link sets.

    The cookie holds a digest of the token; scripts cannot read it, other sites cannot have it sent.

    :param token: WEB_TOKEN. :param open_paths: answered without it, for probes.
    """

    def __init__(self, app: App, token: str, open_paths: Iterable[str] = ()) -> None:
        self.app = app
        self._token = token
        self._open = frozenset(open_paths)
        self._cookie = hmac.new(token.encode(), b"otel-pipeline web session", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, connection or life."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._open or self._knows(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse(scope, receive, send, 401, "log in first")
        elif scope["method"] == "POST" and scope["path"] == LOGIN:
            form = dict(parse_qsl((await _body(receive)).decode("latin-1")))
            await self._enter(send, scope, form.get("token", ""), form.get("next", "/"))
        elif scope["method"] in READING and (query := dict(parse_qsl(scope["query_string"].decode("latin-1")))).get(
            "token"
        ):
            rest = urlencode({name: value for name, value in query.items() if name != "token"})
            await self._enter(send, scope, query["token"], quote(scope["path"]) + (f"?{rest}" if rest else ""))
        elif scope["method"] in READING and "text/html" in Headers(scope).one("accept"):
            await self._ask(send, 401, "This page needs the token (WEB_TOKEN).")
        else:
            await refuse(scope, receive, send, 401, "log in first, or send Authorization: Bearer and the WEB_TOKEN")

    def _knows(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                kind, _, token = value.partition(b" ")
                if kind.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token.encode()):
                    return True
            elif name == b"cookie":
                for part in value.split(b";"):
                    key, _, found = part.strip().partition(b"=")
                    if key == COOKIE.encode() and hmac.compare_digest(found, self._cookie.encode()):
                        return True
        return False

    async def _enter(self, send: Send, scope: Scope, token: str, onward: str) -> None:
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            await self._ask(send, 403, "That is not the token.")
            return
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        cookie = f"{COOKIE}={self._cookie}; HttpOnly; SameSite=Strict; Path=/{secure}".encode()
        # A page of ours that leads on, not a redirect: browsers send a Strict cookie only where our own site asks.
        onward = "/" + onward.lstrip("/\\")
        refresh = Html(f'<meta http-equiv="refresh" content="0;url={Html.of(onward)}">')
        page = PAGE.format(refresh=refresh, text="Welcome.", action=LOGIN)
        await answer(send, 200, page.encode(), "text/html; charset=utf-8", [(b"set-cookie", cookie)])

    async def _ask(self, send: Send, status: int, text: str) -> None:
        page = PAGE.format(refresh="", text=Html.of(text), action=LOGIN)
        await answer(send, status, page.encode(), "text/html; charset=utf-8")


async def _body(receive: Receive) -> bytes:
    """A small form; what is larger is cut."""
    body = b""
    while len(body) < LARGEST_FORM:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    return body[:LARGEST_FORM]


# The servers of this project.


def pages(app: App, settings: Settings, host: str, posted: Iterable[str] = (), probes: Iterable[str] = ()) -> App:
    """A server with pages for people, such as Dagster's: guarded, and behind the login where one is set.

    :param host: address that it listens on. :param posted: paths asked by POST alone. :param probes: open to all.
    :raises UserError: it can be reached from other machines, and there is no token.
    """
    further = names_of(settings.web_allowed_hosts)
    names = LOOPBACK | further | (frozenset() if host in ("0.0.0.0", "::", "") else names_of(host))
    token = settings.web_token
    if not token and (further or not is_loopback(host)):
        raise UserError(f"pages at {host} can be opened from other machines: set WEB_TOKEN")
    if token and len(token) < SHORTEST_TOKEN:
        raise UserError(f"WEB_TOKEN is too short to be a secret: use {SHORTEST_TOKEN} characters or more")
    inner = Login(app, token, probes) if token else app
    return Guard(inner, Rules(hosts=names, linked=True, posted=frozenset(posted), forms=frozenset((LOGIN,))))


def intake(app: App, settings: Settings) -> App:
    """The OTLP intake: programs, and pages of the origins that may send (INTAKE_ALLOWED_ORIGINS)."""
    origins = origins_of(settings.intake_allowed_origins) or frozenset(
        ("http", name, settings.shop_port) for name in LOOPBACK
    )
    # Off loopback containers call it by names of their network; a foreign page is still told by its Origin.
    hosts = LOOPBACK if is_loopback(settings.intake_host) else None
    # The intake's own door gives bodies the same deadlines, and answers as OTLP has it.
    return Guard(app, Rules(hosts=hosts, origins=origins, own_pages=False, json=False, paced=False))


def programs(app: App, hosts: frozenset[str] = LOOPBACK, *, loopback_pages: bool = False) -> App:
    """A server for programs alone: JSON, names of ours, no foreign page."""
    return Guard(app, Rules(hosts=hosts, loopback_pages=loopback_pages))
