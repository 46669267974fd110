"""Services that only metrics tell of: something is used up, queues grow, failures are counted, processes go down.

Only what is clear and lasts: far beyond all that the series showed before, for some minutes, and by a name that tells
of trouble. Everything else that moves is evidence of an investigation, but no incident.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.signals import lines
from otel_pipeline.detection.signals.vocabulary import FAILING, IDLE, LIMIT, SHARE, USED, WAITING, stem, words

NAMES = (
    r"(?i)(max|limit|capacity|quota|used|usage|count|active|busy|open|acquired|leased|utili[sz]ation|saturation|pending|queue"
    r"|waiting|backlog|lag|restart|^up$|" + "|".join(FAILING) + ")"
)
LEAST_PAST = 15  # minutes
FULL, ROOMY = 0.95, 0.7
QUEUED, TIMES = 20.0, 4.0
BACK_UP = 0.5
LASTS, COUNTS = 2, 3  # minutes; of what is counted by a queue, and of processors, that may be busy for a while
BUSY = 10
ON_THE_WAY, SELDOM = 2, 0.05  # values between good and bad; of all, where it is seldom so
RESTARTS, WITHIN = 3, 10  # so many restarts in so many minutes
DAY = timedelta(days=1)
LIKE = timedelta(minutes=15)
DAY_MINUTES = 1440
SURE = 6.0  # told of what is no matter of chance


def find(db: Database, look: Window, traced: set[str]) -> list[Finding]:
    """Saturation of services without traces. :param traced: those with traces."""
    found = _of(db, look, traced)
    if not found:
        return []
    # What comes at the same time every day is no news: the day before alone cannot show that, but two days can.
    before = [_of(db, Window(look.start - day * DAY, look.end - day * DAY), traced) for day in (1, 2)]
    return [
        finding
        for finding in found
        if not all(any(_same(finding, other, day) for other in of_day) for day, of_day in enumerate(before, 1))
    ]


def _same(finding: Finding, other: Finding, day: int) -> bool:
    apart = abs(finding.window.start - day * DAY - other.window.start)
    return finding.service == other.service and apart <= LIKE


def _of(db: Database, look: Window, traced: set[str]) -> list[Finding]:
    where = {"start": look.start, "end": look.end}
    services = [row["Service"] for row in db.rows("saturation__services", **where) if row["Service"] not in traced]
    if not services:
        return []
    rows = db.rows("saturation__courses", **where, services=services, names=NAMES)
    found = list(judged(rows))
    strongest: dict[str, Finding] = {}
    told = []
    for finding in sorted(found, key=lambda f: (f.window.start, -f.surprise, f.why)):
        first = strongest.get(finding.service)
        if first and finding.window.start <= first.window.end:
            continue
        strongest[finding.service] = finding
        told.append(finding)
    return told


def judged(rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Findings of rows of ``saturation__courses``."""
    ceilings = [row for row in rows if row["Kind"] == "level" and LIMIT & set(words(row["Metric"]))]
    looked = math.log10(DAY_MINUTES * max(1, len(rows)))
    for row in rows:
        named = set(words(row["Metric"]))
        if re.search("restart", row["Metric"], re.IGNORECASE):
            yield from _restarts(row, dict(row["Course"]))
        elif row["Kind"] == "counter":
            yield from _failures(row, dict(row["Course"]), looked)
        elif row["Metric"].lower() == "up":
            yield from _down(row)
        elif not LIMIT & named and (limit := _limit(row, ceilings)):
            yield from _full(row, limit, BUSY if "cpu" in named else LASTS)
        elif (WAITING - {"active"}) & named and not IDLE & named:
            yield from _queue(row)


def _down(row: Mapping[str, Any]) -> Iterator[Finding]:
    minutes, values = zip(*row["Course"], strict=True)
    for at, end in _turns(values, [value < BACK_UP for value in values], [value >= BACK_UP for value in values], LASTS):
        yield _finding(row, (minutes[at], minutes[end - 1]), f"{_name(row)} says that it is down", 0.0, 1.0)


def _full(row: Mapping[str, Any], limit: float, lasts: int) -> Iterator[Finding]:
    minutes, values = zip(*row["Course"], strict=True)
    full, roomy = [value >= FULL * limit for value in values], [value <= ROOMY * limit for value in values]
    for at, end in _turns(values, full, roomy, lasts):
        value, usual = median(values[at:end]), median(values[:at])
        of_all = f"{_quantity(value, row)} of {_quantity(limit, row)}, usually {_quantity(usual, row)}"
        yield _finding(row, (minutes[at], minutes[end - 1]), f"{_name(row)} at its limit: {of_all}", value, usual)


