"""``python -m benchmarks.fuzz_intake TARGET --seconds N``: bodies and files that were tampered with, at random.

Targets, each with what must hold whatever comes:

- ``decompress``: what is unpacked is never larger than allowed; a refusal is 400 or 413; nothing takes long.
- ``decode``: what is taken can be stored: read again it is taken as it is, its times lie within the horizon.
- ``spool``: every body that no flip has hit is read; what is damaged is covered without a gap; no forged mark is read.
- ``http``: raw bytes on a connection; the process lives, and answers an honest request.
- ``engine``: what the door takes the engine inserts, or refuses for good: nothing may stay in the spool for ever.

Prints one JSON line; exit status 1, with the seed, at the first failure. Short runs of the same are tests.
"""

import argparse
import gzip
import json
import random
import socket
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.torture.bench import Intake, spans
from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.protocol import JSON, PROTOBUF, Accepted, BadBody, accept, decompress
from otel_pipeline.intake.segments import MARK, Mark, mark_of, pieces, seed_of
from otel_pipeline.intake.statements import statements
from otel_pipeline.intake.writer import Refused, Sender
from otel_pipeline.localdb.launcher import temporary_server

LIMIT = 100_000
SLOW_SECONDS = 3.0
REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
Round = Callable[[random.Random], str]


def horizon() -> Horizon:
    """What can be stored now."""
    now = time.time_ns()
    return Horizon(now - 30 * 86_400 * 10**9, now + 3600 * 10**9, now)


def tampered(chance: random.Random, body: bytes) -> bytes:
    """The body with some bytes flipped, cut out, doubled, or put in."""
    found = bytearray(body)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(6):
            case 0 if found:
                found[place % len(found)] ^= 1 << chance.randrange(8)
            case 1 if found:
                found[place % len(found)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                del found[place : place + chance.randrange(1, 20)]
            case 3:
                found[place:place] = chance.randbytes(chance.randrange(1, 12))
            case 4:
                found[place:place] = found[place : place + chance.randrange(1, 60)] * chance.randrange(1, 4)
            case _:
                del found[place:]
    return bytes(found)


def value(chance: random.Random, target, depth: int = 0) -> None:
    """Fill an AnyValue with anything."""
    match chance.randrange(8 if depth < 4 else 6):
        case 0:
            target.string_value = chance.choice(("", "x", "caf\xe9", "\0", "9" * 50, "\u2028", "a" * 300))
        case 1:
            target.int_value = chance.choice((0, -1, 2**63 - 1, -(2**63), 7))
        case 2:
            target.double_value = chance.choice((0.0, -0.0, 1e300, 5e-324, float("nan"), float("inf"), 1.5))
        case 3:
            target.bool_value = chance.random() < 0.5
        case 4:
            target.bytes_value = chance.randbytes(chance.randrange(9))
        case 5:
            return
        case 6:
            target.array_value.SetInParent()
            for _ in range(chance.randrange(4)):
                value(chance, target.array_value.values.add(), depth + 1)
        case 7:
            target.kvlist_value.SetInParent()
            for _ in range(chance.randrange(4)):
                pair = target.kvlist_value.values.add(key=chance.choice(("", "k", "k2")))
                value(chance, pair.value, depth + 1)


def moment(chance: random.Random) -> int:
    """A time, mostly of today."""
    now = time.time_ns()
    odd = (0, 1, 2**63 - 1, 2**63, 2**64 - 1, now + 10**13, now - 10**17, 43 * 10**17)
    return now - chance.randrange(10**12) if chance.random() < 0.7 else chance.choice(odd)


def request(chance: random.Random, signal: str) -> bytes:
    """A request with odd values in odd places."""
    found = REQUESTS[signal]()
    for _ in range(chance.randrange(1, 3)):
        part = (
            found.resource_spans.add()
            if isinstance(found, ExportTraceServiceRequest)
            else found.resource_logs.add()
            if isinstance(found, ExportLogsServiceRequest)
            else found.resource_metrics.add()
        )
        for _ in range(chance.randrange(3)):
            value(chance, part.resource.attributes.add(key=chance.choice(("service.name", "", "x"))).value)
        scopes = {"traces": "scope_spans", "logs": "scope_logs", "metrics": "scope_metrics"}[signal]
        for _ in range(chance.randrange(3)):
            scope = getattr(part, scopes).add()
            for _ in range(chance.randrange(4)):
                {"traces": _span, "logs": _line, "metrics": _metric}[signal](chance, scope)
    return found.SerializeToString()


def _span(chance: random.Random, scope) -> None:
    span = scope.spans.add(
        name=chance.choice(("", "GET /", "n" * 400, "\0")),
        trace_id=chance.randbytes(chance.choice((0, 8, 16, 16, 16, 33))),
        span_id=chance.randbytes(chance.choice((0, 8, 8, 8, 16))),
        start_time_unix_nano=moment(chance),
        end_time_unix_nano=moment(chance),
        flags=chance.choice((0, 1, 2**32 - 1)),
    )
    for _ in range(chance.randrange(3)):
        value(chance, span.attributes.add(key=chance.choice(("a", "a", "", "http.status_code"))).value)
    for _ in range(chance.randrange(2)):
        span.events.add(name="e", time_unix_nano=moment(chance))
        span.links.add(trace_id=chance.randbytes(chance.choice((0, 16))))


def _line(chance: random.Random, scope) -> None:
    line = scope.log_records.add(time_unix_nano=moment(chance), observed_time_unix_nano=moment(chance))
    value(chance, line.body)
    for _ in range(chance.randrange(3)):
        value(chance, line.attributes.add(key=chance.choice(("a", "rr-web.event", ""))).value)


def _metric(chance: random.Random, scope) -> None:
    metric = scope.metrics.add(name=chance.choice(("", "m")))
    kind = chance.choice(("gauge", "sum", "histogram", "exponential_histogram", "summary", ""))
    if not kind:
        return
    getattr(metric, kind).SetInParent()
    for _ in range(chance.randrange(3)):
        point = getattr(metric, kind).data_points.add(
            time_unix_nano=moment(chance), start_time_unix_nano=moment(chance)
        )
        if kind in ("gauge", "sum"):
            point.as_double = chance.choice((0.0, float("nan"), 1e308))
        elif kind == "histogram":
            point.bucket_counts.extend([2**64 - 1] * chance.randrange(3))
            point.explicit_bounds.extend([1.0] * chance.randrange(3))


def decompressing(chance: random.Random) -> str:
    """One round of ``decompress``."""
    encoding = chance.choice(("gzip", "deflate", "zstd"))
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding]
    plain = chance.choice((b"", b"x", chance.randbytes(300), bytes(chance.choice((10, LIMIT, LIMIT + 1, 10 * LIMIT)))))
    body = tampered(chance, pack(plain) * chance.randrange(1, 4))
    began = time.process_time()
    try:
        assert len(decompress(body, encoding, LIMIT)) <= LIMIT
        return "taken"
    except BadBody as error:
        assert error.status in (400, 413), error
        return "refused"
    finally:
        assert time.process_time() - began < SLOW_SECONDS


