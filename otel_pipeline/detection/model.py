"""Small types that all steps of the lineage share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Window:
    """A half-open span of time, aware UTC datetimes."""

    start: datetime
    end: datetime

    def hours(self) -> Iterator[datetime]:
        """The starts of all hours that the window touches."""
        hour = self.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour < self.end:
            yield hour
            hour += HOUR


@dataclass
class StepReport:
    """What a step did: rows written, figures to plot, small tables to show."""

    rows: int
    metrics: dict[str, int | float] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def utc(instant: datetime) -> datetime:
    """An instant as ClickHouse answers it (UTC without saying so) as an aware datetime."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
