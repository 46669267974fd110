"""Error lines that begin or rise: what a service writes, against what it wrote before, minute by minute.

Services need no traces, and lines no trace id. Each template of a service has a course of its own, and all of them
together another: trouble in many wordings is trouble. What is judged by is the past alone; bursts that were found in it
are left out, and one that comes round as the clock does is a job.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import season
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, Window, utc
from otel_pipeline.detection.signals import counts

PAST = timedelta(hours=25)  # the same time of the day before is among it
LEAST_PAST = 10  # minutes that a service must have been heard of
WIDTHS = (1, 2, 3, 5)  # minutes
CLUSTER = 8.0  # variance over mean of lines, at least: what fails writes several
LEAST = {"error": 10, "warning": 50, "words": 50}
SURE = {"error": 1.0, "warning": 3.0, "words": 3.0}
"""-log10 of how many such are expected in a quiet day."""

SEVERITIES = {"error": ["ERROR", "FATAL"], "warning": ["WARN"], "words": [""]}
MOST = "; most: "
NAMES = {"error": "errors", "warning": "warnings", "words": "complaints"}
DAY = 1440
BUSIER = 20.0
RARE = 0.1  # of the minutes; in a row they tell something, while what is frequent comes in rows by itself
HOUR_MINUTES = 60
LONGEST = 1440  # minutes; what lasts longer is usual by then
AGAIN = 3  # minutes by which what comes round may be early or late
BESIDE = timedelta(minutes=15)
LIKE_IT = 0.5  # of the lines
REWORDED = 0.3  # of all lines of the class


@dataclass(frozen=True)
class Burst:
    """A time in which lines of one kind rose. Minutes since 1970; the end is not part of it.

    :param expected: lines in that time, by the past. :param past: minutes of it that were looked at.
    """

    start: int
    end: int
    lines: int
    expected: float
    surprise: float
    past: int


def find(db: Database, look: Window, services: Sequence[Mapping[str, Any]], since: datetime) -> list[Finding]:
    """Services that write errors as they did not before.

    :param services: rows of ``lines__services``, from ``since`` on.
    """
    rows = db.rows("lines__courses", since=since, start=look.start, end=look.end, least=min(LEAST.values()))
    whole = {row["Service"]: dict(row["Course"]) for row in services}
    sums = {(row["Service"], row["Class"]): dict(row["Course"]) for row in rows if not row["Template"]}
    found: dict[tuple[str, str], list[tuple[int, Burst]]] = {}
    for row in rows:
        looked = math.log10(DAY * row["Looked"])
        bursts = scan(dict(row["Course"]), whole[row["Service"]], row["Class"], looked)
        mine = [burst for burst in bursts if burst.end > look.start.timestamp() / 60]
        if row["Template"]:
            mine = [b for b in mine if not reworded(b, sums[row["Service"], row["Class"]])]
        found.setdefault((row["Service"], row["Class"]), []).extend((row["Template"], burst) for burst in mine)
    told = []
    for (service, kind), pairs in found.items():
        for group in _overlapping(pairs):
            finding = _told(db, service, kind, group)
            errors = (f for f in told if f.service == service and kind != "error")
            if finding and all(
                f.window.end < finding.window.start or f.window.start > finding.window.end for f in errors
            ):
                told.append(finding)
    return told


def scan(course: Mapping[int, int], whole: Mapping[int, int], kind: str, looked: float) -> list[Burst]:
    """The bursts of a course, in order of time.

    :param course: lines by minute, where there were any; whole: the same, of all that the service writes.
    :param looked: log10 of how often chance has an opportunity in a day.
    """
    found: list[Burst] = []
    born, last = min(whole), max(course)
    lines = [course.get(minute, 0) for minute in range(born, last + 1)]
    beside = [max(0, whole.get(minute, 0) - n) for minute, n in enumerate(lines, born)]
    past = _Past()
    at = 0
    while at < len(lines):
        burst = None
        if lines[at] and past.high(lines[at], beside[at]):
            burst = past.burst(lines[at : at + LONGEST], beside[at : at + LONGEST], kind, looked)
        if burst is None:
            past.add(lines[at], beside[at])
            at += 1
            continue
        burst = replace(burst, start=born + at, end=born + at + burst.end)
        again = _nightly(burst, course) or _comes_round(burst, found)
        found.append(replace(burst, surprise=0.0) if again else burst)
        at = burst.end - born
    return [burst for burst in found if burst.surprise > 0]


def reworded(burst: Burst, course: Mapping[int, int]) -> bool:
    """Whether lines came in the place of as many others: a release tells the same in other words.

    :param course: all lines of the class, by minute.
    """
    length, now = burst.end - burst.start, sum(n for m, n in course.items() if burst.start <= m < burst.end)
    back = min(burst.past, 60)
    before = sum(n for m, n in course.items() if burst.start - back <= m < burst.start) / max(1, back) * length
    return burst.lines >= REWORDED * before and now < before + LIKE_IT * burst.lines


class _Past:
    """The minutes before that belong to no burst."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.spread = counts.Spread(CLUSTER)
        self.total = self.seen = self.beside = 0

    def add(self, lines: int, beside: int) -> None:
        """Add a minute: its lines of the kind, and the others of the service."""
        self.lines.append(lines)
        self.spread.add(lines)
        self.total += lines
        self.seen += lines > 0
        self.beside += beside

    def burst(self, ahead: Sequence[int], beside: Sequence[int], kind: str, looked: float) -> Burst | None:
        """The burst that begins with the first of these minutes; None where none does."""
        best = self._run(ahead, kind)
        for width in WIDTHS:
            lines, expected = sum(ahead[:width]), self._expected(beside[:width])
            if lines >= max(LEAST[kind], 2 * expected):
                best = max(best, counts.as_many(lines, expected, self.spread.value()))
        if best - looked < SURE[kind]:
            return None
        end = self._end(ahead, beside)
        return Burst(0, end, sum(ahead[:end]), self._expected(beside[:end]), best - looked, len(self.lines))

    def _expected(self, beside: Sequence[int]) -> float:
        """Lines in some minutes; more where the service has more to do, by its other lines."""
        past, width = len(self.lines), len(beside)
        busier = sum(beside) / max(1.0, self.beside / past * width)
        return (self.total + 0.5) / past * width * min(BUSIER, max(1.0, busier))

    def high(self, lines: int, beside: int) -> bool:
        """Whether a minute is above what is usual; never without some past."""
        if len(self.lines) < LEAST_PAST:
            return False
        expected = self._expected([beside])
        return lines > expected + math.sqrt(CLUSTER * expected) / 2

    def _run(self, ahead: Sequence[int], kind: str) -> float:
        """-log10 of the chance of so many minutes in a row with such lines: one cluster may touch two minutes."""
        length = next((i for i, lines in enumerate(ahead) if not lines), len(ahead))
        if length < 3 or sum(ahead[:length]) < LEAST[kind]:
            return 0.0
        last = self.lines[-HOUR_MINUTES:]
        present = max((self.seen + 0.5) / (len(self.lines) + 1), sum(1 for n in last if n) / len(last))
        return -(length - 1) * math.log10(present) if present <= RARE else 0.0

    def _end(self, ahead: Sequence[int], beside: Sequence[int]) -> int:
        """Up to the first two minutes in a row that are as usual."""
        end = 1
        for i in range(1, len(ahead)):
            if self.high(ahead[i], beside[i]):
                end = i + 1
            elif i - end >= 1:
                break
        return end