def body_of(chance: random.Random) -> tuple[str, bytes, str]:
    """Signal, body and content type of what a client might send."""
    signal = chance.choice(list(REQUESTS))
    body = request(chance, signal)
    if chance.random() < 0.25:
        from google.protobuf import json_format

        try:
            text = json_format.MessageToJson(REQUESTS[signal].FromString(body), indent=None).encode()
        except (ValueError, UnicodeError):
            text = b"{}"
        return signal, tampered(chance, text), JSON
    return signal, tampered(chance, body), PROTOBUF


def decoded(chance: random.Random) -> tuple[str, Accepted | None]:
    """A body through the door."""
    signal, body, content_type = body_of(chance)
    bounds = horizon()
    began = time.process_time()
    try:
        accepted = accept(signal, body, content_type, bounds)
    except BadBody as error:
        assert error.status in (400, 413), error
        return signal, None
    finally:
        assert time.process_time() - began < SLOW_SECONDS
    again = accept(signal, accepted.body, PROTOBUF, bounds)
    assert again.body == accepted.body and not again.rejected and not again.dead, "not taken as it is"
    if accepted.dead:
        left = accept(signal, accepted.dead, PROTOBUF, bounds)
        assert left.rejected == accepted.rejected, (left.rejected, accepted.rejected)
    return signal, accepted


def decoding(chance: random.Random) -> str:
    """One round of ``decode``."""
    _, accepted = decoded(chance)
    return "refused" if accepted is None else "partly" if accepted.rejected else "taken"


