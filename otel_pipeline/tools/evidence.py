"""Queries over raw telemetry that check an investigation's first cause: named, so that anybody can run them again.

All take the same parameters: service, the window, and ``since``, from which on the quiet time before is compared.
"""

from functools import partial
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.sqlfiles import SQL
from otel_pipeline.together import together
from otel_pipeline.tools.times import iso
from otel_pipeline.tools.untrusted import named

CHECKS = ("evidence__entries", "evidence__messages", "evidence__traces")
PREFIXES = ("evidence__", "plan__")


def gather(db: Database, found: Investigation) -> dict[str, Any]:
    """What the queries say about the first cause, and how to ask them again."""
    window = found.focus
    since = min((piece.start for piece in found.reference), default=window.start)
    parameters = {
        "service": found.causes[0].service,
        "start": iso(window.start),
        "end": iso(window.end),
        "since": iso(since),
    }
    rows = together(*(partial(db.rows, name, **parameters) for name in CHECKS))
    results = [{"query": name, "rows": found} for name, found in zip(CHECKS, rows, strict=True)]
    return {"parameters": parameters, "results": results}


def names() -> list[str]:
    """Named queries that agents may run."""
    return sorted(path.stem for prefix in PREFIXES for path in (SQL / "query").glob(f"{prefix}*.sql"))


def known(name: str) -> str:
    """The name of such a query.

    :raises UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(f"no query {named(name)}; there are {', '.join(names())}")
    return name
