"""OTLP over HTTP: bodies that cost much, clients that hold on, bytes that are no text, times that are none."""

import gzip
import http.client
import json
import random
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from benchmarks.honest_client import PATIENCE_SECONDS, PROTOBUF, spans
from benchmarks.torture import case
from benchmarks.torture.bench import JSON, Bench, Door, Intake, lines, until, wrapped

LISTENER = "OTLP/HTTP"
AT_ONCE = 6
HOST = "127.0.0.1"  # a name that the intake's guard knows: what a case names is reached
EVIL = "http://evil.example"
EMPTY_ZSTD = zstandard.compress(b"")


def at_once(
    intake: Door, body: bytes, content_type: str = PROTOBUF, encoding: str = "", path: str = "/v1/traces"
) -> Counter[int]:
    """Statuses of some equal bodies that are sent at the same time."""
    found: Counter[int] = Counter()
    posts = [
        threading.Thread(target=lambda: found.update([intake.post(path, body, content_type, encoding)[0]]))
        for _ in range(AT_ONCE)
    ]
    for post in posts:
        post.start()
    for post in posts:
        post.join()
    return found


def bomb(bench: Bench, body: bytes, content_type: str = PROTOBUF, encoding: str = "") -> str:
    """What comes of six such bodies."""
    found: Counter[int] = Counter()
    beside = bench.beside(lambda intake: found.update(at_once(intake, body, content_type, encoding)))
    said = "refused" if set(found) <= {400, 413, 429} else f"statuses {dict(found)}"
    memory = bench.intake.rss_mb()
    return f"{said}, {beside}" if memory < 700 else f"{said}, {beside}, {memory:.0f} MB"


REFUSED = "refused, honest in time"