def spooling(folder: Path) -> Round:
    """Rounds of ``spool``."""
    run = "0" * 20 + "ab" * 8
    path = folder / f"plain_logs-{run}-000000000005.ready"
    seed = seed_of(run)

    def once(chance: random.Random) -> str:
        old = b"".join(mark_of(b"old", number, 0, seed) + b"old" for number in range(1, chance.randrange(1, 5)))
        raw, places = bytearray(), []
        for number in range(5, 5 + chance.randrange(1, 30)):
            forged = mark_of(b"x", 2**50, 0, 0) + b"x"
            body = chance.choice((chance.randbytes(chance.randrange(1, 400)), forged, b"\x7a\x1c" * 40))
            places.append((len(raw), len(raw) + MARK.size + len(body), number))
            raw += mark_of(body, number, number - 1, seed) + body
        raw += old
        hit: set[int] = set()
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            start = chance.randrange(len(raw))
            for place in range(start, min(len(raw), start + chance.choice((1, 1, 40, 500)))):
                raw[place] ^= chance.randrange(1, 256)
                hit |= {number for first, last, number in places if first <= place < last}
        path.write_bytes(raw)
        found = list(pieces(path))
        numbers = {piece.number for piece in found if isinstance(piece, Mark)}
        assert numbers >= {number for *_, number in places} - hit, (numbers, hit)
        assert numbers <= {number for *_, number in places}, "a mark that was never written"
        assert all(before.end == after.start for before, after in pairwise(found)), "a gap"
        return "damaged" if hit else "whole"

    return once


def http_round(intake: Intake) -> Round:
    """Rounds of ``http``."""

    def once(chance: random.Random) -> str:
        body = spans(2)
        lengths = chance.choice((f"Content-Length: {len(body)}", "Transfer-Encoding: chunked", "Content-Length: 3"))
        path = chance.choice(("traces", "logs", "x"))
        head = f"POST /v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {PROTOBUF}\r\n{lengths}\r\n\r\n"
        if "chunked" in lengths:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", intake.port), timeout=20) as connection:
            connection.sendall(tampered(chance, (head.encode() + body) * chance.randrange(1, 3)))
            if chance.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
            connection.settimeout(0.02)
            try:
                answer = connection.recv(100)[9:12].decode(errors="replace")
            except OSError:
                answer = "none"
        if chance.random() < 0.02:
            assert intake.post("/v1/traces", spans(1))[0] == 200, "an honest request"
        assert intake.alive(), "it ended"
        return answer

    return once


def engine_round(sender: Sender) -> Round:
    """Rounds of ``engine``."""
    number = iter(range(10**9))

    def once(chance: random.Random) -> str:
        _, accepted = decoded(chance)
        if accepted is None or not accepted.body:
            return "nothing"
        for statement in statements(accepted.kind):
            try:
                sender.send(statement, f"fuzz-{next(number)}", BytesIO(accepted.body), len(accepted.body))
            except Refused:
                return "refused"
        return "inserted"

    return once


def run(once: Round, seconds: float, seed: int) -> Counter[str]:
    """Rounds until the time is over.

    :raises AssertionError: with the number of the round that failed.
    """
    outcomes: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline:
        try:
            outcomes[once(random.Random(seed * 10**9 + number))] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}: {type(error).__name__}: {error}") from error
        number += 1
    return outcomes


def main() -> None:
    """Fuzz one target, or all, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    targets = ("decompress", "decode", "spool", "http", "engine")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets))
    parser.add_argument("--seconds", type=float, default=1200, help="for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    result: dict[str, dict[str, int]] = {}
    failed = False
    with tempfile.TemporaryDirectory(prefix="fuzz-intake-") as name:
        folder = Path(name)
        for target in arguments.targets or targets:
            try:
                if target == "decompress":
                    found = run(decompressing, arguments.seconds, arguments.seed)
                elif target == "decode":
                    found = run(decoding, arguments.seconds, arguments.seed)
                elif target == "spool":
                    found = run(spooling(folder), arguments.seconds, arguments.seed)
                else:
                    with temporary_server(folder / target) as settings:
                        if target == "engine":
                            found = run(engine_round(Sender(settings)), arguments.seconds, arguments.seed)
                        else:
                            intake = Intake(settings, folder / "intake").start()
                            try:
                                found = run(http_round(intake), arguments.seconds, arguments.seed)
                            finally:
                                intake.stop()
                result[target] = dict(found)
            except AssertionError:
                failed = True
                traceback.print_exc()
    print(json.dumps({"seed": arguments.seed, **result}))
    sys.exit(failed)


if __name__ == "__main__":
    main()
