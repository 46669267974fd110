"""Traffic, calls and log lines that end or fall while others go on.

Against what came in the hour before, with its own variance, and against the same time of the days before. Where nothing
at all goes on there are no data, which is no trouble of one service.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median, variance
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.detection.signals import counts

MOST_OPERATIONS, LEAST_TRACES = 200, 30
PAST, RECENT, BRINK = 120, 15, 3  # minutes
BLOCKS = (1, 5, 10, 20)
BLOCK, IRREGULAR = 5, 0.25  # minutes; standard deviation over mean
LEAST_PAST = {"traffic": 30, "lines": 30}
WIDTHS = (2, 3, 5, 10, 15)
UNEVEN = {"traffic": 1.5, "lines": 4.0}  # variance over mean, at least
FELL, BACK, EVEN = 0.25, 0.5, 0.3  # of the usual rate
SURE = 1.0  # -log10 of how many such are expected in a quiet day
GOES_ON, LEAST_GOING, SMALL = 0.6, 10.0, 0.05  # of the usual; how much of it; as a part of all traffic
LATE = 2  # minutes that may not have come in yet
DAY = 1440
LEAST_CALLS = 15.0
SHOWN = 8


def identity(service: str, environment: str) -> str:
    """A service in its environment, as one text."""
    return f"{service}\0{environment}"


def split(one: str) -> tuple[str, str]:
    """Service and environment of an identity; no environment of a plain name."""
    service, _, environment = one.partition("\0")
    return service, environment


def words(one: str) -> str:
    """An identity for people."""
    service, environment = split(one)
    return f"{service} in {environment}" if environment else service


@dataclass(frozen=True)
class Gap:
    """A time with far less than usual: minutes since 1970, the end is not part of it."""

    start: int
    end: int
    observed: int
    expected: float
    surprise: float

    @property
    def rate(self) -> float:
        """What is usual in a minute."""
        return self.expected / (self.end - self.start)

    def window(self) -> Window:
        """The same as a window."""
        return Window(datetime.fromtimestamp(60 * self.start, UTC), datetime.fromtimestamp(60 * self.end, UTC))


@dataclass
class Traffic:
    """Traces by minute: of root services, of their operations, and those in which a service took part.

    What runs in another environment is another service: all are known by :func:`identity`.
    """

    roots: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    operations: dict[tuple[str, str], Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    parts: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    shares: dict[tuple[str, str], dict[str, Counter[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )

    def add(self, row: Mapping[str, Any]) -> None:
        """Add traces of an operation in which the same services took part: a row of ``silence__traffic``."""
        course, operation = dict(row["Course"]), row["Operation"]
        service, *parts = (identity(name, row["Environment"]) for name in (row["Service"], *row["Parts"]))
        for of in (self.roots[service], self.operations[service, operation]):
            of.update(course)
        for part in parts:
            self.parts[part].update(course)
            self.shares[service, operation][part].update(course)

    @property
    def services(self) -> set[str]:
        """The names of all."""
        return {split(service)[0] for service in self.parts}

    @property
    def newest(self) -> int:
        """The last minute with traces; 0 without any."""
        return max((max(course) for course in self.roots.values()), default=0)


def traffic(db: Database, look: Window) -> Traffic:
    """The traffic of a stretch of whole hours."""
    found = Traffic()
    rows = db.rows("silence__traffic", hours=list(look.hours()), least=LEAST_TRACES, most=MOST_OPERATIONS)
    for row in rows:
        found.add(row)
    return found


def find(db: Database, look: Window, seen: Traffic, services: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Silences.

    :param seen: the traffic of the stretch. :param services: rows of ``lines__services``.
    """
    begin = int(look.start.timestamp()) // 60 - PAST
    logged = {row["Service"]: {m: n for m, n in row["Course"] if m >= begin} for row in services}
    return [*_traffic(db, seen), *_callees(db, seen, list(look.hours())), *_logs(seen, logged, services)]