def _nightly(burst: Burst, course: Mapping[int, int]) -> bool:
    """Whether as much came at the same time of the day before, to a few minutes."""
    length = burst.end - burst.start
    before = (burst.start - DAY + shift for shift in range(-AGAIN, AGAIN + 1))
    most = max(sum(course.get(minute, 0) for minute in range(begin, begin + length)) for begin in before)
    return most >= LIKE_IT * burst.lines


def _comes_round(burst: Burst, earlier: Sequence[Burst]) -> bool:
    """Whether the burst is one of three like it at equal distances, or at the same minute of the hour."""
    like = [b for b in earlier if LIKE_IT * burst.lines <= b.lines]
    for one in like:
        distance = burst.start - one.start
        if distance < 2 * AGAIN:
            continue
        if any(abs(one.start - distance - other.start) <= AGAIN for other in like if other is not one):
            return True
    return False


def _overlapping(pairs: Sequence[tuple[int, Burst]]) -> Iterator[list[tuple[int, Burst]]]:
    """Bursts of several templates of one service that overlap."""
    group: list[tuple[int, Burst]] = []
    end = 0
    for template, burst in sorted(pairs, key=lambda pair: (pair[1].start, pair[1].end, pair[0])):
        if group and burst.start > end:
            yield group
            group = []
        group.append((template, burst))
        end = max(end, burst.end) if len(group) > 1 else burst.end
    if group:
        yield group


def _habit(db: Database, window: Window, lines: int, usual: float, where: Mapping[str, Any]) -> bool:
    """Whether the days or weeks before show as many lines at this time, beyond what is usual at all times.

    :param usual: lines a minute. :param where: whose lines.
    """
    around = Window(window.start - BESIDE, window.end + BESIDE)
    hours = [hour - day * 24 * HOUR for hour in around.hours() for day in season.BACK]
    days = list(season.BACK)
    rows = db.rows("lines__season", **where, start=window.start, end=window.end, hours=hours, days=days)
    background = usual * ((around.end - around.start) / timedelta(minutes=1))
    return season.shown(lines, 1.0, {row["Day"]: (max(0, int(row["Lines"] - background)), 1.0) for row in rows})


def _told(db: Database, service: str, kind: str, group: Sequence[tuple[int, Burst]]) -> Finding | None:
    """The finding of some bursts; None where the days before have it at the same time."""
    _, strongest = max(group, key=lambda pair: pair[1].surprise)
    start = datetime.fromtimestamp(60 * min(burst.start for _, burst in group), UTC)
    end = datetime.fromtimestamp(60 * max(burst.end for _, burst in group), UTC)
    alone = all(template for template, _ in group)
    where = {"service": service, "severities": SEVERITIES[kind], "templates": [t for t, _ in group] if alone else []}
    lines = sum(burst.lines for template, burst in group if alone or not template)
    usual = strongest.expected / max(1, strongest.end - strongest.start)
    if _habit(db, Window(start, end), lines, usual, where):
        return None
    rows = db.rows("lines__told", **where, start=start, end=end)
    if not rows:
        return None
    window = Window(
        utc(min(row["First"] for row in rows)), utc(max(row["Last"] for row in rows)) + timedelta(milliseconds=1)
    )
    minutes = max(1, round((window.end - window.start) / timedelta(minutes=1)))
    often = "none" if usual * strongest.past < 1 else f"{60 * usual:.0f} an hour"
    text = rows[0]["Text"][:160]
    return Finding(
        window=window,
        service=service,
        kind="logs",
        why=f"{lines} {NAMES[kind]} logged in {minutes} min, usually {often}{MOST}{text}",
        surprise=round(strongest.surprise, 2),
        affected=(),
        observed=float(lines),
        expected=round(strongest.expected, 2),
        examples=tuple(dict.fromkeys(trace for row in rows for trace in row["Traces"]))[:5],
        templates=tuple(int(row["Template"]) for row in rows),
    )
