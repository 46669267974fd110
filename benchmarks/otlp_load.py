"""A cheap OTLP/HTTP load: bodies encoded beforehand, sent over keep-alive sockets by threads of a process of its own.

    python -m benchmarks.otlp_load traces PORT SECONDS RATE CONNECTIONS

``RATE`` is bodies a second, 0 for as fast as they are acknowledged. Prints one JSON line: for every body when it was
sent (seconds since the epoch) and when it was acknowledged; and the CPU seconds that sending took.
"""

import json
import random
import socket
import sys
import threading
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span

RECORDS = 512
BODIES = 48


def _attributes(target, values: dict[str, str | int]) -> None:
    for key, value in values.items():
        pair = target.add()
        pair.key = key
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def _resource(resource, service: str) -> None:
    _attributes(resource.attributes, {"service.name": service, "service.version": "1.4.0", "host.name": "web-1"})


def traces_body(seed: int, records: int = RECORDS, at: int | None = None) -> bytes:
    """A request of typical server spans, about 230 bytes each."""
    rnd = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _resource(resource_spans.resource, f"service-{seed % 5}")
    scope = resource_spans.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.fastapi"
    start = at or time.time_ns()
    for _ in range(records):
        span = scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = rnd.randbytes(16), rnd.randbytes(8), rnd.randbytes(8)
        span.name = rnd.choice(("GET /products", "GET /products/{id}", "POST /cart/add", "POST /checkout"))
        span.kind = Span.SPAN_KIND_SERVER
        span.start_time_unix_nano = start + rnd.randrange(10**9)
        span.end_time_unix_nano = span.start_time_unix_nano + rnd.randrange(10**8)
        product = rnd.randrange(10**4)
        _attributes(
            span.attributes,
            {
                "http.request.method": "GET",
                "http.route": "/products/{id}",
                "url.path": f"/products/{product}",
                "http.response.status_code": 200,
                "server.address": "shop",
            },
        )
    return request.SerializeToString()


def logs_body(seed: int, records: int = RECORDS, at: int | None = None) -> bytes:
    """A request of typical log records, about 230 bytes each."""
    rnd = random.Random(seed)
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    _resource(resource_logs.resource, f"service-{seed % 5}")
    scope = resource_logs.scope_logs.add()
    scope.scope.name = "shop.checkout"
    start = at or time.time_ns()
    for _ in range(records):
        record = scope.log_records.add()
        record.trace_id, record.span_id = rnd.randbytes(16), rnd.randbytes(8)
        record.time_unix_nano = record.observed_time_unix_nano = start + rnd.randrange(10**9)
        record.severity_number, record.severity_text = SeverityNumber.SEVERITY_NUMBER_INFO, "INFO"
        record.body.string_value = f"order {rnd.randrange(10**6)} paid with card in {rnd.randrange(500)} ms"
        _attributes(
            record.attributes,
            {
                "code.function.name": "pay",
                "code.line.number": rnd.randrange(500),
                "thread.name": "worker-1",
                "order.items": 3,
            },
        )
    return request.SerializeToString()


MAKERS = {"traces": traces_body, "logs": logs_body}


class Connection:
    """A keep-alive HTTP/1.1 connection to the intake that only posts OTLP."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, signal: str, body: bytes) -> int:
        """Send a body; the status of the answer."""
        head = (
            f"POST /v1/{signal} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        parts = [head.encode(), body]
        sent = self.socket.sendmsg(parts)
        if sent < len(parts[0]) + len(body):  # the rest, without having copied the body
            self.socket.sendall(memoryview(body)[max(0, sent - len(parts[0])) :])
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._part()
        headers, _, rest = answer.partition(b"\r\n\r\n")
        length = int(headers.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(rest) < length:
            rest += self._part()
        return int(headers.split(b" ", 2)[1])

    def _part(self) -> bytes:
        part = self.socket.recv(4096)
        if not part:
            raise ConnectionError("the intake closed the connection")
        return part


def drive(signal: str, port: int, seconds: float, rate: float, connections: int) -> tuple[list, float]:
    """Send for a while; (sent, acknowledged) of every body, and CPU seconds."""
    bodies = [MAKERS[signal](seed) for seed in range(BODIES)]
    cpu = time.process_time()
    done: list[tuple[float, float]] = []
    lock = threading.Lock()
    turn = iter(range(10**12))
    begin = time.time()

    def work() -> None:
        connection = Connection(port)
        while True:
            with lock:
                number = next(turn)
            due = begin + number / rate if rate else time.time()
            if due > begin + seconds or time.time() > begin + seconds:
                return
            time.sleep(max(0.0, due - time.time()))
            # From when it was due, so that a stall is not hidden by what it kept from being sent.
            sent = due if rate else time.time()
            status = connection.post(signal, bodies[number % len(bodies)])
            if status != 200:
                raise RuntimeError(f"the intake answered {status}")
            done.append((sent, time.time()))

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done, time.process_time() - cpu


if __name__ == "__main__":
    signal_name, port_number, duration, bodies_per_second, parallel = sys.argv[1:]
    result, cpu_s = drive(signal_name, int(port_number), float(duration), float(bodies_per_second), int(parallel))
    print(json.dumps({"records": RECORDS, "bodies": result, "cpu_s": cpu_s}))
