"""The plain two-sided floor: slower, or no longer called, both are found, and blamed on whom they are of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation import plain_two_sided

START = datetime(2026, 3, 1, tzinfo=UTC)
FAULTS = [Window(START + timedelta(minutes=m), START + timedelta(minutes=m + 3)) for m in (20, 30)]
MS = 1_000_000


def rows(number: int) -> list[dict[str, Any]]:
    """A request every two seconds: gate calls desk, desk looks something up. Minutes 20 to 23: desk is slow; 30 to
    33: desk looks nothing up.
    """
    at = START + timedelta(seconds=2 * number)
    slow, silent = (window.start <= at < window.end for window in FAULTS)
    wiggle = 1 + (number * 7919 % 13) / 40
    lookup = 0 if silent else int(8 * MS * wiggle)
    desk = int((60 if slow else 12) * MS * wiggle) + lookup
    spans = [("g", "", "gate", "GET", desk + int(5 * MS * wiggle)), ("d", "g", "desk", "find", desk)]
    spans += [("l", "d", "desk", "lookup", lookup)] if lookup else []
    return [
        {
            "Timestamp": at.replace(tzinfo=None),
            "TraceId": f"t{number}",
            "SpanId": f"{span}{number}",
            "ParentSpanId": f"{parent}{number}" if parent else "",
            "ServiceName": service,
            "SpanName": name,
            "Duration": duration,
        }
        for span, parent, service, name, duration in spans
    ]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Forty minutes of it."""
    path = tmp_path_factory.mktemp("floor") / "otel_traces.parquet"
    pq.write_table(pa.Table.from_pylist([row for number in range(1200) for row in rows(number)]), path)
    return plain_two_sided.spans(path)


def test_both_faults_are_blamed_on_the_desk(table: Any):
    for ranking in plain_two_sided.rank(table, FAULTS):
        assert max(ranking, key=lambda service: ranking[service]) == "desk"


def test_what_is_slow_is_an_incident_what_is_absent_is_none(table: Any):
    found = plain_two_sided.incidents(table)
    assert [(i.start, i.end, i.service) for i in found] == [(FAULTS[0].start, FAULTS[0].end, "desk")]


def test_excess_is_what_the_slow_traces_took_longer(table: Any):
    excess = plain_two_sided.excess(table, lambda at: at > 0)
    slow = {f"t{number}" for number in range(600, 690)}
    assert min(excess[trace] for trace in slow) > 30 > max(ms for trace, ms in excess.items() if trace not in slow)
