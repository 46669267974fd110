"""The intake's own OpenTelemetry metrics. They go into its own spool, so they arrive where all others do."""

from collections.abc import Callable
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

INTERVAL_MS = 15_000
SERVICE = "otel-pipeline-intake"


class _Into(MetricExporter):
    """Hands encoded metrics to a function."""

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        super().__init__()
        self._keep = keep

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        self._keep(encode_metrics(metrics_data).SerializeToString())
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Nothing to release."""


class Telemetry:
    """Instruments of the intake: counted as things happen, exported every :data:`INTERVAL_MS`.

    :param keep: takes an OTLP metrics request; without it nothing is exported.
    """

    def __init__(self, keep: Callable[[bytes], None] | None = None) -> None:
        readers = [PeriodicExportingMetricReader(_Into(keep), INTERVAL_MS)] if keep else []
        resource = Resource.create({"service.name": SERVICE})
        self._provider = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._meter = meter = self._provider.get_meter("otel_pipeline.intake")
        self._accepted = meter.create_counter("intake.accepted", "{body}", "Bodies that are durable")
        self._bytes = meter.create_counter("intake.accepted.size", "By", "Bytes that are durable, as protobuf")
        self._rejected = meter.create_counter("intake.rejected", "{record}", "Records left out of accepted bodies")
        self._refused = meter.create_counter("intake.refused", "{body}", "Bodies that were not taken")
        self._dead = meter.create_counter("intake.dead_letters", "{body}", "Bodies that ClickHouse will not have")
        self._batch = meter.create_histogram("intake.batch.size", "By", "Bytes of a segment written to ClickHouse")
        self._insert = meter.create_histogram("intake.insert.duration", "s", "Time that a segment's INSERTs took")
        self._lag = meter.create_histogram("intake.lag", "s", "From a segment's last byte to its rows in ClickHouse")

    def observe(self, name: str, unit: str, description: str, read: Callable[[], float]) -> None:
        """Export what ``read`` returns as a gauge."""

        def callback(_: CallbackOptions) -> list[Observation]:
            return [Observation(read())]

        self._meter.create_observable_gauge(name, [callback], unit, description)

    def accepted(self, signal: str, size: int, rejected: int) -> None:
        """A body is durable."""
        self._accepted.add(1, {"signal": signal})
        self._bytes.add(size, {"signal": signal})
        if rejected:
            self._rejected.add(rejected, {"signal": signal})

    def refused(self, signal: str, reason: str) -> None:
        """A body was not taken."""
        self._refused.add(1, {"signal": signal, "reason": reason})

    def dead(self, kind: str, bodies: int) -> None:
        """Bodies went to the dead-letter folder."""
        self._dead.add(bodies, {"kind": kind})

    def written(self, kind: str, size: int, seconds: float, lag: float) -> None:
        """A segment's rows are in ClickHouse."""
        self._batch.record(size, {"kind": kind})
        self._insert.record(seconds, {"kind": kind})
        self._lag.record(lag, {"kind": kind})

    def close(self) -> None:
        """Export a last time, then stop."""
        self._provider.shutdown()