def frames() -> bytes:
    """2 MB of empty zstd frames."""
    return EMPTY_ZSTD * (2_000_000 // len(EMPTY_ZSTD))


def deflated() -> bytes:
    """A deflate body of 256 MiB."""
    return zlib.compress(bytes(256 << 20), 9)


def attributes() -> bytes:
    """Millions of empty attributes, an unknown field beside them; gzip."""
    return gzip.compress(b"\xf8\x7f\x01" + wrapped(0x0A, wrapped(0x0A, b"\x0a\x00" * (7 << 20))))


def objects() -> bytes:
    """16 MiB of JSON with millions of empty objects; gzip."""
    return gzip.compress(b'{"resourceSpans":[' + b"{}," * (5 << 20) + b"{}]}")


def unfinished() -> bytes:
    """A request of 16 MiB, 1 KB short of its end."""
    return head(16 << 20) + bytes((16 << 20) - 1024)


@case(LISTENER, "2 MB of empty zstd frames, six at once", REFUSED)
def _(bench: Bench) -> str:
    return bomb(bench, frames(), encoding="zstd")


@case(LISTENER, "2 MB of empty gzip members, six at once", REFUSED)
def _(bench: Bench) -> str:
    return bomb(bench, gzip.compress(b"") * 100_000, encoding="gzip")


@case(LISTENER, "zstd bodies that unpack to gigabytes", REFUSED)
def _(bench: Bench) -> str:
    return bomb(bench, zstandard.compress(bytes(1 << 30)), encoding="zstd")


@case(LISTENER, "deflate bodies that unpack to gigabytes", REFUSED)
def _(bench: Bench) -> str:
    return bomb(bench, deflated(), encoding="deflate")


@case(LISTENER, "16 MiB of empty spans, compressed to a few KB", REFUSED)
def _(bench: Bench) -> str:
    return bomb(
        bench, gzip.compress(wrapped(0x0A, wrapped(0x12, b"\x12\x00" * (8 << 20 - 1)))[: 16 << 20]), encoding="gzip"
    )


@case(LISTENER, "millions of empty attributes, an unknown field beside them", REFUSED, slow=True)
def _(bench: Bench) -> str:
    return bomb(bench, attributes(), encoding="gzip")


@case(LISTENER, "16 MiB of JSON with millions of empty objects", REFUSED, slow=True)
def _(bench: Bench) -> str:
    return bomb(bench, objects(), JSON, "gzip")


@case(LISTENER, "JSON and protobuf nested a hundred thousand deep", "refused 400 and 400")
def _(bench: Bench) -> str:
    deep = b""
    for _ in range(20_000):
        deep = wrapped(0x2A, wrapped(0x0A, deep))[: 1 << 20]
    first = bench.intake.post("/v1/logs", b'{"resourceLogs":' + b'[{"scopeLogs":' * 100_000, JSON)[0]
    second = bench.intake.post("/v1/logs", wrapped(0x0A, wrapped(0x12, wrapped(0x12, wrapped(0x2A, deep)))))[0]
    return f"refused {first} and {second}"


def connect(to: Door | int) -> socket.socket:
    """A connection to an intake, or to a port."""
    port = to if isinstance(to, int) else to.port
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def head(length: int, more: str = "", line: str = "POST /v1/traces", host: str = HOST, kind: str = PROTOBUF) -> bytes:
    """The head of a request, by default a POST of spans."""
    fields = (f"Host: {host}", f"Content-Type: {kind}", f"Content-Length: {length}")
    return (f"{line} HTTP/1.1\r\n" + "".join(f"{field}\r\n" for field in fields) + f"{more}\r\n").encode()


class Held:
    """A connection whose request never ends, and what the server made of it."""

    def __init__(self, to: Door | int, start: bytes) -> None:
        self._connection = connect(to)
        self._connection.sendall(start)
        self._connection.settimeout(0)
        self._answer = b""
        self.has_ended = False

    def go_on(self, more: bytes = b"") -> None:
        """Read what has come, then send more."""
        try:
            while part := self._connection.recv(65536):
                self._answer += part
            self.has_ended = True
        except BlockingIOError:
            with suppress(OSError):
                self._connection.send(more)
        except OSError:
            self.has_ended = True

    @property
    def status(self) -> str:
        """The status of the answer, and that the connection has not ended where it has not."""
        return (self._answer[9:12].decode() or "no answer") + ("" if self.has_ended else ", still open")

    def close(self) -> None:
        """Give up."""
        self._connection.close()


def statuses(held: list[Held], more: bytes = b"") -> str:
    """What became of connections, each status once, when all have ended, or after :data:`PATIENCE_SECONDS`.

    :param more: sent each second meanwhile.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not all(one.has_ended for one in held) and time.monotonic() < deadline:
        for one in held:
            if not one.has_ended:
                one.go_on(more)
        time.sleep(1)
    for one in held:
        one.close()
    return " and ".join(sorted({one.status for one in held}))


@case(
    LISTENER,
    "six bodies of 16 MiB held 1 KB short of their end",
    "honest in time, a large one 200, the held ones ended with 408",
)
def _(bench: Bench) -> str:
    found: list[object] = []

    def hold(intake: Intake) -> None:
        held = [Held(intake, unfinished()) for _ in range(AT_ONCE)]
        time.sleep(1)
        found.append(intake.post("/v1/traces", spans(40_000, "x" * 100))[0])
        found.append(statuses(held))

    beside = bench.beside(hold)
    return f"{beside}, a large one {found[0]}, the held ones ended with {found[1]}"


def _is_closed(connection: socket.socket, seconds: float = 5) -> bool:
    """Whether the other side has answered and closed, or closes soon."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        connection.close()


@case(LISTENER, "200 small bodies that come at a byte a second", "honest in time, ended with 408")
def _(bench: Bench) -> str:
    found: list[str] = []

    def trickle(intake: Intake) -> None:
        found.append(statuses([Held(intake, head(1000)) for _ in range(200)], b"x"))

    return f"{bench.beside(trickle)}, ended with {found[0]}"


NOT_AWAITED = {
    "421 another name": head(1000, host="evil.example"),
    "403 another origin": head(1000, f"Origin: {EVIL}\r\n"),
    "404 another path": head(1000, line="POST /elsewhere"),
    "405 another method": head(1000, line="PUT /v1/traces"),
    "415 another type": head(1000, kind="text/plain"),
    "413 too large": head(10**12),
    "200 a probe": head(1000, line="GET /healthz"),
    "204 a preflight": head(1000, line="OPTIONS /v1/traces"),
}


@case(LISTENER, "bodies at a byte a second behind requests that are answered without them", "each answered and ended")
def _(bench: Bench) -> str:
    held = {asked: Held(bench.intake, start) for asked, start in NOT_AWAITED.items()}
    statuses([*held.values()], b"x")
    wrong = [f"{asked}: {one.status}" for asked, one in held.items() if one.status != asked[:3]]
    return "; ".join(wrong) or "each answered and ended"


@case(LISTENER, "heads that come at a byte a second", "closed within 15 s")
def _(bench: Bench) -> str:
    connection, began = connect(bench.intake), time.monotonic()
    try:
        for byte in head(10):
            connection.sendall(bytes([byte]))
            time.sleep(0.5)
            if time.monotonic() - began > 15:
                return "still open after 15 s"
    except OSError:
        return "closed within 15 s"
    finally:
        connection.close()
    return "still open"


def overflow(bench: Bench, send: Callable[[socket.socket], None]) -> str:
    """What comes of somebody who sends without end."""
    connection, before = connect(bench.intake), bench.intake.rss_mb()
    try:
        send(connection)
        is_closed = _is_closed(connection)
    except OSError:
        is_closed = True
    grown = bench.intake.rss_mb() - before
    return ("closed" if is_closed else "open") + (f", {grown:.0f} MB more" if grown > 60 else "")


@case(LISTENER, "a head of 100 MB", "closed")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nX-Long: ")
        for _ in range(100):
            connection.sendall(b"x" * (1 << 20))

    return overflow(bench, send)


@case(LISTENER, "a hundred thousand header lines", "closed")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\n")
        for _ in range(100):
            connection.sendall(b"X-A: b\r\n" * 1000)

    return overflow(bench, send)


@case(LISTENER, "a path of 10 MB", "closed")
def _(bench: Bench) -> str:
    return overflow(bench, lambda connection: connection.sendall(b"POST /" + b"x" * (10 << 20)))


@case(LISTENER, "a body in chunks of one byte, with extensions", "closed")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n")
        connection.sendall(f"Content-Type: {PROTOBUF}\r\n\r\n".encode())
        for _ in range(200):
            connection.sendall((b"1;" + b"e" * 60 + b"\r\nx\r\n") * 100)

    return overflow(bench, send)


@case(LISTENER, "endless trailers after a body", "closed")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n")
        connection.sendall(f"Content-Type: {PROTOBUF}\r\n\r\n0\r\n".encode())
        for _ in range(100):
            connection.sendall(b"X-A: b\r\n" * 1000)

    return overflow(bench, send)


@case(LISTENER, "2,000 idle connections at 1,024 descriptors", "honest in time, the spool is written")
def _(bench: Bench) -> str:
    with bench.own(descriptors=1024) as intake:
        idle: list[socket.socket] = []

        def hold(intake: Intake) -> None:
            for _ in range(2000):
                try:
                    idle.append(connect(intake))
                except OSError:
                    break
            for _ in range(20):
                intake.post("/v1/traces", spans())

        beside = bench.beside(hold, intake)
        wrote = intake.post("/v1/logs", lines("written").SerializeToString())[0]
        for connection in idle:
            connection.close()
        return f"{beside}, " + ("the spool is written" if wrote == 200 else f"the spool answers {wrote}")


@case(LISTENER, "a thousand requests in one write, answers never read", "honest in time")
def _(bench: Bench) -> str:
    def send(intake: Intake) -> None:
        body = spans(1)
        connection = connect(intake)
        connection.settimeout(3)
        try:
            for _ in range(100):
                connection.sendall((head(len(body)) + body) * 10)
        except OSError:
            pass
        time.sleep(1)
        connection.close()

    return bench.beside(send)


@case(LISTENER, "lengths that contradict each other or are no numbers", "refused, honest in time")
def _(bench: Bench) -> str:
    found: Counter[str] = Counter()

    def send(intake: Intake) -> None:
        for more in (
            "Content-Length: 10\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity, chunked, chunked\r\n",
        ):
            for length in (-1, 5, 10**30):
                connection = connect(intake)
                connection.sendall(head(length, more) + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n")
                connection.settimeout(15)
                try:
                    answer = connection.recv(4096)
                except OSError:
                    answer = b""
                found.update([answer[9:12].decode() or "closed"])
                connection.close()

    beside = bench.beside(send)
    return ("refused" if set(found) <= {"400", "408", "413", "closed"} else str(dict(found))) + f", {beside}"


@case(LISTENER, "other paths, methods, upgrades and versions", "404 404 405 404 404 404 400")
def _(bench: Bench) -> str:
    found = []
    for line in (
        "GET /v1/traces/../../etc/passwd HTTP/1.1",
        "POST /%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
        "PUT /v1/traces HTTP/1.1",
        "TRACE / HTTP/1.1",
        "POST //v1/traces HTTP/1.1",
        "GET / HTTP/0.9",
        "PRI * HTTP/2.0",
    ):
        connection = connect(bench.intake)
        connection.sendall(f"{line}\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode())
        connection.settimeout(15)
        found.append(connection.recv(4096)[9:12].decode())
        connection.close()
    return " ".join(found)


@case(LISTENER, "Latin-1 and NUL bytes in names, keys and lines", "stored with U+FFFD")
def _(bench: Bench) -> str:
    mark = f"{random.randrange(10**9)}"
    request = lines(f"caf? {mark} \0")
    request.resource_logs[0].scope_logs[0].log_records[0].attributes.add(key=f"k? {mark}").value.string_value = "v?"
    status, _ = bench.intake.post("/v1/logs", request.SerializeToString().replace(b"?", b"\xe9"))
    found = until(
        lambda: (
            bench.database.client.query(
                "SELECT Body, LogAttributes FROM otel_logs WHERE Body LIKE {like:String}", {"like": f"%{mark}%"}
            ).result_rows
        )
    )
    wanted = [(f"caf\ufffd {mark} \0", {f"k\ufffd {mark}": "v\ufffd"})]
    return "stored with U+FFFD" if found == wanted else f"{status}: {found}"


@case(LISTENER, "spans of 1970, 2036, 2106 and beyond 2262", "told, kept as dead letters; the good one stored")
def _(bench: Bench) -> str:
    mark = f"clock {random.randrange(10**9)}"
    document = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {"name": mark, "startTimeUnixNano": str(start), "endTimeUnixNano": str(start)}
                            for start in (time.time_ns(), 1, 2_090_000_000 * 10**9, 43 * 10**17, 93 * 10**17)
                        ]
                    }
                ]
            }
        ]
    }
    before = bench.intake.get("/readyz")[1]["dead_letters"]
    status, answer = bench.intake.post("/v1/traces", json.dumps(document).encode(), JSON)
    partial = json.loads(answer).get("partialSuccess", {})
    stored = until(lambda: bench.ask("SELECT count() FROM otel_traces WHERE SpanName = {name:String}", name=mark))
    kept = bench.intake.get("/readyz")[1]["dead_letters"] - before
    if (status, partial.get("rejectedSpans"), stored, kept) == (200, "4", 1, 1):
        return "told, kept as dead letters; the good one stored"
    return f"{status} {partial}, {stored} stored, {kept} dead letters"


