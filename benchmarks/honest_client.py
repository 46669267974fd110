"""``python -m benchmarks.honest_client PORT SECONDS SPANS``: a client that sends a small body at times, and its clock.

A process of its own: in one with whoever abuses the intake it would wait for the interpreter, and call that the intake.
Says ``ready`` once it has sent its first body; ends with its standard input, and prints one JSON line: milliseconds
until each acknowledgement, statuses of what was refused (0: the connection broke), spans that were acknowledged.
"""

import http.client
import json
import random
import sys
import threading
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = "application/x-protobuf"
PATIENCE_SECONDS = 40


def spans(count: int = 3, name: str = "span", at: int = 0) -> bytes:
    """A request of spans that are like no others."""
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add()
    part.resource.attributes.add(key="service.name").value.string_value = "honest"
    scope = part.scope_spans.add()
    start = at or time.time_ns()
    for number in range(count):
        scope.spans.add(
            name=name,
            trace_id=random.randbytes(16),
            span_id=random.randbytes(8),
            start_time_unix_nano=start + number,
            end_time_unix_nano=start + number + 5_000_000,
        )
    return request.SerializeToString()


def post(connection: http.client.HTTPConnection, count: int) -> int:
    """Send a body of so many spans; the status of its answer."""
    try:
        connection.request("POST", "/v1/traces", spans(count), {"content-type": PROTOBUF})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


def main() -> None:
    """Send until the input ends."""
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=PATIENCE_SECONDS)
    stopping = threading.Event()
    pause, count = float(sys.argv[2]), int(sys.argv[3])
    first = post(connection, count)  # opens the connection, and is not timed
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), stopping.set()), daemon=True).start()
    took: list[float] = []
    refused: list[int] = []
    while not stopping.wait(pause):
        began = time.monotonic()
        status = post(connection, count)
        if status == http.HTTPStatus.OK:
            took.append(round((time.monotonic() - began) * 1000, 2))
        else:
            refused.append(status)
    connection.close()
    acknowledged = len(took) + (first == http.HTTPStatus.OK)
    print(json.dumps({"took": took, "refused": refused, "spans": acknowledged * count}), flush=True)


if __name__ == "__main__":
    main()
