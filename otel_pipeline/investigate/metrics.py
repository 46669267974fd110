"""What the metrics of a window say: exhausted pools, leaks, queues, errors counted, tails of histograms.

Every value is held against the quiet times: median, MAD, and the whole span that was seen there. Metrics are known by
what they are (kind, unit, words of the semantic conventions), never by service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.signals.vocabulary import FAILING, IDLE, WAITING, words
from otel_pipeline.investigate import limits, restarts
from otel_pipeline.investigate.model import Deploy, MetricMove
from otel_pipeline.investigate.quantities import quantity, series_name
from otel_pipeline.together import together

KINDS = ("saturation", "saw-tooth", "growth", "queue", "errors", "tail", "rate", "level")
"""The most telling first."""

STANDING = ("saturation", "saw-tooth", "queue")
"""Kinds that tell of trouble by themselves, without traces."""

LEAST_USUAL = 4
FAR = 3.0  # scales beyond everything that was seen in quiet times
TIMES = 1.5  # and so many times all of it: what is counted in twos and threes changes by chance
GREW = 0.15  # of where it began
LEAST_GROWN, LEAST_WAITING = 10.0, 2.0  # of things that are counted; fewer come and go
RISING = 0.8  # share of the steps of a growth that do not fall
USED_UP = {
    "memory",
    "heap",
    "rss",
    "bytes",
    "by",
    "mib",
    "kiby",
    "miby",
    "descriptors",
    "fds",
    "handles",
    "threads",
} | {
    "connections",
    "goroutines",
    "sessions",
}
LEAST_COURSE, LEAKED, GOES_ON = 15, 1.5, 0.5
LEAST_OBSERVATIONS = 20
TAIL = 2.0
AROUND = timedelta(minutes=2)
MOST_POINTS, LEAST_HISTORY = 20_000, timedelta(minutes=10)
LONGEST_PAD, SHORTEST_PAD = timedelta(seconds=60), timedelta(seconds=5)


@dataclass(frozen=True)
class Points:
    """How dense metrics are. :param interval: usual time between two points of a series; zero without metrics.

    :param enough: how far back they are looked at, so that a system with many of them is answered as soon.
    """

    interval: timedelta
    enough: timedelta


@dataclass(frozen=True)
class Measured:
    """Rows of ``investigate__series`` and ``investigate__tails``."""

    series: Sequence[dict[str, Any]] = ()
    tails: Sequence[dict[str, Any]] = ()


def points(db: Database, focus: Window) -> Points:
    """How dense metrics are around a window."""
    around = Window(focus.start - AROUND, focus.end + AROUND)
    row = db.one("investigate__interval", start=around.start, end=around.end)
    lasts = max(LEAST_HISTORY, MOST_POINTS / max(1, row["AllPoints"]) * (around.end - around.start))
    return Points(timedelta(seconds=row["Seconds"]), lasts)


def measure(db: Database, shown: Window, reference: Sequence[Window], service: str = "") -> Measured:
    """Measure a window against others.

    :param shown: the trouble, see :func:`padded`. :param service: only metrics of this service.
    """
    where = {
        "starts": [shown.start, *(w.start for w in reference)],
        "ends": [shown.end, *(w.end for w in reference)],
        "service": service,
    }
    return Measured(
        *together(
            lambda: db.rows("investigate__series", **where, limits=limits.PATTERN),
            lambda: db.rows("investigate__tails", **where),
        )
    )


def moves(measured: Measured, deploys: Sequence[Deploy], references: int) -> list[MetricMove]:
    """Metrics that are not as in the reference, the most telling first.

    :param deploys: starts of processes, to tell a leak from a restart. :param references: how many windows.
    """
    rows = measured.series
    found = {_key(row): move for row in rows if (move := _move(row)) and not limits.is_limit(row["Metric"])}
    found |= {_key(row): move for row, move in limits.exhausted(rows)}
    found |= {_key(row): move for row, move in restarts.saw_teeth(rows, deploys)}
    tails = _tails(measured.tails, references)
    return sorted(
        [*found.values(), *tails], key=lambda m: (KINDS.index(m.kind), -m.strength, m.service, m.metric, m.what)
    )


def padded(focus: Window, interval: timedelta) -> Window:
    """The window and one interval of the exporters: a value is told after it was reached."""
    return Window(focus.start, focus.end + min(LONGEST_PAD, max(SHORTEST_PAD, interval)))


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["Service"], row["Metric"], str(sorted(row["Attributes"].items())), row["Instance"])


def _move(row: dict[str, Any]) -> MetricMove | None:
    kind = _kind(row)
    if kind is None:
        return None
    since = utc(row["Since"]) if row["Since"].year > 1970 else utc(row["Mine"][0][0])
    name, unit = series_name(row["Metric"], row["Attributes"]), row["Unit"]
    now = row["Top"] if kind in ("growth", "errors") else row["Middle"]
    per = " a second" if row["Kind"] == "rate" else ""
    if kind == "growth":
        what = f"{name} grew to {quantity(now, unit)}, usually {quantity(row['Before'], unit)}"
    elif not row["UsualPoints"]:
        what = f"{name}: {quantity(now, unit)}{per}, never seen before"
    else:
        what = f"{name}: {quantity(now, unit)}{per}, usually {quantity(row['Before'], unit)}"
    strength = _distance(row, now)
    return MetricMove(kind, row["Service"], row["Metric"], what, _short(row["Before"]), _short(now), since, strength)


def _kind(row: dict[str, Any]) -> str | None:
    named = set(words(row["Metric"]))
    values = " ".join([row["Metric"], *row["Attributes"].values()]).lower()
    failing = row["Kind"] == "rate" and any(word in values for word in FAILING)
    if not row["UsualPoints"]:
        return "errors" if failing and row["Top"] > 0 else None
    if row["UsualPoints"] < LEAST_USUAL or IDLE & {*named, *values.split()}:
        return None
    if row["Kind"] == "level" and WAITING & named:
        waiting = row["Points"] > 1 and row["Middle"] > max(LEAST_WAITING, 2 * row["Highest"])
        return "queue" if waiting else None
    grown = row["Kind"] == "level" and row["Top"] >= LEAST_GROWN
    if grown and (leaks(row) or (grows([v for _, _, v in row["Mine"]], row["Highest"]) and not always_grew(row))):
        return "growth"
    far = FAR * row["BeforeScale"]
    above = row["Middle"] > max(row["Highest"] + far, TIMES * row["Highest"])
    below = row["Middle"] < min(row["Lowest"] - far, row["Lowest"] / TIMES)
    if row["Points"] < 2 or not (above or below):
        return None
    return "errors" if failing and above else row["Kind"]


def grows(values: Sequence[float], highest: float) -> bool:
    """Whether values climb, step by step, beyond everything that was seen before."""
    top = max(range(len(values)), key=lambda i: values[i])
    climb = values[: top + 1]
    steps = list(pairwise(climb))
    if len(steps) < 2 or climb[0] <= 0:
        return False
    rising = sum(later >= earlier for earlier, later in steps) / len(steps)
    return rising >= RISING and climb[-1] >= (1 + GREW) * climb[0] and climb[-1] >= (1 + GREW) * highest


def leaks(row: dict[str, Any]) -> bool:
    """Whether something that is used up has grown ever since it was first seen, and does not level off.

    The quiet times may lie within such a growth: only the whole course shows it.
    """
    if not _used_up(row):
        return False
    course = [value for _, value in row["Past"]] + [value for _, _, value in thinned(row["Mine"])]
    third = len(course) // 3
    if len(course) < LEAST_COURSE or not restarts.climbs(course, times=LEAKED, rising=RISING):
        return False
    late, all_of_it = course[-1] - course[-1 - third], course[-1] - course[0]
    return late >= GOES_ON * all_of_it / 3


def always_grew(row: dict[str, Any]) -> bool:
    """Whether something grew as fast in quiet times, as clocks and positions do. Memory that does so leaks."""
    past, mine = row["Past"], row["Mine"]
    if _used_up(row) or len(past) < LEAST_USUAL:
        return False
    before, now = _slope(past[0][0], past[0][1], past[-1][0], past[-1][1]), _slope(*mine[0][::2], *mine[-1][::2])
    return before >= GOES_ON * now


def _used_up(row: dict[str, Any]) -> bool:
    return bool({*words(row["Metric"]), row["Unit"].lower()} & USED_UP)


def _slope(start: datetime, first: float, end: datetime, last: float) -> float:
    return (last - first) / max(1.0, (end - start).total_seconds())


def thinned(points: Sequence[Any], most: int = 40) -> Sequence[Any]:
    """Some of the points, evenly."""
    return points[:: len(points) // most + 1]


def _distance(row: dict[str, Any], now: float) -> float:
    """Scales between a value and the quiet times; the scale is never finer than a tenth of what was seen."""
    scale = max(row["BeforeScale"], 0.1 * abs(row["Highest"]), 1e-9 * abs(now), 1e-12)
    return round(min(99.0, abs(now - row["Before"]) / scale), 1)


def _tails(rows: Sequence[dict[str, Any]], references: int) -> list[MetricMove]:
    """Histograms whose tail is far beyond that of each reference window."""
    usual: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["Window"] > 1 and row["Observations"] >= LEAST_OBSERVATIONS:
            usual.setdefault((row["Service"], row["Metric"]), []).append(row["Tail"])
    found = []
    for row in rows:
        before = usual.get((row["Service"], row["Metric"]), [])
        if row["Window"] > 1 or row["Observations"] < LEAST_OBSERVATIONS or not before or not references:
            continue
        ratio = row["Tail"] / max(before) if max(before) > 0 else 0.0
        if ratio >= TAIL:
            now, then = quantity(row["Tail"], row["Unit"]), quantity(max(before), row["Unit"])
            what = f"{row['Metric']}: 99th percentile {now}, at most {then} before"
            strength = round(min(99.0, ratio), 1)
            since: datetime = utc(row["Since"])
            known = (row["Service"], row["Metric"], what, _short(max(before)), _short(row["Tail"]), since, strength)
            found.append(MetricMove("tail", *known))
    return found


def _short(value: float) -> float:
    return float(f"{value:.4g}")
