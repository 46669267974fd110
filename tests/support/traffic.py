"""Made-up traffic of three services, for tests: edge calls orders, orders calls stock and its database.

    edge GET /orders > edge (client) GET > orders GET /orders > orders (client) GET > stock GET /stock > stock SELECT

Deterministic: the same arguments give the same spans and lines.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database

SPAN_COLUMNS = (
    "Timestamp",
    "TraceId",
    "SpanId",
    "ParentSpanId",
    "SpanName",
    "SpanKind",
    "ServiceName",
    "Duration",
    "StatusCode",
    "StatusMessage",
    "SpanAttributes",
    "ResourceAttributes",
)
LINE_COLUMNS = ("Timestamp", "TraceId", "SpanId", "SeverityText", "SeverityNumber", "ServiceName", "Body")
MS = 1_000_000
YESTERDAY = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Ten in the morning: old rows would fall to the retention."""


@dataclass
class Traffic:
    """Rows for otel_traces and otel_logs."""

    spans: list[list[Any]] = field(default_factory=list)
    lines: list[list[Any]] = field(default_factory=list)

    def renamed(self, names: Mapping[str, str]) -> "Traffic":
        """The same traffic of a system whose services have other names."""

        def other(text: str) -> str:
            for old, new in names.items():
                text = text.replace(old, new)
            return text

        for row in self.spans:
            row[4], row[6] = other(row[4]), other(row[6])
        for row in self.lines:
            row[5], row[6] = other(row[5]), other(row[6])
        return self

    def write(self, db: Database) -> "Traffic":
        """Insert everything."""
        db.insert("otel_traces", self.spans, SPAN_COLUMNS)
        db.insert("otel_logs", self.lines, LINE_COLUMNS)
        return self


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a time: which service is slow or fails, in which share of its visits."""

    start: float
    end: float
    slow: str = ""
    fails: str = ""
    share: float = 1.0


def span(
    traffic: Traffic,
    *,
    trace: str,
    name: str,
    parent: str,
    start: datetime,
    ms: float,
    service: str,
    operation: str,
    kind: str = "Internal",
    error: str = "",
    attributes: dict[str, str] | None = None,
    version: str = "1.0",
) -> None:
    """Add one span."""
    traffic.spans.append(
        [
            *(start, trace, name, parent, operation, kind, service, int(ms * MS), "Error" if error else "Unset", error),
            *(attributes or ({"error.type": error} if error else {}), {"service.version": version}),
        ]
    )


def line(  # noqa: PLR0917
    traffic: Traffic, trace: str, name: str, at: datetime, service: str, body: str, *, severity: str = "INFO"
) -> None:
    """Add one log line."""
    number = {"INFO": 9, "WARN": 13, "ERROR": 17}[severity]
    traffic.lines.append([at, trace, name, severity, number, service, body])


def shop(
    start: datetime,
    seconds: float,
    *,
    per_second: float = 5,
    faults: tuple[Fault, ...] = (),
    seed: int = 1,
    tenants: Sequence[str] = (),
) -> Traffic:
    """Traffic from ``start`` on.

    :param tenants: values of the root spans' ``tenant.region``, in turn by chance.
    """
    traffic, rng = Traffic(), random.Random(seed)
    for number in range(int(seconds * per_second)):
        offset = (number + rng.random()) / per_second
        at = start + timedelta(seconds=offset)
        active = [f for f in faults if f.start <= offset < f.end and rng.random() < f.share]
        _order(traffic, f"{seed:04x}{number:028x}", at, rng, active)
        for row in traffic.spans[::-1] if tenants else ():
            if not row[3]:  # the root of the trace that was just added
                row[10] = {**row[10], "tenant.region": random.Random(number).choice(tenants)}
                break
    return traffic


def _order(traffic: Traffic, trace: str, at: datetime, rng: random.Random, faults: list[Fault]) -> None:
    slow = {f.slow for f in faults}
    fails = {f.fails for f in faults}

    def work(service: str) -> float:
        return rng.lognormvariate(1.5, 0.3) * (30 if service in slow else 1)

    database, stock, orders, edge = rng.lognormvariate(0.5, 0.3), work("stock"), work("orders"), work("edge")
    if rng.random() < 0.3:  # some orders need no stock
        chain = [("edge", edge), ("orders", orders)]
    else:
        chain = [("edge", edge), ("orders", orders), ("stock", stock + database)]
    total = sum(ms for _, ms in chain) + 2 * (len(chain) - 1)
    failed = next((service for service, _ in reversed(chain) if service in fails), "")
    parent, begin, left = "", at, total
    for depth, (service, ms) in enumerate(chain):
        name = f"{trace[-8:]}{depth}s"
        broken = bool(failed) and depth <= [s for s, _ in chain].index(failed)
        error = ("ValueError" if service == failed else "upstream failed") if broken else ""
        server = {"trace": trace, "name": name, "parent": parent, "start": begin, "ms": left, "service": service}
        span(traffic, **server, operation=f"GET /{service}", kind="Server", error=error)
        line(traffic, trace, name, begin, service, f"{service} answers request {rng.randrange(10**6)}")
        if service == failed:
            line(
                traffic, trace, name, begin, service, f"cannot handle request {rng.randrange(10**6)}", severity="ERROR"
            )
        if service == "stock":
            query = {
                "trace": trace,
                "name": f"{name}q",
                "parent": name,
                "start": begin + timedelta(milliseconds=stock / 2),
            }
            span(traffic, **query, ms=database, service=service, operation="SELECT stock", kind="Client")
        if depth + 1 < len(chain):
            begin += timedelta(milliseconds=ms / 2)
            left -= ms
            client = {
                "trace": trace,
                "name": f"{name}c",
                "parent": name,
                "start": begin,
                "ms": left,
                "service": service,
            }
            span(
                traffic,
                **client,
                operation="GET",
                kind="Client",
                error="upstream failed" if broken and service != failed else "",
            )
            parent = f"{name}c"
            begin += timedelta(milliseconds=1)
            left -= 2
