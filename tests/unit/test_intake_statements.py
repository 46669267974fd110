"""Which statements a segment needs."""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from otel_pipeline.intake.segments import MARK_START, Segment
from otel_pipeline.intake.spool import Spool
from otel_pipeline.intake.statements import METRIC_KINDS, statements, statements_of
from tests.unit.test_intake_spool import put


def metrics(*kinds: str) -> bytes:
    """A request with a metric of each kind."""
    request = ExportMetricsServiceRequest()
    found = request.resource_metrics.add().scope_metrics.add().metrics
    for kind in kinds:
        getattr(found.add(name=kind), kind).data_points.add()
    return request.SerializeToString()


def segment(folder: Path, kind: str, *bodies: bytes) -> Segment:
    """A sealed segment of the bodies."""
    spool = Spool(folder / "spool", 1 << 20)
    spool.linger = 0.0
    put(spool, *bodies, kind=kind)
    sealed = spool.take(1)
    assert sealed
    return sealed


@pytest.mark.parametrize("kind", ["metrics", "plain_metrics"])
@pytest.mark.parametrize("kinds", [("sum",), ("gauge", "histogram"), METRIC_KINDS])
def test_metrics_need_the_tables_of_their_kinds(tmp_path: Path, kind: str, kinds: tuple[str, ...]) -> None:
    sealed = segment(tmp_path, kind, *(metrics(each) for each in kinds), metrics(kinds[0]))
    assert [statement.table for statement in statements_of(sealed)] == [f"otel_metrics_{each}" for each in kinds]


def test_metrics_without_a_point_need_none(tmp_path: Path) -> None:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.add(name="nothing")
    assert statements_of(segment(tmp_path, "metrics", request.SerializeToString())) == []


@pytest.mark.parametrize("kind", ["traces", "logs", "sessions", "plain_traces", "plain_logs", "plain_sessions"])
def test_other_segments_need_all_of_their_kind(tmp_path: Path, kind: str) -> None:
    assert statements_of(segment(tmp_path, kind, MARK_START)) == list(statements(kind))