def gaps(course: Mapping[int, int], end: int, kind: str, looked: float) -> list[Gap]:
    """Times in which far less came than before.

    :param course: counts by minute. :param end: the first minute that may be incomplete.
    :param looked: log10 of how often chance has an opportunity in a day.
    """
    born = min(course, default=end)
    values = [course.get(minute, 0) for minute in range(born, end)]
    found: list[Gap] = []
    usual: list[int] = []
    at = 0
    while at < len(values):
        gap = _gap(values, at, usual[-PAST:], kind, looked) if len(usual) >= LEAST_PAST[kind] else None
        if gap is None:
            usual.append(values[at])
            at += 1
            continue
        # One silence is none of what is usual; where there was another not long before, they are.
        if found and born + gap.start - found[-1].end < PAST:
            usual += values[gap.start : gap.end]
        found.append(Gap(born + gap.start, born + gap.end, gap.observed, gap.expected, gap.surprise))
        at = gap.end
    return found


def _gap(values: Sequence[int], at: int, past: Sequence[int], kind: str, looked: float) -> Gap | None:
    recent = past[-RECENT:]
    rate = min(sum(past) / len(past), sum(recent) / len(recent))
    # Traffic that dwindles is a course of the day; one that breaks off is not.
    if values[at] > FELL * rate or sum(past[-BRINK:]) < GOES_ON * rate * BRINK:
        return None
    if _irregular(past):
        return None
    best, spread = 0.0, 0.0
    for width in WIDTHS:
        inside = values[at : at + width]
        observed, expected = sum(inside), rate * width
        if len(inside) < width or observed > FELL * expected:
            continue
        usual = [sum(past[i : i + width]) for i in range(len(past) - width + 1)]
        # Traffic that has had lulls of its own may have another.
        if not usual or min(usual) < max(EVEN * expected, observed / BACK):
            continue
        spread = spread or _spread(past, kind)
        best = max(best, counts.as_few(observed, expected, spread))
    if best - looked < SURE:
        return None
    end = at + 1
    while end < len(values) and values[end] < BACK * rate:
        end += 1
    return Gap(at, end, sum(values[at:end]), rate * (end - at), best - looked)


def _irregular(past: Sequence[int]) -> bool:
    """Whether traffic comes and goes by itself, beyond chance and rushes: then a silence may be a lull."""
    blocks = [sum(past[end - BLOCK : end]) for end in range(len(past), BLOCK - 1, -BLOCK)]
    middle = median(blocks)
    kept = [min(block, 2 * middle) for block in blocks]
    mean = sum(kept) / len(kept)
    return not mean or variance(kept) - mean > (IRREGULAR * mean) ** 2


def _spread(past: Sequence[int], kind: str) -> float:
    found = counts.Spread(UNEVEN[kind], BLOCKS)
    for count in past:
        found.add(count)
    return found.value()


def _traffic(db: Database, seen: Traffic) -> Iterator[Finding]:
    """Root services, and operations of theirs, that are asked no more or hardly."""
    end, looked = seen.newest - LATE + 1, math.log10(DAY * max(1, len(seen.roots) + len(seen.operations)))
    quiet = {service: gaps(course, end, "traffic", looked) for service, course in seen.roots.items()}
    told: list[tuple[str, Gap]] = []
    for service, gap in sorted(
        ((s, g) for s, found in quiet.items() for g in found), key=lambda pair: (-pair[1].expected, pair[0])
    ):
        told_too = [(s, g) for s, g in told if abs(g.start - gap.start) <= LATE]
        if told_too:
            continue  # with it: it is among what is told of the larger one
        others = [s for s, found in quiet.items() if any(_overlap(g, gap) for g in found) and s != service]
        going = _going_on(seen.roots, gap, {service, *others})
        if not going or _renamed(seen.roots, gap) or _habit(db, service, "", gap):
            continue
        told.append((service, gap))
        with_it = [service, *others]
        parts = Counter[str]()
        for (root, _), of in seen.shares.items():
            if root in with_it:
                parts.update({part: sum(course.values()) for part, course in of.items() if part not in going})
        affected = [*others, *(part for part, _ in parts.most_common(SHOWN) if part not in with_it)]
        what = (
            f"gets {_so_many(gap)} in {gap.end - gap.start} min, usually {_rate(gap.rate)}; {words(going[0])} goes on"
        )
        yield _finding(service, gap, what, affected)
    for (service, operation), course in seen.operations.items():
        if not operation:
            continue
        for gap in gaps(course, end, "traffic", looked):
            if any(_overlap(g, gap) for g in quiet[service]) or _moved(seen.roots[service], gap):
                continue
            if not _habit(db, service, operation, gap):
                what = f"{_so_many(gap)} of {operation} in {gap.end - gap.start} min, usually {_rate(gap.rate)}"
                parts = [part for part in seen.shares[service, operation] if part != service]
                yield _finding(service, gap, f"gets {what}; its other operations go on", parts[:SHOWN])


