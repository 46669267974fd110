"""OTLP over gRPC: the three ``Export`` methods, on raw bytes (no message object is made of a request here)."""

from collections.abc import Awaitable, Callable

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from otel_pipeline.errors import UserError
from otel_pipeline.intake.doors import RETRY_AFTER_BUSY, RETRY_AFTER_FULL, Busy, Doors
from otel_pipeline.intake.http import partial_success
from otel_pipeline.intake.protocol import PROTOBUF, BadBody
from otel_pipeline.intake.spool import SpoolFull

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
# gRPC sends the answer after the handler has returned; until then the client may not have it.
ANSWER_SECONDS = 1.0

Context = grpc.aio.ServicerContext


def server(doors: Doors, host: str, port: int) -> grpc.aio.Server:
    """A gRPC server that is bound but not started.

    :raises UserError: the port is taken.
    """
    bound = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", doors.limit),
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", 256),
        ]
    )
    for signal, service in SERVICES.items():
        method = grpc.unary_unary_rpc_method_handler(_export(doors, signal))
        bound.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    try:
        bound.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(f"port {port} is taken; choose another with INTAKE_GRPC_PORT") from error
    return bound


def _export(doors: Doors, signal: str) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def export(body: bytes, context: Context) -> bytes:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        if not doors.allows(metadata.get("authorization", "")):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or missing token; send it as `authorization`")
        try:
            doors.enter(len(body))
        except Busy as error:
            await _later(context, grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), RETRY_AFTER_BUSY)
        try:
            async with doors.taken(signal, body, PROTOBUF, grace=ANSWER_SECONDS) as accepted:
                return partial_success(signal, accepted).SerializeToString()
        except BadBody as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except SpoolFull as error:
            await _later(context, grpc.StatusCode.UNAVAILABLE, str(error), RETRY_AFTER_FULL)
        finally:
            doors.leave(len(body))
        return b""

    return export


async def _later(context: Context, code: grpc.StatusCode, reason: str, seconds: int) -> None:
    """End the call with a RetryInfo, without which OTLP clients take RESOURCE_EXHAUSTED for final."""
    status = status_pb2.Status(code=code.value[0], message=reason)
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=seconds)))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(code, reason)
