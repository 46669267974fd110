"""Which times can be stored, and what becomes of records outside: never acknowledged and lost.

A record without a time takes that of its receipt. One that is older than what is kept (``RAW_TTL_DAYS``) would be
dropped by the next merge, one far ahead of the clock would stay for ever, one beyond 2262 would turn up in 1677: they
are left out, told to the sender as a partial success, and kept as a dead letter.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from otel_pipeline.settings import Settings

DAY_NS, MINUTE_NS = 86_400 * 10**9, 60 * 10**9
PARTS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}


@dataclass(frozen=True)
class Horizon:
    """What can be stored now.

    :param earliest: :param latest: nanoseconds since 1970. :param now: time of receipt.
    """

    earliest: int
    latest: int
    now: int

    def __str__(self) -> str:
        return f"{_iso(self.earliest)} to {_iso(self.latest)}"

    def spans(self, spans: Iterable[Any]) -> bool:
        """Whether all of these begin, and end, within."""
        held = list(spans)  # each pass over the message itself would make its Python objects anew
        starts = [span.start_time_unix_nano for span in held]
        return not starts or (
            self.earliest <= min(starts)
            and max(starts) <= self.latest
            and max([span.end_time_unix_nano for span in held]) <= self.latest
        )

    def times(self, times: list[int]) -> bool:
        """Whether all of these are within."""
        return not times or (self.earliest <= min(times) and max(times) <= self.latest)


def horizon(settings: Settings) -> Callable[[], Horizon]:
    """Makes the horizon of the moment."""
    back, ahead = settings.raw_ttl_days * DAY_NS, settings.intake_ahead_minutes * MINUTE_NS

    def of_now() -> Horizon:
        now = time.time_ns()
        return Horizon(now - back, now + ahead, now)

    return of_now


def in_time(signal: str, request: Any, bounds: Horizon) -> bool:
    """Whether everything in a request has a time that can be stored."""
    if signal == "traces":
        return all(bounds.spans(scope.spans) for part in request.resource_spans for scope in part.scope_spans)
    if signal == "logs":
        return all(
            bounds.times([line.time_unix_nano or line.observed_time_unix_nano for line in scope.log_records])
            for part in request.resource_logs
            for scope in part.scope_logs
        )
    return all(
        bounds.times([point.time_unix_nano for point in points(metric)])
        for part in request.resource_metrics
        for scope in part.scope_metrics
        for metric in scope.metrics
    )


def points(metric: Any) -> Any:
    """The points of a metric of any kind."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


@dataclass
class Outside:
    """Records that cannot be stored.

    :param request: they alone. :param records: how many. :param reason: why.
    """

    request: Message
    records: int
    reason: str


def take_outside(signal: str, request: Any, bounds: Horizon) -> Outside | None:
    """Give what has no time that of receipt, and take out of a request what cannot be stored; None where all can."""
    parts, scopes, records = PARTS[signal]
    rest = type(request)()
    count, example = 0, 0
    for part in getattr(request, parts):
        other = None
        for scope in getattr(part, scopes):
            held = getattr(scope, records)
            timed = [(record, _times(signal, record, bounds)) for record in held]
            found = [record for record, late in timed if late]
            times = [time for _, late in timed for time in late]
            if not found:
                continue
            count, example = count + len(times), example or times[0]
            if other is None:
                other = getattr(rest, parts).add()
                _copy_but(part, other, scopes)
            target = getattr(other, scopes).add()
            _copy_but(scope, target, records)
            getattr(target, records).extend(found)
            if signal == "metrics":
                for metric in found:
                    _leave_in_time(metric, bounds)
            else:
                kept = [record for record, late in timed if not late]
                del held[:]
                held.extend(kept)
    if not count:
        return None
    return Outside(rest, count, f"{count} records have times that cannot be stored ({bounds}), such as {_iso(example)}")


def _copy_but(source: Any, target: Any, left_out: str) -> None:
    for field, value in source.ListFields():
        if field.name == left_out:
            continue
        if field.type == field.TYPE_MESSAGE:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)


def _times(signal: str, record: Any, bounds: Horizon) -> list[int]:
    """The times for which a record cannot be stored, one for each row; a missing time is filled in."""
    if signal == "traces":
        end = record.end_time_unix_nano
        if not record.start_time_unix_nano:
            record.start_time_unix_nano = end if bounds.earliest <= end <= bounds.latest else bounds.now
        start = record.start_time_unix_nano
        if not bounds.earliest <= start <= bounds.latest:
            return [start]
        return [end] if end > bounds.latest else []
    if signal == "logs":
        time_ = record.time_unix_nano or record.observed_time_unix_nano
        if not time_:
            record.time_unix_nano = time_ = bounds.now
        return [] if bounds.earliest <= time_ <= bounds.latest else [time_]
    late = []
    for point in points(record):
        if not point.time_unix_nano:
            point.time_unix_nano = bounds.now
        elif not bounds.earliest <= point.time_unix_nano <= bounds.latest:
            late.append(point.time_unix_nano)
    return late


def _leave_in_time(metric: Any, bounds: Horizon) -> None:
    held = points(metric)
    kept = [point for point in held if bounds.earliest <= point.time_unix_nano <= bounds.latest]
    del held[:]
    held.extend(kept)


def _iso(nanoseconds: int) -> str:
    try:
        return datetime.fromtimestamp(nanoseconds // 10**9, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds} ns"