def _callees(db: Database, seen: Traffic, hours: Sequence[datetime]) -> Iterator[Finding]:
    """Services that take no part any more in what they took part in, though as much of that comes as before."""
    end, looked = seen.newest - LATE + 1, math.log10(DAY * max(1, len(seen.parts)))
    for service, course in seen.parts.items():
        for gap in gaps(course, end, "traffic", looked):
            expected = _asked_for(seen, service, gap)
            few = counts.as_few(gap.observed, expected, 2.0) - looked if expected >= LEAST_CALLS else 0.0
            if few < SURE or gap.observed > FELL * expected or _renamed(seen.parts, gap):
                continue
            window = gap.window()
            name, environment = split(service)
            where = {"service": name, "environment": environment, "start": window.start, "end": window.end}
            rows = db.rows("silence__callers", hours=hours, **where)
            if not rows:
                continue
            caller = rows[0]["Caller"]
            # Where calls have spans of their own, unanswered ones are among the caller's; where they have none, the
            # callee is all that is missing.
            unanswered = rows[0]["SpansNow"] >= rows[0]["SpansBefore"] + BACK
            calls_on = rows[0]["InVain"] or unanswered or not rows[0]["Gaps"]
            share = f"in {gap.observed} of the {expected:.0f} requests that it usually takes part in"
            if calls_on:
                what = f"is not heard of any more ({share}), though {caller} calls it"
                blamed, other = service, identity(caller, environment)
            else:
                what = f"does not call {name} any more ({name} {share})"
                blamed, other = identity(caller, environment), service
            changed = Gap(gap.start, gap.end, gap.observed, expected, few)
            yield _finding(blamed, changed, what, [other])


def _asked_for(seen: Traffic, service: str, gap: Gap) -> float:
    """In how many traces of the gap a service would take part, by its part in each operation before."""
    expected = 0.0
    before = range(gap.start - PAST, gap.start)
    for key, parts in seen.shares.items():
        if service in parts:
            of_all, mine = seen.operations[key], parts[service]
            share = sum(mine[m] for m in before) / max(1, sum(of_all[m] for m in before))
            expected += share * sum(of_all[m] for m in range(gap.start, gap.end))
    return expected


