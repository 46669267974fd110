"""Times as agents write them: ISO 8601, or relative to now ("last 15 minutes", "2h ago", "yesterday")."""

import re
from datetime import UTC, datetime, timedelta

from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST = timedelta(days=366)
_SPAN = re.compile(
    r"(?:(?:the |in the )?(?:last|past) |-)?\s*(\d{1,6}|an?)?\s*"
    r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?: ago)?",
    re.IGNORECASE,
)


def instant(text: str, now: datetime) -> datetime:
    """A time, aware, UTC. A length of time ("15 minutes") is that long before now.

    :raises UserError: it cannot be read.
    """
    words = text.strip()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if words.lower() in named:
        return named[words.lower()]
    if found := _SPAN.fullmatch(words):
        number = 1 if (found[1] or "a").lower() in ("a", "an") else int(found[1])
        length = number * UNITS[found[2][0].lower()]
        if length > LONGEST.total_seconds():
            raise UserError(f"{words[:40]!r} is too long ago; give at most {LONGEST.days} days")
        return now - timedelta(seconds=length)
    try:
        moment = datetime.fromisoformat(words)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(
            f"{words[:40]!r} is no time; give ISO 8601 such as 2026-01-31T08:15:00Z, or 'last 15 minutes', '2h ago'"
        ) from None


def window(start: str, end: str, now: datetime, default: timedelta) -> Window:
    """The window between two times; each may be empty.

    :param default: length of the window where there is no start.
    :raises UserError: a time that cannot be read, or an empty window.
    """
    until = instant(end, now) if end.strip() else now
    since = instant(start, now) if start.strip() else until - default
    if since >= until:
        raise UserError(f"the window is empty: start {iso(since)} is not before end {iso(until)}")
    return Window(since, until)


def iso(moment: datetime) -> str:
    """ISO 8601, UTC, no finer than milliseconds."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds").replace("+00:00", "Z")