def _turns(values: Sequence[float], bad: Sequence[bool], good: Sequence[bool], lasts: int) -> Iterator[tuple[int, int]]:
    """Where a course that was good before is bad for so many values in a row: first, and after the last."""
    known = between = at = 0
    while at < len(values):
        end = at
        while end < len(values) and bad[end]:
            end += 1
        if end - at >= lasts and known >= LEAST_PAST and between <= max(ON_THE_WAY, SELDOM * known):
            yield at, end
        else:
            known += good[at]
            between += not good[at]
        at = max(end, at + 1)


def _queue(row: Mapping[str, Any]) -> Iterator[Finding]:
    """Something waits, far more than ever."""
    minutes, values = zip(*row["Course"], strict=True)
    highest = max(values[:LEAST_PAST])
    for at in range(LEAST_PAST, len(values)):
        high = max(QUEUED, TIMES * highest)
        end = at
        while end < len(values) and values[end] >= high:
            end += 1
        if end - at >= COUNTS:
            top = max(values[at:end])
            why = f"{_name(row)} rose to {_quantity(top, row)}, at most {_quantity(highest, row)} before"
            yield _finding(row, (minutes[at], minutes[end - 1]), why, top, highest)
            return
        highest = max(highest, values[at])


def _failures(row: Mapping[str, Any], course: Mapping[int, float], looked: float) -> Iterator[Finding]:
    """Failures that are counted begin or rise: as error lines would (:mod:`lines`)."""
    values = " ".join([row["Metric"], *row["Attributes"].values()]).lower()
    if not any(word in values for word in FAILING):
        return
    counted = {minute: round(value) for minute, value in course.items()}
    for burst in lines.scan(counted, counted, "error", looked) if counted else ():
        if burst.end - burst.start >= LASTS:
            usual = burst.expected / (burst.end - burst.start)
            why = f"{_name(row)}: {burst.lines} in {burst.end - burst.start} min, usually {usual:.2g} a minute"
            found = _finding(row, (burst.start, burst.end - 1), why, burst.lines, burst.expected)
            yield replace(found, surprise=round(burst.surprise, 2))


def _restarts(row: Mapping[str, Any], course: Mapping[int, float]) -> Iterator[Finding]:
    """A process that starts again and again."""
    minutes = sorted(course)
    if row["Kind"] == "counter":
        rises = [m for m in minutes for _ in range(round(course[m]))]
    else:
        rises = [
            later
            for earlier, later in pairwise(minutes)
            for _ in range(round(max(0.0, course[later] - course[earlier])))
        ]
    for first, last in zip(rises, rises[RESTARTS - 1 :], strict=False):
        earlier = [m for m in rises if m < first]
        if last - first < WITHIN and len(earlier) < RESTARTS - 1 and first - minutes[0] >= LEAST_PAST:
            mine = [m for m in rises if m >= first]
            why = f"{_name(row)}: {len(mine)} restarts in {mine[-1] - first + 1} min"
            yield _finding(row, (first, mine[-1]), why, len(mine), 0.0)
            return


def _limit(row: Mapping[str, Any], ceilings: Sequence[Mapping[str, Any]]) -> float:
    """What a level may reach at most; 0 where nothing tells. As :mod:`otel_pipeline.investigate.limits`."""
    if SHARE & set(words(row["Metric"])):
        return 100.0 if row["Unit"] == "%" or max(value for _, value in row["Course"]) > 2 else 1.0
    mine = stem(row["Metric"], USED)
    for limit in ceilings:
        same = all(limit[key] == row[key] for key in ("Service", "Instance"))
        if not same or not mine or stem(limit["Metric"], LIMIT) != mine:
            continue
        if row["Attributes"].items() >= limit["Attributes"].items():
            state = {row["Attributes"][key].lower() for key in row["Attributes"].keys() - limit["Attributes"].keys()}
            return max(value for _, value in limit["Course"]) if state <= USED | {"in_use"} else 0.0
    return 0.0


def _name(row: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{key.rsplit('.', 1)[-1]}={value[:40]}" for key, value in sorted(row["Attributes"].items())[:3])
    return f"{row['Metric']}{{{inside}}}" if inside else row["Metric"]


def _quantity(value: float, row: Mapping[str, Any]) -> str:
    unit = row["Unit"] if row["Unit"] not in ("", "1") and not row["Unit"].startswith("{") else ""
    return f"{value:.4g} {unit}".strip()


def _finding(row: Mapping[str, Any], of: tuple[int, int], why: str, observed: float, expected: float) -> Finding:
    first, last = of
    window = Window(datetime.fromtimestamp(60 * first, UTC), datetime.fromtimestamp(60 * (last + 1), UTC))
    return Finding(window, row["Service"], "metrics", why, SURE, (), float(observed), float(expected))