def _logs(
    seen: Traffic, logged: Mapping[str, Mapping[int, int]], services: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Services without traces that log no more or hardly."""
    silent = {service: course for service, course in logged.items() if service not in seen.services and course}
    looked = math.log10(DAY * max(1, len(silent)))
    end = max((max(course) for course in logged.values() if course), default=0) - LATE + 1
    everyone = {**logged, **seen.roots}
    whole = {row["Service"]: dict(row["Course"]) for row in services}
    quiet = {service: gaps(course, end, "lines", looked) for service, course in silent.items()}
    for service, found in quiet.items():
        for gap in found:
            others = {s for s, theirs in quiet.items() if any(_overlap(g, gap) for g in theirs)}
            going = _going_on(everyone, gap, {service, *others})
            if gap.end - gap.start < 3 or not going or _silent_yesterday(whole[service], gap):
                continue
            lines = "no line" if not gap.observed else f"{gap.observed} lines"
            what = f"logged {lines} in {gap.end - gap.start} min, usually {_rate(gap.rate)}; {words(going[0])} goes on"
            yield _finding(service, gap, what, [])


def _going_on(courses: Mapping[str, Mapping[int, int]], gap: Gap, silent: set[str]) -> list[str]:
    """Who is as busy as before, most first; nobody where they are hardly anything beside the usual seen."""
    length = gap.end - gap.start
    found, of_all = [], 0.0
    for service, course in courses.items():
        rate = sum(course.get(m, 0) for m in range(gap.start - PAST, gap.start)) / min(
            PAST, gap.start - min(course) + 1
        )
        of_all += max(0.0, rate * length)
        now = sum(course.get(m, 0) for m in range(gap.start, gap.end))
        if service not in silent and now >= GOES_ON * rate * length >= GOES_ON * LEAST_GOING:
            found.append((rate * length, service))
    if sum(expected for expected, _ in found) < SMALL * of_all:
        return []
    return [service for _, service in sorted(found, reverse=True)]


def _renamed(courses: Mapping[str, Mapping[int, int]], gap: Gap) -> bool:
    """Whether services that were not there before have as much as is missing: a release gave another name."""
    new = (course for course in courses.values() if min(course) >= gap.start - LATE)
    arrived = sum(n for course in new for m, n in course.items() if m < gap.end)
    return arrived >= GOES_ON * (gap.expected - gap.observed)


def _moved(course: Mapping[int, int], gap: Gap) -> bool:
    """Whether the other operations of a service have what one of them lacks."""
    before = [course.get(m, 0) for m in range(gap.start - RECENT, gap.start)]
    usual = sum(before) / RECENT * (gap.end - gap.start)
    now = sum(course.get(m, 0) for m in range(gap.start, gap.end))
    return now > usual - GOES_ON * (gap.expected - gap.observed)


def _habit(db: Database, service: str, operation: str, gap: Gap) -> bool:
    """Whether traffic falls so at this time of most days."""
    window = gap.window()
    hours = [hour - day * 24 * HOUR for hour in Window(window.start - HOUR, window.end).hours() for day in range(1, 8)]
    name, environment = split(service)
    where = {"service": name, "environment": environment, "operation": operation}
    where |= {"start": window.start, "end": window.end}
    days = [row for row in db.rows("silence__season", **where, hours=hours) if row["Before"]]
    part = (gap.end - gap.start) / PAST
    falls = [row for row in days if row["Traces"] <= BACK * part * row["Before"]]
    return bool(falls) and len(falls) >= BACK * len(days)


def _silent_yesterday(course: Mapping[int, int], gap: Gap) -> bool:
    before = sum(course.get(m - DAY, 0) for m in range(gap.start - PAST, gap.start)) / PAST
    now = sum(course.get(m - DAY, 0) for m in range(gap.start, gap.end)) / (gap.end - gap.start)
    return before > 0 and now <= BACK * before


def _overlap(one: Gap, other: Gap) -> bool:
    return one.start < other.end and other.start < one.end


def _so_many(gap: Gap) -> str:
    return "no requests" if not gap.observed else f"{gap.observed} requests"


def _rate(rate: float) -> str:
    return f"{rate:.0f} a minute" if rate >= 3 else f"{60 * rate:.0f} an hour"


def _finding(service: str, gap: Gap, what: str, affected: Sequence[str]) -> Finding:
    observed, expected = float(gap.observed), round(gap.expected, 2)
    name, environment = split(service)
    what = f"{what} (in {environment})" if environment else what
    also = tuple(dict.fromkeys(split(other)[0] for other in affected))
    return Finding(gap.window(), name, "silence", what, round(gap.surprise, 2), also, observed, expected)
