"""OpenTelemetry of one shop service: traces, logs and metrics over OTLP/HTTP, and exact counts of what was emitted.

Nothing is dropped quietly: queues are large, an export is repeated until it succeeds or its patience ends, and the
admin API tells how many spans and log records were emitted, delivered and lost, to be compared with the database.
"""

import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.baggage import get_all
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from sample_app.config import ShopConfig

QUEUE_SIZE = 100_000
EXPORT_EVERY_MS = 1_500
METRICS_EVERY_MS = 10_000
EXPORT_TIMEOUT_S = 30
PATIENCE_S = 300
"""How long one batch is tried again before it counts as lost."""

PATIENCE_AT_EXIT_S = 10
CARRIED_COUNTS = "SHOP_CARRIED_COUNTS"
"""Environment variable by which a process that replaces itself hands on its counts, as JSON."""

REQUEST_ATTRIBUTES = ("session.id", "user.id", "customer.country", "app.version")
"""Baggage that every server span of a request carries as attributes."""


class Counts:
    """Numbers of one signal, safe to raise from any thread."""

    def __init__(self, carried: int = 0) -> None:
        self._lock = threading.Lock()
        self.emitted = carried
        self.delivered = carried
        self.lost = 0

    def add(self, *, emitted: int = 0, delivered: int = 0, lost: int = 0) -> None:
        """Raise the numbers."""
        with self._lock:
            self.emitted += emitted
            self.delivered += delivered
            self.lost += lost


