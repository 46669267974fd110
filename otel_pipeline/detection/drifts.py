"""Times in which a service behaved unlike before, though no single trace of it need be remarkable.

Behavior (:mod:`behavior`) over the last few minutes is held, minute by minute, against the quiet windows before it:
past ones only, and none that was in trouble itself. Each statistic is divided by the most that it showed in those,
where that is more than usual; so a service that is always erratic has a wide scale, and one bound serves all. More
anomalous traces than usual that point at the same service are further evidence: both are added as squares.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

import numpy as np

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import behavior
from otel_pipeline.detection.anomaly_scores import FALSE_ALARM_RATE
from otel_pipeline.detection.model import HOUR, Window, utc
from otel_pipeline.detection.staging import replacing_partition
from otel_pipeline.detection.version import CODE_VERSION

MINUTE = timedelta(minutes=1)
COLUMNS = ("Hour", "Minute", "Traces", "Service", "Kind", "Part", "Deviation", "Bound", "CodeVersion")
ONE_SIDED = frozenset({"self_slow", "self_fast", "gap_slow", "error", "form"})


@dataclass(frozen=True)
class Params:
    """What decides that a window is trouble.

    :param width: minutes of a window. :param least, most: quiet windows before it that it is held against.
    :param block: minutes that share those windows. :param gap: minutes just before that are left out.
    :param widest: standard deviations that the strongest of the quiet windows may show by chance.
    :param bound: standard deviations from which a window is trouble, where very many quiet ones are known.
    :param few: quiet windows with which the bound's square is double (:func:`bound`).
    :param settled: seconds of later traffic after which a minute is judged.
    :param often: times of trouble of one key within the windows before, from which it is the key's way.
    :param least_z: standard deviations from which a deviation counts, together with anomalous traces.
    :param habit: standard deviations within which a deviation is the habit of this time of day.
    :param days: earlier days that are asked for a habit; least_days: of them that must show it.
    """

    width: int = 3
    least: int = 8
    most: int = 60
    block: int = 3
    gap: int = 1
    widest: float = 2.5
    bound: float = 5.0
    few: float = 10.0
    settled: float = 15.0
    often: int = 3
    least_z: float = 2.5
    habit: float = 3.0
    days: tuple[int, ...] = (1, 2, 7, 14)
    least_days: int = 2


PARAMS = Params()


Pointed = tuple[Mapping[str, behavior.Floats], behavior.Floats]


@dataclass(frozen=True)
class Drift:
    """A time of trouble.

    :param key: (service, kind, part) of what stood out most. :param deviation: how far, in standard deviations.
    """

    window: Window
    key: behavior.Key
    deviation: float


@dataclass(frozen=True)
class Judged:
    """What stood out most over the minutes that end with this one. Bound 0: too little was known."""

    minute: datetime
    traces: int
    key: behavior.Key = ("", "", "")
    deviation: float = 0.0
    bound: float = 0.0

    @property
    def trouble(self) -> bool:
        """Whether the window is trouble."""
        return 0 < self.bound < self.deviation


@dataclass
class _Course:
    """The minutes in sight, those judged before, and those judged now."""

    minutes: list[datetime]
    traces: Mapping[datetime, int]
    judged: dict[datetime, Judged] = field(default_factory=dict)


def find(
    db: Database, hour: datetime, busy: Sequence[Window] = (), *, whole: bool = True, params: Params = PARAMS
) -> list[Drift]:
    """Judge the minutes of an hour, and note it; the drifts that begin in the hour.

    :param busy: times of trouble that is known already; what behaves unlike before in them is part of that.
    :param whole: judge all of them, not only those that have changed since they were judged.
    """
    before = hour - params.most * MINUTE - params.width * MINUTE
    rows = db.rows("drifts__minutes", start=before, end=hour + HOUR)
    settled = utc(rows[-1]["Newest"]) - timedelta(seconds=params.settled) if rows else hour
    minutes = [minute for row in rows if (minute := utc(row["Minute"])) + MINUTE <= settled]
    course = _Course(minutes, {utc(row["Minute"]): row["Traces"] for row in rows})
    for row in db.rows("drifts__judged", start=before, end=hour + 2 * HOUR, code_version=CODE_VERSION):
        known = _judged(row)
        if not hour <= known.minute < hour + HOUR or (not whole and course.traces.get(known.minute) == known.traces):
            course.judged[known.minute] = known
    due = [minute for minute in minutes if minute >= hour and minute not in course.judged]
    if due:
        _judge(db, course, due, params)
        with replacing_partition(db, "behavior_windows", hour) as stage:
            kept = [judged for minute, judged in sorted(course.judged.items()) if hour <= minute < hour + HOUR]
            db.insert(stage, [_row(hour, judged) for judged in kept], COLUMNS)
    apart = [
        judged
        for minute, judged in sorted(course.judged.items())
        if not any(w.start < minute + MINUTE and w.end > minute + MINUTE - params.width * MINUTE for w in busy)
    ]
    found = drifts(apart, params)
    mine = [drift for drift in found if hour <= drift.window.start < hour + HOUR]
    return news(db, mine, params)


def _judge(db: Database, course: _Course, due: Sequence[datetime], params: Params) -> None:
    """Judge the minutes that are due, block by block, so that trouble that is found is not learned from."""
    windows = [Window(minute, minute + MINUTE) for minute in course.minutes]
    together = behavior.sliding(behavior.gather(db, windows), params.width)
    place = {minute: number for number, minute in enumerate(course.minutes)}
    pointed = _pointed(db, course, place, params)
    while due:
        block, due = due[: params.block], due[params.block :]
        first = place[block[0]]
        before = range(max(params.width - 1, first - params.most), first - params.gap)
        troubled = [course.judged.get(course.minutes[number]) for number in before]
        usual = recurring([judged for judged in troubled if judged and judged.trouble], params)
        quiet = [
            number
            for number, judged in zip(before, troubled, strict=True)
            if not (judged and judged.trouble and judged.key not in usual)
        ]
        columns = [place[minute] for minute in block]
        judged = judge(together, quiet, columns, params, pointed)
        for minute, (key, deviation, limit) in zip(block, judged, strict=True):
            course.judged[minute] = Judged(minute, course.traces[minute], key, deviation, limit)


def _pointed(db: Database, course: _Course, place: Mapping[datetime, int], params: Params) -> Pointed:
    """Anomalous traces by service, and all traces, of the minutes that end with each."""
    counts: dict[str, behavior.Floats] = defaultdict(lambda: np.zeros(len(place)))
    start, end = course.minutes[0], course.minutes[-1] + MINUTE
    for row in db.rows("drifts__suspected", start=start, end=end):
        if (minute := utc(row["Minute"])) in place:
            counts[row["Service"]][place[minute]] = row["Anomalous"]
    traces = np.array([course.traces[minute] for minute in course.minutes], dtype=float)

    def together(each: behavior.Floats) -> behavior.Floats:
        return np.convolve(each, np.ones(params.width))[: len(each)]

    return {service: together(each) for service, each in counts.items()}, together(traces)


def judge(
    courses: behavior.Courses,
    quiet: Sequence[int],
    windows: Sequence[int],
    params: Params = PARAMS,
    pointed: Pointed | None = None,
) -> list[tuple[behavior.Key, float, float]]:
    """What stands out most in each of some windows: its key, by how much, and the bound (0: not to be judged).

    :param quiet: numbers of the windows to compare with.
    :param pointed: anomalous traces that point at a service, and all traces, by window.
    """
    nothing = (("", "", ""), 0.0, 0.0)
    if len(quiet) < params.least:
        return [nothing for _ in windows]
    found = behavior.deviations(behavior.selected(courses, [*quiet, *windows]), range(len(quiet)))
    if not found.keys:
        return [nothing for _ in windows]
    one_sided = np.array([kind in ONE_SIDED for _, kind, _ in found.keys])
    # A statistic that was seen in some of the quiet windows only is less certain than the bound assumes.
    seen = np.isfinite(found.z[:, : len(quiet)]).sum(axis=1)
    z = np.nan_to_num(np.where(one_sided[:, None], np.fmax(found.z, 0.0), np.abs(found.z)))
    z *= np.sqrt((1 + params.few / len(quiet)) / (1 + params.few / np.fmax(seen, 1)))[:, None]
    z /= np.fmax(1.0, z[:, : len(quiet)].max(axis=1) / params.widest)[:, None]
    if pointed:
        of_service = {service: _more(service, quiet, windows, pointed, params) for service in pointed[0]}
        none = np.zeros(len(windows))
        more = np.array([of_service.get(service, none) for service, _, _ in found.keys])
        z[:, len(quiet) :] = np.hypot(z[:, len(quiet) :], np.where(z[:, len(quiet) :] >= params.least_z, more, 0.0))
    limit = bound(len(quiet), params)
    strongest = [int(z[:, len(quiet) + number].argmax()) for number in range(len(windows))]
    return [(found.keys[row], float(z[row, len(quiet) + n]), limit) for n, row in enumerate(strongest)]


def _more(
    service: str, quiet: Sequence[int], windows: Sequence[int], pointed: Pointed, params: Params
) -> behavior.Floats:
    """Standard deviations by which more traces than usual point at a service, in some windows; never below 0."""
    counts, traces = pointed
    at = [*quiet, *windows]
    before = counts[service][list(quiet)].sum() / max(1.0, traces[list(quiet)].sum())
    z = np.fmax(behavior.deviance(counts[service][at], traces[at] * max(FALSE_ALARM_RATE, before)), 0.0)
    return z[len(quiet) :] / max(1.0, z[: len(quiet)].max() / params.widest)


def bound(quiet: int, params: Params = PARAMS) -> float:
    """Deviation from which a window is trouble: what few windows say of the scale is itself uncertain."""
    return params.bound * sqrt(1 + params.few / quiet)


def recurring(troubled: Sequence[Judged], params: Params = PARAMS) -> set[behavior.Key]:
    """Keys that stood out at so many times, apart from each other, that this is their way: it is learned from then on.

    :param troubled: windows in trouble, in order of time.
    """
    times: dict[behavior.Key, list[datetime]] = defaultdict(list)
    for judged in troubled:
        last = times[judged.key]
        if not last or judged.minute - last[-1] > 2 * params.width * MINUTE:
            last.append(judged.minute)
        else:
            last[-1] = judged.minute
    return {key for key, minutes in times.items() if len(minutes) >= params.often}


def drifts(course: Iterable[Judged], params: Params = PARAMS) -> list[Drift]:
    """Minutes in trouble, joined where at most one minute lies between them.

    A window is in trouble before it is full of it and long after: the drift begins a minute before the end of its first
    window, and ends a minute before that of its last, if there are several.

    :param course: in order of time.
    """
    found: list[list[Judged]] = []
    for judged in course:
        if not judged.trouble:
            continue
        if found and judged.minute - found[-1][-1].minute <= 2 * MINUTE:
            found[-1].append(judged)
        else:
            found.append([judged])
    return [_drift(run, params) for run in found]


def _drift(run: Sequence[Judged], params: Params) -> Drift:
    strongest = max(run, key=lambda judged: judged.deviation)
    end = run[-1].minute + MINUTE
    if len(run) >= params.width:
        end -= MINUTE
    return Drift(Window(run[0].minute - MINUTE, end), strongest.key, strongest.deviation)


def news(db: Database, found: Sequence[Drift], params: Params = PARAMS) -> list[Drift]:
    """The drifts that earlier days do not show at the same time of day: a nightly batch, a weekly job are none."""
    if not found:
        return []
    before = {drift: _before(drift, params) for drift in found}
    windows = [window for drift in found for window in before[drift]]
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows], "hours": behavior.hours(windows)}
    services = [drift.key[0] for drift in found for _ in before[drift]]
    days = Counter(
        (row["Window"] - 1) // len(params.days)
        for row in db.rows("drifts__days", **where, services=services, least=behavior.PARAMS.least_known)
    )
    return [
        drift
        for number, drift in enumerate(found)
        if days[number] < params.least_days or not _habitual(db, drift, before[drift], params)
    ]


def _before(drift: Drift, params: Params) -> list[Window]:
    """The same time of earlier days."""
    window = drift.window
    return [Window(window.start - timedelta(days=days), window.end - timedelta(days=days)) for days in params.days]


def _habitual(db: Database, drift: Drift, before: Sequence[Window], params: Params) -> bool:
    """Whether what a drift shows is within what those windows show."""
    courses = behavior.gather(db, [drift.window, *before])
    found = behavior.deviations(courses, range(1, len(before) + 1))
    mine = [z for key, z in zip(found.keys, found.z[:, 0], strict=True) if key == drift.key]
    return bool(mine) and bool(np.all(np.abs(np.nan_to_num(mine, nan=np.inf)) < params.habit))


def _judged(row: dict[str, Any]) -> Judged:
    key = (row["Service"], row["Kind"], row["Part"])
    return Judged(utc(row["Minute"]), row["Traces"], key, row["Deviation"], row["Bound"])


def _row(hour: datetime, judged: Judged) -> list[Any]:
    return [hour, judged.minute, judged.traces, *judged.key, judged.deviation, judged.bound, CODE_VERSION]
