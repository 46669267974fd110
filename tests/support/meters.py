"""Made-up metrics for tests: a pool, a leak with a restart, a histogram. Deterministic; names are the caller's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database

COMMON = ("ServiceName", "ResourceAttributes", "MetricName", "MetricUnit", "Attributes", "StartTimeUnix", "TimeUnix")
EVERY = 10.0
CUMULATIVE = 2
BOUNDS = (0.01, 0.1, 1.0, 10.0)


@dataclass
class Meters:
    """Points for the metric tables, from ``start`` on, every ten seconds."""

    start: datetime
    seconds: float
    gauges: list[list[Any]] = field(default_factory=list)
    sums: list[list[Any]] = field(default_factory=list)
    histograms: list[list[Any]] = field(default_factory=list)

    def write(self, db: Database) -> "Meters":
        """Insert everything."""
        db.insert("otel_metrics_gauge", self.gauges, (*COMMON, "Value"))
        db.insert("otel_metrics_sum", self.sums, (*COMMON, "Value", "AggregationTemporality", "IsMonotonic"))
        names = ("Count", "Sum", "BucketCounts", "ExplicitBounds", "AggregationTemporality")
        db.insert("otel_metrics_histogram", self.histograms, (*COMMON, *names))
        return self

    def gauge(
        self, service: str, metric: str, values: Sequence[float], *, instance: str = "a", unit: str = "", **tags: str
    ) -> None:
        """A gauge with a value each ten seconds; an instance may change: "a@3,b" is b from the third value on."""
        for number, value in enumerate(values):
            self.gauges.append([*self._common(service, metric, unit, _instance(instance, number), tags, number), value])

    def counter(self, service: str, metric: str, added: Sequence[float], *, instance: str = "a", **tags: str) -> None:
        """A cumulative counter, told what is added each ten seconds; it begins anew with a new instance."""
        total, before = 0.0, ""
        for number, value in enumerate(added):
            name = _instance(instance, number)
            total = value if name != before and before else total + value
            before = name
            self.sums.append([*self._common(service, metric, "", name, tags, number), total, CUMULATIVE, True])

    def histogram(self, service: str, metric: str, seconds: Sequence[float], each: int = 20) -> None:
        """A cumulative histogram of durations: ``each`` observations of a value every ten seconds."""
        counts, total = [0] * (len(BOUNDS) + 1), 0.0
        for number, value in enumerate(seconds):
            counts[sum(value > bound for bound in BOUNDS)] += each
            total += each * value
            common = self._common(service, metric, "s", "a", {}, number)
            self.histograms.append([*common, sum(counts), total, list(counts), list(BOUNDS), CUMULATIVE])

    def course(self, usual: float, troubled: float, begin: float, end: float) -> list[float]:
        """A value each ten seconds: another one from ``begin`` to ``end`` seconds."""
        return [troubled if begin <= EVERY * n < end else usual for n in range(int(self.seconds / EVERY))]

    def _common(  # noqa: PLR0917
        self, service: str, metric: str, unit: str, instance: str, tags: dict[str, str], number: int
    ) -> list[Any]:
        resource = {"service.instance.id": instance, "service.version": "1.0"}
        at = self.start + timedelta(seconds=EVERY * number)
        return [service, resource, metric, unit, tags, self.start - timedelta(hours=1), at]


def _instance(names: str, number: int) -> str:
    first, _, second = names.partition(",")
    name, _, until = first.partition("@")
    return second if until and number >= int(until) else name
