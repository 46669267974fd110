"""The judge of the demo is judged here: it must be able to say no."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from load.faults import FaultRecord
from otel_pipeline.demo.counts import Counts
from otel_pipeline.demo.report import Report, build, quantile
from otel_pipeline.demo.watch import Sighting
from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation.ledger import GRACE, speaker

T0 = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
EQUAL = Counts(sent_spans=10, stored_spans=10, sent_logs=20, stored_logs=20, traces=2)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fault(start: float, end: float) -> FaultRecord:
    return FaultRecord("payment_timeout", "inventory", "", {}, at(start), at(end))


def incident(start: float, end: float, service: str = "inventory", anomalous: int = 10) -> dict[str, Any]:
    """A row as ClickHouse gives it: naive UTC times."""
    return {
        "IncidentId": f"{start}",
        "Start": at(start).replace(tzinfo=None),
        "End": at(end).replace(tzinfo=None),
        "Service": service,
        "Title": "",
        "Anomalous": anomalous,
        "Reasons": ["because"],
        "ExampleTraceIds": ["aa"],
        "PatternId": None,
    }


class Rows:
    """Stands where the database stands: it holds incidents and an empty memory."""

    def __init__(self, incidents: list[dict[str, Any]]) -> None:
        self.incidents = incidents

    def rows(self, query: str, **_: Any) -> list[dict[str, Any]]:
        return self.incidents if query == "demo__incidents" else []


class Seen:
    def __init__(self, *sightings: Sighting) -> None:
        self._all = sightings

    def sightings(self, start: datetime, end: datetime) -> list[Sighting]:
        return [s for s in self._all if start <= s.started < end]


def judged(incidents: list[dict[str, Any]], *faults: FaultRecord, counts: Counts = EQUAL) -> Report:
    seen = Seen(Sighting("aa", at(1), at(2), at(9)))
    return build(
        Rows(incidents),  # pyright: ignore[reportArgumentType]
        watch=seen,  # pyright: ignore[reportArgumentType]
        faults=list(faults),
        since=T0,
        load_minutes=2,
        counts=counts,
    )


def test_a_fault_found_and_rightly_blamed_passes() -> None:
    report = judged([incident(3, 28)], fault(0, 30))
    assert report.passed
    assert report.document()["faults"] == [
        {"scenario": "payment_timeout", "service": "inventory", "found": True, "blamed": "inventory", "delay_s": 7.0}
    ]
    assert report.document()["logs_per_min"] == 10


@pytest.mark.parametrize(
    ("incidents", "counts"),
    [
        ([], EQUAL),
        ([incident(3, 28, service="checkout")], EQUAL),
        ([incident(3, 28), incident(30 + GRACE.total_seconds() + 1, 90)], EQUAL),
        ([incident(3, 28)], Counts(10, 9, 20, 20, 2)),
        ([incident(3, 28)], Counts(10, 10, 20, 21, 2)),
    ],
    ids=["missed", "wrong service", "false incident", "span lost", "log doubled"],
)
def test_anything_wrong_fails(incidents: list[dict[str, Any]], counts: Counts) -> None:
    assert not judged(incidents, fault(0, 30), counts=counts).passed


def test_the_incident_with_most_anomalies_speaks_for_the_fault() -> None:
    report = judged([incident(1, 5, "checkout", 3), incident(3, 28, "inventory", 30)], fault(0, 30))
    assert report.verdicts[0].blamed == "inventory"
    assert report.false_incidents == []


def test_quantiles_are_nearest_rank() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([], 0.5) is None


def test_what_began_during_a_fault_speaks_for_it_before_what_came_after() -> None:
    start = datetime(2026, 11, 26, 8, tzinfo=UTC)
    fault = Window(start, start + timedelta(seconds=30))
    during = {"Start": start + timedelta(seconds=5), "End": fault.end, "Anomalous": 5}
    more = {**during, "Anomalous": 9}
    after = {"Start": fault.end + timedelta(seconds=10), "End": fault.end + timedelta(seconds=40), "Anomalous": 50}
    assert speaker(fault, [during, after, more]) is more
    assert speaker(fault, [after]) is after
    assert speaker(fault, []) is None