class _Spans(SpanProcessor):
    """Counts finished spans and copies request baggage onto server spans."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.kind is trace.SpanKind.SERVER and parent_context:
            for key, value in get_all(parent_context).items():
                if key in REQUEST_ATTRIBUTES:
                    span.set_attribute(key, str(value))

    def on_end(self, span: ReadableSpan) -> None:
        if span.context and span.context.trace_flags.sampled:
            self._counts.add(emitted=1)


class _Logs(LogRecordProcessor):
    """Counts emitted log records."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def on_emit(self, log_record: Any) -> None:
        self._counts.add(emitted=1)

    def shutdown(self) -> None:
        """Nothing is held here."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class _Patience:
    """Repeats an export until it is accepted. Shared by both signals, shortened when the process ends."""

    def __init__(self) -> None:
        self.closing = threading.Event()

    def deliver(self, counts: Counts, size: int, export: Callable[[], bool]) -> bool:
        """Call ``export`` until it returns true; count ``size`` items as delivered or lost."""
        began = time.monotonic()
        while not export():
            patience = PATIENCE_AT_EXIT_S if self.closing.is_set() else PATIENCE_S
            if time.monotonic() - began > patience:
                counts.add(lost=size)
                return False
            time.sleep(0.2 if self.closing.wait(1.0) else 0)
        counts.add(delivered=size)
        return True


class _PatientSpans(SpanExporter):
    def __init__(self, inner: OTLPSpanExporter, counts: Counts, patience: _Patience) -> None:
        self._inner, self._counts, self._patience = inner, counts, patience

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        delivered = self._patience.deliver(
            self._counts, len(spans), lambda: self._inner.export(spans) is SpanExportResult.SUCCESS
        )
        return SpanExportResult.SUCCESS if delivered else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._inner.shutdown()


class _PatientLogs(LogRecordExporter):
    def __init__(self, inner: OTLPLogExporter, counts: Counts, patience: _Patience) -> None:
        self._inner, self._counts, self._patience = inner, counts, patience

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        delivered = self._patience.deliver(
            self._counts, len(batch), lambda: self._inner.export(batch) is LogRecordExportResult.SUCCESS
        )
        return LogRecordExportResult.SUCCESS if delivered else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Telemetry:
    """The providers of one process, installed globally on construction."""

    def __init__(self, config: ShopConfig) -> None:
        carried = json.loads(os.environ.pop(CARRIED_COUNTS, "{}"))
        self.spans, self.logs = Counts(carried.get("spans", 0)), Counts(carried.get("logs", 0))
        instance = str(uuid.uuid4())
        self.instances = [*carried.get("instances", ()), instance]
        self._patience = _Patience()
        self.resource = Resource.create(
            {
                "service.name": config.service,
                "service.version": config.version,
                "service.namespace": "shop",
                "service.instance.id": instance,
                "deployment.environment.name": config.environment,
                "process.pid": os.getpid(),
            }
        )
        headers = {"Authorization": f"Bearer {config.otlp_token}"} if config.otlp_token else None
        how: dict[str, Any] = {"headers": headers, "timeout": EXPORT_TIMEOUT_S, "compression": Compression.Gzip}
        base = config.otlp_endpoint.rstrip("/")

        self._tracers = TracerProvider(resource=self.resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(_Spans(self.spans))
        span_exporter = _PatientSpans(OTLPSpanExporter(f"{base}/v1/traces", **how), self.spans, self._patience)
        self._tracers.add_span_processor(
            BatchSpanProcessor(span_exporter, QUEUE_SIZE, EXPORT_EVERY_MS, max_export_batch_size=2_000)
        )
        trace.set_tracer_provider(self._tracers)

        self._loggers = LoggerProvider(resource=self.resource, shutdown_on_exit=False)
        self._loggers.add_log_record_processor(_Logs(self.logs))
        log_exporter = _PatientLogs(OTLPLogExporter(f"{base}/v1/logs", **how), self.logs, self._patience)
        self._loggers.add_log_record_processor(
            BatchLogRecordProcessor(
                log_exporter,
                schedule_delay_millis=EXPORT_EVERY_MS,
                max_export_batch_size=2_000,
                max_queue_size=QUEUE_SIZE,
            )
        )
        set_logger_provider(self._loggers)
        _route_logs(LoggingHandler(level=logging.INFO, logger_provider=self._loggers))

        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(f"{base}/v1/metrics", **how), export_interval_millis=METRICS_EVERY_MS
        )
        old_pool_metric = View(instrument_name="db.client.connections.usage", aggregation=DropAggregation())
        self._meters = MeterProvider([reader], resource=self.resource, views=[old_pool_metric], shutdown_on_exit=False)
        metrics.set_meter_provider(self._meters)
        _observe_process(metrics.get_meter("sample_app.process"))

    def counts(self) -> dict[str, Any]:
        """Spans and log records of this service so far: emitted, delivered to the OTLP endpoint, lost.

        ``instances`` are the values of ``service.instance.id`` that they were emitted under.
        """
        return {
            "instances": self.instances,
            "spans": self.spans.emitted,
            "logs": self.logs.emitted,
            "spans_delivered": self.spans.delivered,
            "logs_delivered": self.logs.delivered,
            "spans_lost": self.spans.lost,
            "logs_lost": self.logs.lost,
        }

    def flush(self) -> None:
        """Send everything that is queued. Blocks until it is delivered or lost."""
        self._tracers.force_flush()
        self._loggers.force_flush()
        self._meters.force_flush()

    def shutdown(self) -> None:
        """Send what is left and stop. The process may end afterwards."""
        self._patience.closing.set()
        self._tracers.shutdown()
        self._loggers.shutdown()
        self._meters.shutdown()


def _route_logs(otlp: logging.Handler) -> None:
    """Send every log record over OTLP and to stderr; the exporters' own records to stderr only, or they would loop."""
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(logging.WARNING)
    console.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [otlp, console]
    root.setLevel(logging.INFO)
    for own in ("opentelemetry", "urllib3", "requests"):
        logger = logging.getLogger(own)
        logger.handlers[:] = [console]
        logger.propagate = False
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _observe_process(meter: metrics.Meter) -> None:
    """Memory and CPU of this process, by their names in the semantic conventions."""
    import psutil

    process = psutil.Process()

    def memory(_: CallbackOptions) -> list[Observation]:
        return [Observation(process.memory_info().rss)]

    def cpu(_: CallbackOptions) -> list[Observation]:
        times = process.cpu_times()
        return [Observation(times.user, {"cpu.mode": "user"}), Observation(times.system, {"cpu.mode": "system"})]

    meter.create_observable_up_down_counter("process.memory.usage", [memory], "By", "Resident memory of the process")
    meter.create_observable_counter("process.cpu.time", [cpu], "s", "CPU seconds of the process")
