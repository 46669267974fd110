"""How each service behaves, given that it was called: slower or faster, more or fewer calls, errors, other steps.

What a service does is compared with other windows, in both directions: an early return makes traces shorter, and a step
that is missing is evidence like one that is new. Requests of different kinds are kept apart by the operations through
which a service was entered, so that a changed mix of requests is no change of behavior.

All deviations are on one scale, standard deviations that saturate at the size of the effect: a tenth of ln(time), a
hundredth of very many visits (Kish's design effect) are no news however many there are; and each statistic is divided
by what it shows in the other windows, where that is more than one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window

Floats = NDArray[np.float64]
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Params:
    """What decides a deviation.

    :param floor: of ln(time); changes of a mean below it are never news. :param alike: correlation of the visits of one
        window. :param tail: share of the slowest (fastest) visits elsewhere that count as slow (fast).
    :param least_visits: of a window, to be judged; least_known: visits elsewhere, to know a rate.
    :param lift, excess: a form of visit is odd from this many times its usual share, and standard deviations above.
    :param common, common_z: quantile of the deviations of a kind elsewhere; what it is of a normal distribution's.
    :param trimmed: part of the other windows, those with the largest shares, that does not tell what is usual.
    """

    floor: float = 0.1
    alike: float = 0.01
    tail: float = 0.02
    least_visits: int = 3
    least_known: int = 10
    lift: float = 3.0
    excess: float = 1.5
    trimmed: float = 0.2
    common: float = 0.9
    common_z: float = 1.645


PARAMS = Params()
NORMAL = 1.4826  # from the median of absolute deviations to a standard deviation
TIMES = ("self", "gap")
COUNTS = {"self": "steps", "calls": "calls", "error": "error", "lines": "lines"}


@dataclass(frozen=True)
class Courses:
    """What services did in some windows. Made by :func:`load`.

    :param groups: (service, class, kind, part) of each row of the arrays, which are rows × windows.
    :param traces: that show it; totals, squares: sums of ln(ns) and its squares; times: how often.
    :param bins: row → (window, bin, traces). :param visits, entries: (service, class) → by window.
    """

    windows: int
    groups: list[tuple[str, int, str, str]]
    traces: Floats
    totals: Floats
    squares: Floats
    times: Floats
    bins: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    visits: dict[tuple[str, int], Floats]
    entries: dict[tuple[str, int], Floats]

    @property
    def callees(self) -> dict[str, set[str]]:
        """Whom each service calls in any of the windows."""
        found: dict[str, set[str]] = {}
        for service, _, kind, part in self.groups:
            if kind == "calls":
                found.setdefault(service, set()).add(part)
        return found

    def seen(self) -> dict[str, Floats]:
        """Visits of each service, by window."""
        found: dict[str, Floats] = {}
        for (service, _), visits in self.visits.items():
            found[service] = found.get(service, 0.0) + visits
        return found


@dataclass(frozen=True)
class Deviations:
    """By how much services deviate in each window.

    :param keys: (service, kind, part) of each row. Kinds: self and gap (the mean time), self_slow, self_fast, gap_slow
        (share beyond the tail), steps (operations of its own), calls, error, lines, form (went in an odd way).
    :param z: rows × windows, signed standard deviations; NaN where it can't be said.
    :param times: rows × windows, observed as a multiple of expected.
    """

    keys: list[Key]
    z: Floats
    times: Floats


def gather(db: Database, windows: Sequence[Window]) -> Courses:
    """What the services did in each of the windows, which must not overlap."""
    starts, ends = [w.start for w in windows], [w.end for w in windows]
    return load(db.rows("behavior__courses", starts=starts, ends=ends, hours=hours(windows)), len(windows))


def hours(windows: Sequence[Window]) -> list[datetime]:
    """The hours that windows touch: what lies between windows that are days apart need not be looked at."""
    return sorted({hour for window in windows for hour in window.hours()})


def load(rows: Sequence[dict[str, Any]], windows: int) -> Courses:
    """Rows of ``behavior__courses`` as arrays."""
    visits: dict[tuple[str, int], Floats] = {}
    entries: dict[tuple[str, int], Floats] = {}
    groups, bins = [], []
    kept = [row for row in rows if row["Kind"] != "visits"]
    arrays = [np.zeros((len(kept), windows)) for _ in range(4)]
    for row in rows:
        at = np.asarray(row["Windows"], dtype=np.int64) - 1
        if row["Kind"] == "visits":
            key = (row["Service"], row["Class"])
            visits[key], entries[key] = np.zeros(windows), np.zeros(windows)
            visits[key][at], entries[key][at] = row["Traces"], row["Times"]
            continue
        for array, column in zip(arrays, ("Traces", "Totals", "Squares", "Times"), strict=True):
            array[len(groups), at] = row[column]
        groups.append((row["Service"], row["Class"], row["Kind"], row["Part"]))
        bins.append(
            (
                np.asarray(row["BinWindows"], dtype=np.int64) - 1,
                np.asarray(row["Bins"], dtype=np.int64),
                np.asarray(row["BinTraces"], dtype=np.float64),
            )
        )
    traces, totals, squares, times = arrays
    return Courses(windows, groups, traces, totals, squares, times, bins, visits, entries)


def deviations(courses: Courses, others: Sequence[int], params: Params = PARAMS) -> Deviations:
    """The deviations of all windows from some of them.

    :param others: numbers of the windows that tell what is usual; up to nearly half of them may hold trouble.
    """
    found: list[tuple[Key, Floats, Floats]] = []
    usual = np.zeros(courses.windows, dtype=bool)
    usual[list(others)] = True
    seen = courses.seen()
    found += _times(courses, usual, params)
    found += _tails(courses, usual, params)
    found += _counts(courses, usual, seen, params)
    found += _forms(courses, usual, seen, params)
    if not found:
        return Deviations([], np.zeros((0, courses.windows)), np.zeros((0, courses.windows)))
    keys = [key for key, _, _ in found]
    z = np.array([row for _, row, _ in found])
    elsewhere = np.where(usual, np.abs(z), np.nan)
    with np.errstate(all="ignore"):
        scale = np.fmax(1.0, NORMAL * _nanmedian(elsewhere))
    z = z / scale[:, None]
    for kind in {kind for _, kind, _ in keys}:
        of_service: dict[str, list[int]] = {}
        for number, (service, of, _) in enumerate(keys):
            if of == kind:
                of_service.setdefault(service, []).append(number)
        strongest = np.array([np.fmax.reduce(np.abs(z[rows][:, usual])) for rows in of_service.values()])
        z[[row for rows in of_service.values() for row in rows]] /= common_scale(strongest, params)
    return Deviations(keys, z, np.array([row for _, _, row in found]))


def common_scale(elsewhere: Floats, params: Params = PARAMS) -> float:
    """By how much the strongest deviation of one kind is wider elsewhere than a normal distribution, over all services.

    What is rare has a quiet median and a wide tail, which one service alone has too few windows to show; and of a
    hundred operations one is soon unusual.
    """
    known = np.abs(elsewhere[np.isfinite(elsewhere)])
    return max(1.0, float(np.quantile(known, params.common)) / params.common_z) if len(known) else 1.0


def _by_key(rows: Sequence[tuple[str, int, str, str]], kinds: Sequence[str]) -> dict[Key, list[int]]:
    """(service, kind, part) → its rows, one a class of visits."""
    found: dict[Key, list[int]] = {}
    for number, (service, _, kind, part) in enumerate(rows):
        if kind in kinds:
            found.setdefault((service, kind, part), []).append(number)
    return found


def _times(courses: Courses, usual: NDArray[np.bool_], params: Params) -> list[tuple[Key, Floats, Floats]]:
    """Means of ln(time): classes judged each by itself, then summed as Stouffer does, weighted by their visits."""
    found = []
    with np.errstate(all="ignore"):
        n = np.where(courses.traces >= 2, courses.traces, np.nan)
        mean = courses.totals / n
        spread = np.fmax(courses.squares / n - mean**2, 0.0)
        elsewhere = np.where(usual, mean, np.nan)
        center = _nanmedian(elsewhere)
        scale = NORMAL * _nanmedian(np.abs(elsewhere - center[:, None]))
        # The median of what a few values show of their variance is far below it (Wilson & Hilferty, 1931).
        below = (n - 1) / n * (1 - 2 / (9 * (n - 1))) ** 3
        own = _nanmedian(np.where(usual, spread / below, np.nan))
        known = np.sum(~np.isnan(elsewhere), axis=1) >= 2
        away = np.where(known[:, None], mean - center[:, None], np.nan)
        z = away / np.sqrt(scale[:, None] ** 2 + params.floor**2 + own[:, None] / n)
        weight = np.where(np.isnan(z), 0.0, n)
        z, away = np.nan_to_num(z) * np.sqrt(weight), np.nan_to_num(away) * weight
        for key, rows in _by_key(courses.groups, TIMES).items():
            total = weight[rows].sum(axis=0)
            found.append((key, z[rows].sum(axis=0) / np.sqrt(total), np.exp(away[rows].sum(axis=0) / total)))
    return found


def _tails(courses: Courses, usual: NDArray[np.bool_], params: Params) -> list[tuple[Key, Floats, Floats]]:
    """Shares of visits that are slower, or faster, than nearly all are elsewhere."""
    keys: list[Key] = []
    counted: list[tuple[Floats, Floats, Floats]] = []
    for (service, kind, part), rows in _by_key(courses.groups, TIMES).items():
        slow, fast, expected_slow, expected_fast, all_ = (np.zeros(courses.windows) for _ in range(5))
        for row in rows:
            window, place, count = courses.bins[row]
            mine = usual[window]
            total = count[mine].sum()
            if total < 3 * params.least_known:
                continue
            inverse = place - place.min()
            pooled = np.bincount(inverse, weights=count * mine) / total
            low, high = np.cumsum(pooled), np.cumsum(pooled[::-1])[::-1]
            is_fast, is_slow = low <= params.tail, high <= params.tail
            traces = courses.traces[row]
            slow += np.bincount(window, weights=count * is_slow[inverse], minlength=courses.windows)
            fast += np.bincount(window, weights=count * is_fast[inverse], minlength=courses.windows)
            expected_slow += max(pooled[is_slow].sum(), 0.5 / total) * traces
            expected_fast += max(pooled[is_fast].sum(), 0.5 / total) * traces
            all_ += traces
        keys.append((service, f"{kind}_slow", part))
        counted.append((slow, expected_slow, all_))
        if kind == "self":
            keys.append((service, "self_fast", part))
            counted.append((fast, expected_fast, all_))
    return _deviating(keys, counted, 1, params)


def _counts(
    courses: Courses, usual: NDArray[np.bool_], seen: dict[str, Floats], params: Params
) -> list[tuple[Key, Floats, Floats]]:
    """How often a service does something each time it is entered: what was expected of its classes of visits."""
    keys: list[Key] = []
    counted: list[tuple[Floats, Floats, Floats]] = []
    rates = _rates(courses, usual, params)
    base = {service: np.zeros(courses.windows) for service in seen}
    unknown = {service: np.zeros(courses.windows) for service in seen}
    every = {service: np.zeros(courses.windows) for service in seen}
    least = {key: 0.5 / (entries[usual].sum() + 1) for key, entries in courses.entries.items()}
    for (service, of_class), entries in courses.entries.items():
        every[service] += entries
        if entries[usual].sum() >= params.least_known:
            base[service] += least[service, of_class] * entries
        else:
            unknown[service] += entries
    for (service, kind, part), rows in _by_key(courses.groups, tuple(COUNTS)).items():
        observed = courses.times[rows].sum(axis=0)
        expected = base[service].copy()
        for row in rows:
            key = (service, courses.groups[row][1])
            if not np.isnan(rates[row]):
                expected += (rates[row] - least[key]) * courses.entries[key]
        # A class that was never seen (an operation that was renamed) is judged like all visits together.
        if (total := every[service][usual].sum()) >= params.least_known:
            expected += max(observed[usual].sum() / total, 0.5 / (total + 1)) * unknown[service]
        keys.append((service, COUNTS[kind], part))
        counted.append((observed, expected, seen[service]))
    return _deviating(keys, counted, params.least_visits, params)


def _deviating(
    keys: Sequence[Key], counted: Sequence[tuple[Floats, Floats, Floats]], least: int, params: Params
) -> list[tuple[Key, Floats, Floats]]:
    """How far counts are from what was expected; all at once, for there are thousands.

    :param counted: of each key, by window: observed, expected, and of how many visits, which are at least ``least``.
    """
    if not keys:
        return []
    observed, expected, visits = (np.array(each) for each in zip(*counted, strict=True))
    z = deviance(observed, expected) / np.sqrt(1 + visits * params.alike)
    z[(visits < least) | (expected == 0)] = np.nan
    return list(zip(keys, z, (observed + 0.5) / (expected + 0.5), strict=True))


def _rates(courses: Courses, usual: NDArray[np.bool_], params: Params) -> Floats:
    """How often something is usually done each time that a service is entered, for each row; never 0.

    The median over the windows, so that trouble in some does not count. NaN where too little is known.
    """
    entries = np.array([courses.entries[service, of_class] for service, of_class, _, _ in courses.groups])
    if not len(entries):
        return np.zeros(0)
    total, times = entries[:, usual].sum(axis=1), courses.times[:, usual].sum(axis=1)
    with np.errstate(all="ignore"):
        each = np.where(usual & (entries >= 5), courses.times / entries, np.nan)
        pooled = times / total
        rate = np.where(np.sum(~np.isnan(each), axis=1) >= 3, _nanmedian(each), pooled)
        rate = np.where(rate == 0, np.fmin(pooled, 0.5 * pooled + 0.5 / total), rate)
        return np.where(total >= params.least_known, np.fmax(rate, 0.5 / (total + 1)), np.nan)


def _forms(
    courses: Courses, usual: NDArray[np.bool_], seen: dict[str, Floats], params: Params
) -> list[tuple[Key, Floats, Floats]]:
    """Share of visits that went in a way (which operations, whom it called) that is odd for the window."""
    found = []
    by_service: dict[str, Floats] = {}
    for (service, _, _), rows in _by_key(courses.groups, ("form",)).items():
        of_service = by_service.setdefault(service, np.zeros(courses.windows))
        for row in rows:
            visits = courses.visits[service, courses.groups[row][1]]
            count = courses.traces[row]
            share = _usual_share(count, visits, usual, params)
            with np.errstate(all="ignore"):
                expected = share * visits
                odd = ((count + 0.5) / (visits + 1) > params.lift * share) & (
                    (count - expected) / np.sqrt(expected + 0.5) > params.excess
                )
            of_service += np.where(odd, count - expected, 0.0)
    for service, odd in by_service.items():
        visits = seen[service]
        share = _usual_share(odd, visits, usual, params)[0]
        z = _binomial(odd, visits, share) / np.sqrt(1 + np.fmax(visits - 1, 0) * params.alike)
        z[visits < params.least_visits] = np.nan
        with np.errstate(all="ignore"):
            found.append(((service, "form", ""), z, odd / visits / share))
    return found


def _usual_share(count: Floats, visits: Floats, usual: NDArray[np.bool_], params: Params) -> Floats:
    """Share elsewhere, for each window without itself; without the windows that hold most of it; never 0."""
    known = usual & (visits > 0)
    with np.errstate(all="ignore"):
        shares = np.where(known, count / visits, np.inf)
    order = np.argsort(shares, kind="stable")[: int(known.sum())]
    kept = np.zeros_like(known)
    kept[order[: len(order) - int(len(order) * params.trimmed)]] = True
    hits, all_ = count[kept].sum() - count * kept, visits[kept].sum() - visits * kept
    return (hits + 0.5) / (all_ + 1)


def deviance(observed: Floats, expected: Floats) -> Floats:
    """Signed root of the Poisson deviance, about standard normal (McCullagh & Nelder, 1989, as in :mod:`robust`)."""
    with np.errstate(all="ignore"):
        part = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
        root = np.sqrt(np.fmax(2 * (part - (observed - expected)), 0.0))
    return np.where(expected > 0, np.copysign(root, observed - expected), 0.0)


def _binomial(hits: Floats, all_: Floats, share: float) -> Floats:
    """Signed root of the binomial deviance."""
    with np.errstate(all="ignore"):
        part = np.clip(hits / all_, 0.0, 1.0)
        more = np.where(part > 0, part * np.log(part / share), 0.0)
        less = np.where(part < 1, (1 - part) * np.log((1 - part) / (1 - share)), 0.0)
        root = np.sqrt(np.fmax(2 * all_ * (more + less), 0.0))
    return np.nan_to_num(np.copysign(root, part - share))


def _nanmedian(values: Floats) -> Floats:
    """Median of each row without its NaNs; NaN for a row of nothing else. Much faster than numpy's own."""
    ordered = np.sort(values, axis=1)
    count = np.sum(~np.isnan(values), axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    high = np.minimum(high, values.shape[1] - 1)
    middle = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(count > 0, middle, np.nan)


def selected(courses: Courses, columns: Sequence[int]) -> Courses:
    """Some of the windows, in the order given."""
    at = np.asarray(columns, dtype=np.int64)
    place = np.full(courses.windows, -1)
    place[at] = np.arange(len(at))
    bins = []
    for window, value, traces in courses.bins:
        kept = place[window] >= 0
        bins.append((place[window][kept], value[kept], traces[kept]))
    return Courses(
        len(at),
        courses.groups,
        courses.traces[:, at],
        courses.totals[:, at],
        courses.squares[:, at],
        courses.times[:, at],
        bins,
        {key: visits[at] for key, visits in courses.visits.items()},
        {key: entries[at] for key, entries in courses.entries.items()},
    )


def sliding(courses: Courses, width: int) -> Courses:
    """Each window together with those before it, ``width`` in all."""

    def summed(array: Floats) -> Floats:
        found = array.copy()
        for back in range(1, width):
            found[..., back:] += array[..., :-back]
        return found

    bins = []
    for window, value, traces in courses.bins:
        moved = np.concatenate([window + ahead for ahead in range(width)])
        kept = moved < courses.windows
        bins.append((moved[kept], np.tile(value, width)[kept], np.tile(traces, width)[kept]))
    return Courses(
        courses.windows,
        courses.groups,
        summed(courses.traces),
        summed(courses.totals),
        summed(courses.squares),
        summed(courses.times),
        bins,
        {key: summed(visits) for key, visits in courses.visits.items()},
        {key: summed(entries) for key, entries in courses.entries.items()},
    )
