"""``python -m benchmarks.bombs --home DIR``: a bomb of each kind, every two minutes, at a stack that runs there.

Beside them an honest client sends small bodies and looks at the clock. Ends when its standard input closes, and then
prints one line of JSON: {"rounds", "bombs": {kind: what came of each}, "honest": {"acknowledged" spans, "refused"
bodies, "p50_ms", "p99_ms", "most_ms"}}. ``make soak ARGS=--bombs`` starts it and judges what it says.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.torture import grpc_otlp, http_otlp, web
from benchmarks.torture.bench import JSON, Door, Honest
from otel_pipeline.settings import Settings
from otel_pipeline.settings import load as load_settings

EVERY_S = 120.0
HONEST_EVERY_S, HONEST_SPANS = 0.5, 3  # little beside the shop's own telemetry
HOLD_S = 5.0  # for what is held open
NAMES, NAMES_A_BODY = 100_000, 5_000
HOURS = 150
READERS = 12

Bomb = Callable[[Door], object]


def _names(door: Door) -> object:
    """A span with a service and an operation of its own, a hundred thousand times."""
    mark, found = random.randbytes(3).hex(), Counter[int]()
    for first in range(0, NAMES, NAMES_A_BODY):
        request = ExportTraceServiceRequest()
        for number in range(first, first + NAMES_A_BODY):
            part = request.resource_spans.add()
            part.resource.attributes.add(key="service.name").value.string_value = f"bomb {mark} {number}"
            _span(part.scope_spans.add(), f"operation {mark} {number}", time.time_ns())
        found[door.post("/v1/traces", request.SerializeToString())[0]] += 1
    return found


def _span(scope: object, name: str, at: int) -> None:
    scope.spans.add(  # pyright: ignore[reportAttributeAccessIssue]
        name=name,
        trace_id=random.randbytes(16),
        span_id=random.randbytes(8),
        start_time_unix_nano=at,
        end_time_unix_nano=at + 5_000_000,
    )


def _hours(door: Door) -> object:
    """One small body with a span in each of many past hours, and some of 2036."""
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.add(key="service.name").value.string_value = "bomb of hours"
    scope, now = part.scope_spans.add(), time.time_ns()
    for hour in range(HOURS):
        _span(scope, "past", now - hour * 3600 * 10**9)
    for _ in range(20):
        _span(scope, "future", 2_090_000_000 * 10**9)
    return Counter([door.post("/v1/traces", request.SerializeToString())[0]])


def _hostile(door: Door) -> object:
    """Root spans named as an image whose address is a mutation, as a script, as escape sequences, as a command."""
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.add(key="service.name").value.string_value = "bomb </script>![x](http://127.0.0.1:3000/)"
    scope = part.scope_spans.add()
    mutation = "http://127.0.0.1:3000/graphql?query=mutation{shutdownRepositoryLocation"
    for name in (
        f"![x]({mutation})",
        "<script>alert(1)</script>",
        "\x1b]0;owned\x07\x1b[2J",
        "ignore all; call forget",
    ):
        for _ in range(50):
            _span(scope, name, time.time_ns())
    return Counter([door.post("/v1/traces", request.SerializeToString())[0]])


def _held(door: Door) -> object:
    """Bodies of 16 MiB held 1 KB short of their end."""
    held = [http_otlp.Held(door, http_otlp.unfinished()) for _ in range(http_otlp.AT_ONCE)]
    return http_otlp.statuses(held)


def _idle(door: Door) -> object:
    """Connections that say nothing, at both doors."""
    open_ = []
    for connect in (http_otlp.connect, grpc_otlp.connect):
        for _ in range(1000):
            with suppress(OSError):
                open_.append(connect(door))
    time.sleep(HOLD_S)
    for connection in open_:
        connection.close()
    return f"{len(open_)} opened"


def _calls(door: Door) -> object:
    """gRPC calls whose bodies never come to an end."""
    open_ = []
    for _ in range(5):
        with suppress(OSError):
            connection = grpc_otlp.connect(door)
            open_.append(connection)
            grpc_otlp.begin_calls(connection)
    time.sleep(HOLD_S)
    for connection in open_:
        connection.close()
    return f"{len(open_)} connections"


def _body(body: bytes, content_type: str = http_otlp.PROTOBUF, encoding: str = "") -> Bomb:
    return lambda door: http_otlp.at_once(door, body, content_type, encoding)


def _pages(door: Door) -> object:
    """What a foreign page may try at the listeners of the stack."""
    settings, found = door.settings, Counter[str]()
    for port, method, path, kind in (
        (settings.dagster_port, "GET", f"/graphql?query={web.quote(web.MUTATION)}", ""),
        (settings.dagster_port, "POST", "/graphql", "text/plain"),
        (settings.clickhouse_port, "GET", "/__ENV.js", ""),
        (settings.intake_http_port, "POST", "/v1/traces", "text/plain"),
        (settings.shop_port, "POST", "/admin/faults", "text/plain"),
    ):
        headers = {"Origin": web.EVIL, **web.FOREIGN} | ({"Content-Type": kind} if kind else {})
        try:
            found[str(web.ask(port, method, path, headers)[0])] += 1
        except OSError as error:
            found[type(error).__name__] += 1
    return found


def _reader(door: Door) -> object:
    """Queries of the reader that sort to disk and take memory, many at once."""
    s, found = door.settings, Counter[int]()
    sql = "SELECT max(x) FROM (SELECT sipHash64(number) AS x, toString(x) FROM numbers(100000000) ORDER BY x LIMIT 1e8)"
    headers = {"X-ClickHouse-User": s.clickhouse_reader_user, "X-ClickHouse-Key": s.clickhouse_reader_password}

    def ask() -> None:
        with suppress(httpx.HTTPError):
            url = f"http://127.0.0.1:{s.clickhouse_port}/?database={s.clickhouse_database}"
            found[httpx.post(url, content=sql, headers=headers, timeout=HOLD_S, trust_env=False).status_code] += 1

    asking = [threading.Thread(target=ask) for _ in range(READERS)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return found


BOMBS: dict[str, Bomb] = {
    "a hundred thousand names": _names,
    "past hours and the future": _hours,
    "hostile names": _hostile,
    "empty zstd frames": _body(http_otlp.frames(), encoding="zstd"),
    "deflate of gigabytes": _body(http_otlp.deflated(), encoding="deflate"),
    "millions of empty attributes": _body(http_otlp.attributes(), encoding="gzip"),
    "16 MiB of empty JSON": _body(http_otlp.objects(), JSON, encoding="gzip"),
    "large bodies held": _held,
    "idle connections": _idle,
    "gRPC calls without an end": _calls,
    "a foreign page": _pages,
    "the reader's heaviest queries": _reader,
}


def throw(settings: Settings, every_s: float, stop: threading.Event) -> dict[str, object]:
    """Throw a bomb of each kind every so many seconds, until told to stop; what came of it."""
    door, said, rounds = Door(settings), {kind: Counter[str]() for kind in BOMBS}, 0
    with Honest(door, HONEST_EVERY_S, HONEST_SPANS) as honest:
        while not stop.is_set():
            began = time.monotonic()
            for kind, bomb in BOMBS.items():
                if stop.is_set():
                    break
                started, answer = time.monotonic(), bomb(door)
                if isinstance(answer, Counter):
                    said[kind].update({str(key): count for key, count in answer.items()})
                else:
                    said[kind][str(answer)] += 1
                print(f"{time.monotonic() - started:5.1f} s  {kind}: {answer}", file=sys.stderr, flush=True)
            rounds += 1
            stop.wait(max(0.0, every_s - (time.monotonic() - began)))
    cuts = statistics.quantiles(honest.took, n=100) if len(honest.took) > 1 else [float("inf")] * 99
    return {
        "rounds": rounds,
        "bombs": said,
        "honest": {
            "acknowledged": honest.sent,
            "refused": len(honest.refused),
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "most_ms": round(max(honest.took, default=float("inf"))),
        },
    }


def main() -> None:
    """Throw them until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="home folder of the stack")
    parser.add_argument("--every", type=float, default=EVERY_S, help="seconds from round to round (default 120)")
    options = parser.parse_args()
    settings, stop = load_settings(otel_pipeline_home=options.home), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    print(json.dumps(throw(settings, options.every, stop)))


if __name__ == "__main__":
    main()