@case(LISTENER, "a line without any time, a span without a start", "stored with the time of receipt")
def _(bench: Bench) -> str:
    mark = f"timeless {random.randrange(10**9)}"
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": mark}}]}]}]}
    span = {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": mark, "endTimeUnixNano": str(time.time_ns())}]}]}]}
    for path, document in (("/v1/logs", line), ("/v1/traces", span)):
        bench.intake.post(path, json.dumps(document).encode(), JSON)
    found = until(
        lambda: (
            bench.ask("SELECT count() FROM otel_logs WHERE Body = {m:String} AND Timestamp > now() - 100", m=mark)
            and bench.ask(
                "SELECT count() FROM otel_traces WHERE SpanName = {m:String} AND Duration = 0 AND Timestamp > today()",
                m=mark,
            )
        )
    )
    return "stored with the time of receipt" if found else "not stored"


@case(LISTENER, "names of a megabyte, ten thousand attributes, ids of a kilobyte", "stored, honest in time")
def _(bench: Bench) -> str:
    mark = f"huge {random.randrange(10**9)}"

    def send(intake: Intake) -> None:
        spans_ = [
            {"name": f"{mark} " + "n" * (1 << 20), "traceId": "ab" * 1000, "startTimeUnixNano": str(time.time_ns())},
            {
                "name": f"{mark} attributes",
                "startTimeUnixNano": str(time.time_ns()),
                "attributes": [{"key": f"k{number}", "value": {"intValue": number}} for number in range(10_000)],
            },
        ]
        document = {"resourceSpans": [{"scopeSpans": [{"spans": spans_}]}]}
        intake.post("/v1/traces", json.dumps(document).encode(), JSON)

    beside = bench.beside(send)
    count = lambda: bench.ask("SELECT count() FROM otel_traces WHERE startsWith(SpanName, {m:String})", m=mark)  # noqa: E731
    stored = until(lambda: count() == 2)
    return f"{'stored' if stored else f'{count()} stored'}, {beside}"


@case(LISTENER, "clients that break off in the middle of everything", "honest in time")
def _(bench: Bench) -> str:
    chance, body = random.Random(5), spans(50)

    def send(intake: Intake) -> None:
        whole = head(len(body)) + body
        for _ in range(300):
            connection = connect(intake)
            connection.sendall(whole[: chance.randrange(len(whole))])
            if chance.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()

    return bench.beside(send)


@case(LISTENER, "a partial success that a client cannot read", "an answer in the client's own encoding")
def _(bench: Bench) -> str:
    answer = ExportTraceServiceResponse.FromString(bench.intake.post("/v1/traces", spans(at=1))[1])
    return "an answer in the client's own encoding" if answer.partial_success.rejected_spans == 3 else str(answer)


@case(LISTENER, "a burst of connections, each with one request", "honest in time")
def _(bench: Bench) -> str:
    def send(intake: Intake) -> None:
        for _ in range(300):
            connection = http.client.HTTPConnection("127.0.0.1", intake.port, timeout=15)
            connection.request("POST", "/v1/traces", spans(1), {"content-type": PROTOBUF})
            connection.getresponse().read()
            connection.close()

    return bench.beside(send)
