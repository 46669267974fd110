"""How a service is doing: traffic, errors and latency against their usual values, and what is new.

Without crying wolf: unusual is what lies beyond all that was seen in quiet times and far from their middle.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.robust import deviance
from otel_pipeline.detection.segments import burst_surprise
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.model import Change, Endpoint, Figure, Status

if TYPE_CHECKING:
    from otel_pipeline.investigate.gather import Around
    from otel_pipeline.investigate.lone import Lone

FEW, MANY = 3, 20
SURE = 4.0  # standard deviations
FACTOR = 1.3
DRIFT = 1.2  # times, from the first to the last piece
ALONE = 2.0  # times the highest usual, where quiet times are few
PIECES = 11  # fewer cannot be that sure
SHOWN = 6
ENDPOINTS = 12
PIECES_BACK = 6  # quiet times as long as the window, to compare its endpoints with
LEAST_BLIP, BLIP = 3, 6.0  # requests of a minute, and -log10 of the chance that they are so many
SUSTAINED, MOST_BLIPS = 0.25, 3  # of the minutes, and minutes: what lasts longer is no blip
SLOW = 0.01  # share of requests beyond the far quantile in quiet times
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


def endpoints(db: Database, window: Window, quiet: Sequence[Window], service: str | None) -> list[Endpoint]:
    """How the endpoints of a service do, or without one those of the whole system; the busiest first.

    :param quiet: times to compare with; the nearest of them are enough.
    """
    back = window.start - PIECES_BACK * (window.end - window.start)
    near = [Window(max(w.start, back), min(w.end, window.start)) for w in quiet]
    near = [w for w in near if w.end > w.start]
    where: dict[str, Any] = {
        "start": window.start,
        "end": window.end,
        "starts": [w.start for w in near],
        "ends": [w.end for w in near],
        "hours": sorted({hour for w in (window, *near) for hour in w.hours()}),
    }
    if service:
        return told(db.rows("investigate__durations", **where, service=service), window)
    return told(db.rows("investigate__roots", **where), window)


def told(rows: Sequence[dict[str, Any]], window: Window) -> list[Endpoint]:
    """Rows of ``investigate__roots`` or ``investigate__durations`` as endpoints, the busiest first."""
    known: dict[tuple[str, str], dict[int, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        known[row["Service"], row["Operation"]][row["Piece"]] = row
    minutes = max(1e-9, (window.end - window.start) / timedelta(minutes=1))
    found = []
    for (service, operation), pieces in known.items():
        now = pieces.pop(0, None)
        if now is None:
            continue
        quiet = [row for row in pieces.values() if row["Requests"] >= MANY]
        of_quiet, failed_before = sum(r["Requests"] for r in quiet), sum(r["Failures"] for r in quiet)
        tails = [row["WholeMs"][1] for row in quiet]
        requests, failed = now["Requests"], now["Failures"]
        found.append(
            Endpoint(
                service,
                operation,
                requests,
                _short(requests / minutes),
                _short(failed / requests),
                _short(failed_before / of_quiet) if of_quiet else 0.0,
                (_short(now["WholeMs"][0]), _short(now["WholeMs"][1]), _short(now["WholeMs"][2])),
                (_short(now["OwnMs"][0]), _short(now["OwnMs"][1]), _short(now["OwnMs"][2])),
                (_short(min(tails)), _short(max(tails))) if tails else (0.0, 0.0),
                _note(now, quiet),
                blips(now["ByMinute"], (failed_before + 0.5) / (of_quiet + 1)) if of_quiet else [],
            )
        )
    return sorted(found, key=lambda e: (-e.requests, e.service, e.operation))[:ENDPOINTS]


def _note(now: dict[str, Any], quiet: Sequence[dict[str, Any]]) -> str:
    """What is not as usual about an endpoint: failures, or the whole duration at the median and at the tail."""
    if not quiet or now["Requests"] < MANY:
        return "too little to compare with"
    failing = _errors(now["Failures"], now["Requests"], [(r["Failures"], r["Requests"]) for r in quiet])
    notes = []
    if failing.note == "higher than usual":
        notes.append(f"{failing.now:.1%} fail, usually {failing.low:.1%} to {failing.high:.1%}")
    for place, name in ((0, "p50"), (1, "p95")):
        usual = [row["WholeMs"][place] for row in quiet]
        seen = figure(name, now["WholeMs"][place], usual)
        alone = len(usual) < FEW and now["WholeMs"][place] > ALONE * max(usual) + 1
        if seen.note == "higher than usual" or alone:
            notes.append(f"{name} {now['WholeMs'][place] / max(1e-9, *usual):.1f} times the highest usual")
            break
    return "; ".join(notes) or "as usual"


def blips(minutes: Sequence[Sequence[Any]], usual: float) -> list[str]:
    """Single minutes in which far more requests failed or were slow than chance brings; none where most were so.

    :param minutes: (minute, requests, failed, slow, median of the slow in ms). :param usual: share that fails.
    """
    bad: list[str] = []
    for minute, requests, failed, slow, slow_ms in minutes:
        share = min(0.99, usual)
        if failed >= LEAST_BLIP and burst_surprise(requests, failed, share) >= BLIP:
            bad.append(f"{utc(minute):%H:%M}: {failed} of {requests} requests failed")
        elif slow >= LEAST_BLIP and burst_surprise(requests, slow, SLOW) >= BLIP:
            bad.append(f"{utc(minute):%H:%M}: {slow} of {requests} requests took {slow_ms:.3g} ms or so")
    return bad if len(bad) <= min(MOST_BLIPS, max(1, SUSTAINED * len(minutes))) else []


def status(  # noqa: PLR0917
    db: Database,
    window: Window,
    reference: Sequence[Window],
    service: str,
    changes: Sequence[Change] = (),
    around: "Around | None" = None,
    lone: "Lone | None" = None,
) -> Status:
    """The figures of a service in a window, and what is new.

    :param changes: what changed; log lines and versions of the service among them are told.
    :param around: on whom it depends, and who depends on it. :param lone: its lines outside traces.
    """
    changes = [change for change in changes if change.service == service]
    relations = {"calls": around.calls, "called_by": around.called_by} if around else {}
    where = {
        "starts": [window.start, *(w.start for w in reference)],
        "ends": [window.end, *(w.end for w in reference)],
        "service": service,
    }
    rows = {row["Window"] - 1: row for row in db.rows("investigate__status", **where)}
    now = rows.pop(0, None)
    minutes = [(w.end - w.start) / timedelta(minutes=1) for w in (window, *reference)]
    if now is None:
        return Status(service, 0, figures=_of_lines(service, lone, minutes[0]), **relations)
    quiet = {n: row for n, row in rows.items() if row["Visits"] >= FEW}
    figures = [
        figure("requests a minute", now["Visits"] / minutes[0], [r["Visits"] / minutes[n] for n, r in quiet.items()]),
        _errors(now["Failed"], now["Visits"], [(r["Failed"], r["Visits"]) for r in quiet.values()]),
        figure("median self time, ms", now["Half"], [row["Half"] for row in quiet.values()]),
        figure("95th percentile of self time, ms", now["Tail"], [row["Tail"] for row in quiet.values()]),
    ]
    new = [f"{NEW[c.kind]}: {c.what}" for c in changes if c.kind in NEW]
    courses = db.rows("investigate__endpoints", **where)
    totals = Counter[int]()
    for entry in courses:
        totals.update(entry["Visits"])
    for entry in courses:
        counts = {n: (entry["Visits"].get(n, 0), total) for n, total in totals.items()}
        if 0 in counts and (text := share(entry["Entry"], counts.pop(0), list(counts.values()))):
            new.append(text)
        if text := drift(entry["Entry"], entry["Course"]):
            new.append(text)
    return Status(service, now["Visits"], figures, new[:SHOWN], **relations)


def _of_lines(service: str, lone: "Lone | None", minutes: float) -> list[Figure]:
    """The figures of a service that only logs: how much it says; what it says is told elsewhere."""
    lines, errors = (lone.services or {}).get(service, (0, 0)) if lone else (0, 0)
    if not lines:
        return []
    note = "unlike in quiet times" if lone and any(n.service == service for n in lone.errors) else "as usual"
    rate, failing = _short(lines / minutes), _short(errors / minutes)
    return [
        Figure("log lines a minute, outside traces", rate, rate, rate, "told for itself"),
        Figure("error lines a minute, outside traces", failing, 0.0, failing, note),
    ]


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
    found = figure("share of requests that fail", failed / visits, shares)
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
    return f"{entry or 'own jobs'}: {visits / of_all:.1%} of the requests, usually {before / of_before:.1%}"


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
    return f"{entry or 'own jobs'}: self time drifts upwards, {times:.1f} times as long as at the beginning"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
