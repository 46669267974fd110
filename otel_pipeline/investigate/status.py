"""How a service is doing: traffic, errors and latency against their usual values, and what is new.

Without crying wolf: unusual is what lies beyond all that was seen in quiet times and far from their middle.
"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.robust import deviance
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.model import Change, Figure, Status

FEW, MANY = 3, 20
SURE = 4.0  # standard deviations
FACTOR = 1.3
DRIFT = 1.2  # times, from the first to the last piece
PIECES = 11  # fewer cannot be that sure
SHOWN = 6
NEW = {"new log line": "new log line", "vanished log line": "log line gone", "version": "version"}


def known(db: Database, service: str, window: Window) -> None:
    """See that a service exists.

    :raises UserError: it was never seen; names those that were.
    """
    rows = db.rows("investigate__known", end=window.end)
    if service not in {row["Service"] for row in rows}:
        names = ", ".join(row["Service"] for row in rows[:MANY])
        more = f" and {len(rows) - MANY} more" if len(rows) > MANY else ""
        raise UserError(
            f"service {service[:80]!r} was never seen; " + (f"known: {names}{more}" if rows else "nor was any")
        )


def last_seen(db: Database, service: str, window: Window) -> str:
    """When a service was last seen, in words."""
    row = next(row for row in db.rows("investigate__known", end=window.end) if row["Service"] == service)
    return f"{utc(row['LastSeen']):%Y-%m-%d %H:%M:%S} UTC"


def status(
    db: Database, window: Window, reference: Sequence[Window], service: str, changes: Sequence[Change] = ()
) -> Status:
    """The figures of a service in a window, and what is new.

    :param changes: what changed about the service; log lines and versions among them are told.
    """
    where = {
        "starts": [window.start, *(w.start for w in reference)],
        "ends": [window.end, *(w.end for w in reference)],
        "service": service,
    }
    rows = {row["Window"] - 1: row for row in db.rows("investigate__status", **where)}
    now = rows.pop(0, None)
    if now is None:
        return Status(service, 0)
    minutes = [(w.end - w.start) / timedelta(minutes=1) for w in (window, *reference)]
    quiet = {n: row for n, row in rows.items() if row["Visits"] >= FEW}
    figures = [
        figure("visits a minute", now["Visits"] / minutes[0], [r["Visits"] / minutes[n] for n, r in quiet.items()]),
        _errors(now["Failed"], now["Visits"], [(r["Failed"], r["Visits"]) for r in quiet.values()]),
        figure("median own work, ms", now["Half"], [row["Half"] for row in quiet.values()]),
        figure("95th percentile of own work, ms", now["Tail"], [row["Tail"] for row in quiet.values()]),
    ]
    new = [f"{NEW[c.kind]}: {c.what}" for c in changes if c.kind in NEW]
    endpoints = db.rows("investigate__endpoints", **where)
    totals = Counter[int]()
    for entry in endpoints:
        totals.update(entry["Visits"])
    for entry in endpoints:
        counts = {n: (entry["Visits"].get(n, 0), total) for n, total in totals.items()}
        if 0 in counts and (text := share(entry["Entry"], counts.pop(0), list(counts.values()))):
            new.append(text)
        if text := drift(entry["Entry"], entry["Course"]):
            new.append(text)
    return Status(service, now["Visits"], figures, new[:SHOWN])


def figure(name: str, now: float, usual: Sequence[float]) -> Figure:
    """A figure against those of quiet times: unusual only beyond all of them and far from their middle."""
    if len(usual) < FEW:
        low, high = (min(usual), max(usual)) if usual else (now, now)
        return Figure(name, _short(now), _short(low), _short(high), "too little to compare with")
    low, high, middle = min(usual), max(usual), median(usual)
    scale = math.hypot(1.4826 * median(abs(u - middle) for u in usual), 0.05 * middle)
    far = abs(now - middle) > SURE * scale
    note = "as usual"
    if far and now > FACTOR * high:
        note = "higher than usual"
    elif far and now < low / FACTOR:
        note = "lower than usual"
    return Figure(name, _short(now), _short(low), _short(high), note)


def _errors(failed: int, visits: int, quiet: Sequence[tuple[int, int]]) -> Figure:
    shares = [k / n for k, n in quiet]
    found = figure("share of visits that fail", failed / visits, shares)
    if len(quiet) < FEW:
        return found
    usual = (sum(k for k, _ in quiet) + 0.5) / (sum(n for _, n in quiet) + 1)
    dispersion = max(1.0, sum(deviance(k, n, usual) ** 2 for k, n in quiet) / len(quiet))
    high = deviance(failed, visits, usual) / math.sqrt(dispersion) >= SURE and failed / visits > max(shares)
    return Figure(found.name, found.now, found.low, found.high, "higher than usual" if high else "as usual")


def share(entry: str, now: tuple[int, int], quiet: Sequence[tuple[int, int]]) -> str:
    """What is new about how often an endpoint is asked for; empty when nothing is.

    :param now: visits of it, and of all. :param quiet: the same, in quiet times.
    """
    visits, of_all = now
    before, of_before = (sum(column) for column in zip(*quiet, strict=True)) if quiet else (0, 0)
    if not of_all or not of_before:
        return ""
    usual = min(0.99, (before + 0.5) / (of_before + 1))
    sure = abs(deviance(visits, of_all, usual)) >= SURE + 1
    times = (visits + 0.5) / (of_all + 1) / usual
    shares = [k / n for k, n in quiet if n >= MANY]
    seen = bool(shares) and min(shares) <= visits / of_all <= max(shares)
    if not sure or seen or 1 / 1.5 < times < 1.5:
        return ""
    return f"{entry or 'own jobs'}: {visits / of_all:.1%} of the visits, usually {before / of_before:.1%}"


def drift(entry: str, course: Sequence[float]) -> str:
    """A steady rise of the own work (Mann and Kendall's test, Theil and Sen's slope); empty when there is none."""
    n = len(course)
    if n < PIECES or min(course) <= 0:
        return ""
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    s = sum((course[j] > course[i]) - (course[j] < course[i]) for i, j in pairs)
    z = (s - 1) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    times = math.exp(median((math.log(course[j]) - math.log(course[i])) / (j - i) for i, j in pairs) * (n - 1))
    # A step is no drift: without its largest rise it must still have risen.
    steps = sorted(math.log(later / earlier) for earlier, later in pairwise(course))
    if z < SURE or times < DRIFT or sum(steps[:-1]) < 0.4 * math.log(times):
        return ""
    return f"{entry or 'own jobs'}: own work drifts upwards, {times:.1f} times as long as at the beginning"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
