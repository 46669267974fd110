"""What the words of a question say without any model: a window, a service, a trace, a text to look for.

Times as ISO 8601, clock times and lengths of time ("last 15 minutes", "seit 2 Stunden", "최근 15분"); services by the
names that occur in the data; exception names, codes and what stands in quotes as texts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from otel_pipeline.detection.model import Window

LAST = timedelta(minutes=15)
LONGEST = timedelta(days=366)
_UNITS = {
    "second": r"s|secs?|seconds?|sekunden?|초|秒|segundos?|secondes?",
    "minute": r"m|mins?|minutes?|minuten?|minutos?|분|分钟|分鐘|分",
    "hour": r"h|hrs?|hours?|stunden?|std|horas?|heures?|시간|小时|小時|時間",
    "day": r"d|days?|tage?n?|días?|dias?|jours?|일|天|日",
    "week": r"w|weeks?|wochen?|semanas?|semaines?|주|週間|周",
}
_LENGTH = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_SPAN = re.compile(
    r"(?<![A-Za-z0-9_.:-])(\d{1,5})\s*(?:"
    + "|".join(f"(?P<{unit}>{words})" for unit, words in _UNITS.items())
    + r")(?![a-z\d])",
    re.IGNORECASE,
)
# One of a unit, without a figure; and days by their names.
_ONE = {
    "hour": r"(?:last|past) hour|letzten? stunde|지난 시간|última hora|dernière heure|过去一小时|この1時間",
    "day": r"(?:last|past) day|letzten tag|지난 하루",
    "week": r"(?:last|past|this) week|letzten? woche|diese woche|지난주|이번 주|上周|先週",
}
_TODAY = re.compile(r"\b(?:today|heute|hoy|aujourd'hui)\b|오늘|今天|今日", re.IGNORECASE)
_YESTERDAY = re.compile(r"\b(?:yesterday|gestern|ayer|hier)\b|어제|昨天|昨日", re.IGNORECASE)
_SINCE = re.compile(r"\b(?:since|seit|desde|depuis|after|ab)\b|부터|이후|以来|から", re.IGNORECASE)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?<![\d:T+-])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_TRACE = re.compile(r"(?<![0-9a-zA-Z-])[0-9a-fA-F]{32}(?![0-9a-zA-Z-])")
_QUOTED = re.compile(r"[\"“”„«»「『`]([^\"“”„«»」』`]{3,200})[\"“”«»」』`]|(?<!\w)'([^']{3,200})'(?!\w)")
_NAME = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Exception|Error|Timeout|Fault)\b|\b[A-Z]{2,}-\d+\b")
SUFFIXES = ("-service", "_service", "service", "-api", "-svc")


@dataclass(frozen=True)
class Question:
    """What was understood. ``window`` is the last 15 minutes where ``timed`` is false."""

    text: str
    window: Window
    timed: bool
    service: str | None
    trace_id: str | None
    phrase: str | None


def understand(text: str, now: datetime, services: Iterable[str] = ()) -> Question:
    """Read a question.

    :param now: the time that relative times start from; clock times are of its day, UTC.
    :param services: names as they occur in the data.
    """
    window = _window(text, now)
    trace = _TRACE.search(text)
    return Question(
        text,
        window or Window(now - LAST, now),
        window is not None,
        _service(text, services),
        trace.group().lower() if trace else None,
        _phrase(text),
    )


def _window(text: str, now: datetime) -> Window | None:
    instants, days, rest = _dated(text)
    if len(instants) > 1:
        return _ordered(min(instants), max(instants))
    if instants:
        return _around(instants[0], text, now)
    midnight = days[0] if days else _named_day(text, now)
    clocks = [(midnight or _midnight(now)) + timedelta(hours=int(h), minutes=int(m), seconds=int(s or 0))
              for h, m, s in _CLOCK.findall(rest)]  # fmt: skip
    if len(clocks) > 1:
        return _ordered(min(clocks), max(clocks))
    if clocks:
        return _around(clocks[0], text, now)
    if midnight is not None:
        last = max(days) if days else midnight
        return _ordered(midnight, now if _SINCE.search(text) else min(last + timedelta(days=1), max(now, midnight)))
    length = _length(rest)
    return _ordered(now - length, now) if length else None


def _dated(text: str) -> tuple[list[datetime], list[datetime], str]:
    """Full times, days, and the text without them."""
    instants: list[datetime] = []
    days: list[datetime] = []
    for day, clock, zone in _ISO.findall(text):
        try:
            moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone.upper() or '+00:00'}").astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        (instants if clock else days).append(moment)
    return instants, sorted(days), _ISO.sub(" ", text)


def _around(moment: datetime, text: str, now: datetime) -> Window | None:
    """From a moment on, where the words say so; else the quarter hours around it."""
    if _SINCE.search(text) and moment < now:
        return Window(moment, now)
    return _ordered(moment - LAST, moment + LAST)


def _ordered(start: datetime, end: datetime) -> Window | None:
    return Window(start, end) if start < end else None


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _named_day(text: str, now: datetime) -> datetime | None:
    if _YESTERDAY.search(text):
        return _midnight(now) - timedelta(days=1)
    return _midnight(now) if _TODAY.search(text) else None


def _length(text: str) -> timedelta | None:
    if found := _SPAN.search(text):
        unit = next(name for name in _UNITS if found.group(name))
        return min(timedelta(seconds=int(found[1]) * _LENGTH[unit]), LONGEST)
    for unit, words in _ONE.items():
        if re.search(words, text, re.IGNORECASE):
            return timedelta(seconds=_LENGTH[unit])
    return None


def _service(text: str, services: Iterable[str]) -> str | None:
    """The longest name of a service in the text, with or without what such names end in."""
    found: list[tuple[int, str]] = []
    for service in services:
        short = service
        for suffix in SUFFIXES:
            short = short.removesuffix(suffix)
        for name in {service, short}:
            pattern = r"[-_ ]".join(re.escape(part) for part in re.split(r"[-_ ]", name))
            # A Korean particle or a German ending may follow at once; a Latin letter or a digit may not.
            if len(name) > 1 and re.search(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", text, re.IGNORECASE):
                found.append((len(name), service))
    return max(found)[1] if found else None


def _phrase(text: str) -> str | None:
    """A text to look for in logs: what stands in quotes, an exception, a code."""
    if quoted := _QUOTED.search(text):
        return quoted[1] or quoted[2]
    name = _NAME.search(text)
    return name.group() if name else None
