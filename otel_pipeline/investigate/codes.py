"""Codes and ids in a query: what holds a digit is masked in templates, so the lines themselves are asked.

The newest lines first, in stretches that grow, until enough are found, all are looked through, or the time is up: then
a note says how far back the lines were looked through. The index over the lines' tokens (of HyperDX's schema) skips
most of them, as long as the code is rare and lines do not hold many ids each.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import utc

MOST_CODES = 3
TOKENS = 3  # of a code, that narrow the search
LINES = 300  # with a code, the newest ones: enough to name its templates
FIRST_STRETCH, GROWTH = timedelta(days=1), 4
# For all codes of a query; the query itself gives up after a second of its own (search__codes).
SECONDS = 1.0
_CODE = re.compile(r"[^\s\"'(),;\[\]{}<>]*\d[^\s\"'(),;\[\]{}<>]*")
# As the engine's token index splits: at what is ASCII and neither letter nor digit.
_APART = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")


def codes_of(text: str) -> list[tuple[str, list[str]]]:
    """What looks like a code or an id in a query: as it is given, and its tokens, the most telling first."""
    codes = []
    for found in _CODE.findall(text):
        code = found.strip(".:!?-/")
        # Lower case as the engine's: ASCII alone.
        tokens = [token for token in _APART.split(code.encode().lower().decode()) if token]
        tokens.sort(key=lambda token: (any(c in "0123456789" for c in token), len(token)), reverse=True)
        if len(code) > 2 and tokens and any(c in "0123456789" for c in tokens[0]):
            codes.append((code, tokens[:TOKENS]))
    return codes[:MOST_CODES]


def templates_with(
    db: Database, text: str, service: str, start: datetime, end: datetime
) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Templates whose lines hold a code of the query, with such lines (``Bodies``) and their traces (``TraceIds``).

    :returns: by template; and a note for each code for which not all lines were looked through.
    """
    found: dict[int, dict[str, Any]] = {}
    notes: list[str] = []
    if not (codes := codes_of(text)):
        return found, notes
    extent = db.one("search__extent")
    start, end = max(start, utc(extent["First"])), min(end, utc(extent["Last"]) + timedelta(seconds=1))
    deadline = time.monotonic() + SECONDS
    for code, tokens in codes:
        until, stretch, lines = end, FIRST_STRETCH, 0
        while until > start and lines < LINES and time.monotonic() < deadline:
            begin = max(start, until - stretch)
            rows = db.rows(
                "search__codes",
                code=code,
                tokens=(tokens * TOKENS)[:TOKENS],
                service=service,
                start=begin,
                end=until,
                lines=LINES - lines,
            )
            for row in rows:
                found.setdefault(row["TemplateId"], row)
            lines += sum(row["Lines"] for row in rows)
            if time.monotonic() < deadline:
                until, stretch = begin, stretch * GROWTH
        if until > start and lines < LINES:
            notes.append(
                f"looking for {code} in the lines takes too long; not all of those before"
                f" {until.astimezone(UTC):%Y-%m-%d %H:%M} were looked through; give a shorter window"
            )
    return found, notes
