"""What is not as before: errors, latency, traffic, log lines, versions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.segments import burst_surprise
from otel_pipeline.investigate.model import Change
from otel_pipeline.together import together

LEAST_SURPRISE = 3.0
CERTAIN, LEAST_ERRORS, ERROR = 8.0, 5, 17
SLOWER = 1.5
TRAFFIC = 2.0
LEAST = 10
SURE, MORE_CALLS, LITTLE, CALLS = 5.0, 1.25, 0.1, 4
SHOWN = 12


@dataclass(frozen=True)
class Counted:
    """Rows of ``investigate__services``, ``investigate__lines`` and ``investigate__repeats``."""

    services: Sequence[dict[str, Any]] = ()
    lines: Sequence[dict[str, Any]] = ()
    calls: Sequence[dict[str, Any]] = ()

    @property
    def usual(self) -> dict[str, tuple[int, int]]:
        """Visits of each service in the reference, and those that failed."""
        return {row["Service"]: (row["Before"], row["FailedBefore"]) for row in self.services}


def count(db: Database, window: Window, reference: Sequence[Window]) -> Counted:
    """Count visits and lines in the window and in the reference. Nothing without a reference."""
    if not reference:
        return Counted()
    where = {
        "starts": [window.start, *(w.start for w in reference)],
        "ends": [window.end, *(w.end for w in reference)],
    }
    return Counted(
        *together(
            lambda: db.rows("investigate__services", **where),
            lambda: db.rows("investigate__lines", **where),
            lambda: db.rows("investigate__repeats", **where),
        )
    )


def of(counted: Counted, window: Window, reference: Sequence[Window], service: str | None = None) -> list[Change]:
    """Changes in the window against the reference, the clearest of each kind first.

    :param service: only changes of this service.
    """
    seconds = (window.end - window.start).total_seconds()
    before = sum((w.end - w.start).total_seconds() for w in reference)
    visits = {row["Service"]: (row["Now"], row["Before"]) for row in counted.services}
    found = [
        *_versions(counted.services),
        *(change for row in counted.services for change in _service(row, seconds, before)),
        *_calls(counted.calls),
        *_lines(counted.lines, visits),
    ]
    return [change for change in found if service in (None, change.service)][: 2 * SHOWN]


def broke(counted: Counted) -> set[str]:
    """Services that log errors as they never did, in requests that somebody waits for: that is trouble, however few."""
    visits = {row["Service"]: (row["Now"], row["Before"]) for row in counted.services}
    found = set()
    for row in counted.lines:
        now, before = visits.get(row["Service"], (0, 0))
        if row["Severity"] >= ERROR and row["Asked"] >= LEAST_ERRORS and now and before:
            usual = (row["Before"] + 0.5) / (before + 1)
            if burst_surprise(now, min(row["Asked"], now), min(usual, 0.99)) >= CERTAIN:
                found.add(row["Service"])
    return found


def _versions(services: Sequence[dict[str, Any]]) -> list[Change]:
    return [
        Change("version", row["Service"], f"{', '.join(new)} (before: {', '.join(row['VersionsBefore'])})", 0, 1)
        for row in services
        if row["VersionsBefore"] and (new := sorted(set(row["VersionsNow"]) - set(row["VersionsBefore"])))
    ]


def _calls(rows: Sequence[dict[str, Any]]) -> list[Change]:
    """Calls that are made more often a request, as by retries or for want of a cache, or no longer; of each pair of
    services the clearest.
    """
    found: dict[tuple[str, str], tuple[float, Change]] = {}
    for row in rows:
        now, before = row["CallsNow"] / row["TracesNow"], row["CallsBefore"] / row["TracesBefore"]
        spread = math.sqrt(max(now, before) * (1 / row["TracesNow"] + 1 / row["TracesBefore"]))
        times = (now + LITTLE) / (before + LITTLE)
        if 1 / MORE_CALLS < times < MORE_CALLS or abs(now - before) < SURE * spread:
            continue
        what = f"calls to {row['Callee']} a request ({row['Root']})"
        change = Change("calls", row["Caller"], what, round(before, 2), round(now, 2))
        clear = abs(now - before) * row["TracesNow"]
        key = (row["Caller"], row["Callee"])
        if key not in found or clear > found[key][0]:
            found[key] = (clear, change)
    return [change for _, change in sorted(found.values(), key=lambda item: -item[0])[:CALLS]]


def _service(row: dict[str, Any], seconds: float, before_seconds: float) -> list[Change]:
    found = []
    now, before = row["Now"], row["Before"]
    if now and before:
        share, usual = row["FailedNow"] / now, (row["FailedBefore"] + 0.5) / (before + 1)
        if burst_surprise(now, row["FailedNow"], usual) >= LEAST_SURPRISE:
            found.append(
                Change("errors", row["Service"], "share of requests that fail", round(usual, 4), round(share, 4))
            )
        if min(now, before) >= LEAST and row["MsNow"] > SLOWER * row["MsBefore"] and row["MsNow"] > row["MsBefore"] + 1:
            found.append(
                Change(
                    "latency",
                    row["Service"],
                    "median self time of a request, ms",
                    round(row["MsBefore"], 2),
                    round(row["MsNow"], 2),
                )
            )
    rate, usual = now / seconds * 60, before / before_seconds * 60 if before_seconds else 0.0
    if max(now, before) >= LEAST and not 1 / TRAFFIC <= (rate + 1) / (usual + 1) <= TRAFFIC:
        found.append(Change("traffic", row["Service"], "requests a minute", round(usual, 1), round(rate, 1)))
    return found


def _lines(lines: Sequence[dict[str, Any]], visits: dict[str, tuple[int, int]]) -> list[Change]:
    """Log templates that are new, gone, or much more frequent a visit."""
    scored = []
    for row in lines:
        now, before = visits.get(row["Service"], (0, 0))
        if not now or not before:
            continue
        usual, share = (row["Before"] + 0.5) / (before + 1), row["Now"] / now
        if row["Now"]:
            surprise = burst_surprise(now, min(row["Now"], now), min(usual, 0.99))
            kind = "more log lines" if row["Before"] else "new log line"
        else:
            surprise = burst_surprise(now, now, 1 - min(usual, 0.99))
            kind = "vanished log line"
        severe = row["Severity"] >= 13
        # More of what is no complaint is traffic; a complaint that is heard no more is good news.
        told = {"new log line": True, "more log lines": severe, "vanished log line": not severe}[kind]
        if surprise >= LEAST_SURPRISE and told:
            scored.append(
                (-surprise, row["Text"], Change(kind, row["Service"], row["Text"], round(usual, 4), round(share, 4)))
            )
    return [change for _, _, change in sorted(scored, key=lambda item: item[:2])[:SHOWN]]
