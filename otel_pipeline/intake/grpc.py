"""OTLP over gRPC: the three ``Export`` methods, on raw bytes (no message object is made of a request here)."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from otel_pipeline.errors import UserError
from otel_pipeline.intake.doors import RETRY_AFTER_BUSY, RETRY_AFTER_FULL, Arrival, Busy, Doors
from otel_pipeline.intake.http import partial_success
from otel_pipeline.intake.protocol import PROTOBUF, BadBody
from otel_pipeline.intake.spool import SpoolFull

log = logging.getLogger(__name__)

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
# gRPC sends the answer after the handler has returned; until then the client may not have it.
ANSWER_SECONDS = 1.0
MOST_CALLS, MOST_RECEIVING = 512, 16
RECEIVE_SECONDS, SLOW_SECONDS = 10.0, 0.5
HANDSHAKE_MS, IDLE_MS, KEEPALIVE_MS = 10_000, 120_000, 60_000
WATCH_SECONDS, FAREWELL_SECONDS = 0.05, 3.0

Context = grpc.aio.ServicerContext


def server(doors: Doors, host: str, port: int, connections: int = 512) -> grpc.aio.Server:
    """A gRPC server that is bound but not started.

    :param connections: how many it takes.
    :raises UserError: the port is taken.
    """
    bound = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", doors.limit),
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", 64),
            ("grpc.max_allowed_incoming_connections", connections),
            ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
            ("grpc.max_connection_idle_ms", IDLE_MS),
            ("grpc.keepalive_time_ms", KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", HANDSHAKE_MS),
            ("grpc.max_metadata_size", 16 << 10),
            ("grpc.absolute_max_metadata_size", 64 << 10),
        ],
        maximum_concurrent_rpcs=MOST_CALLS,
    )
    queue = Queue()
    for signal, service in SERVICES.items():
        # Takes a stream of requests, on the wire the same as one: so the door decides when a body is read.
        method = grpc.stream_unary_rpc_method_handler(_export(doors, signal, queue))
        bound.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    try:
        bound.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise UserError(f"port {port} is taken; choose another with INTAKE_GRPC_PORT") from error
    return bound


class GrpcDoor:
    """The gRPC server, started again whenever it ends by itself.

    One call whose path is not UTF-8 ends a ``grpc.aio`` server for good, and nobody could send by gRPC any more.

    :raises UserError: the port is taken.
    """

    def __init__(self, doors: Doors, host: str, port: int, connections: int = 512) -> None:
        self._make = partial(server, doors, host, port, connections)
        self._server = self._make()
        self._watching: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Serve until :meth:`stop`."""
        await self._server.start()
        self._watching = asyncio.create_task(self._watch())

    async def stop(self, grace: float) -> None:
        """Take no more calls, and end those under way after so many seconds."""
        for task in (self._watching, *self._ending):
            if task:
                task.cancel()
        await self._server.stop(grace)

    async def _watch(self) -> None:
        while True:
            try:
                # Without a time-out it would tell of the end only once the last call is over.
                if not await self._server.wait_for_termination(WATCH_SECONDS):
                    return  # it was stopped; True: it runs
            except Exception as error:
                log.warning("the gRPC server ended by itself (%s); it is started again", type(error).__name__)
                ending = asyncio.create_task(_end(self._server))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
                await self._start_again()

    async def _start_again(self) -> None:
        while True:
            try:
                self._server = self._make()
                await self._server.start()
                return
            except UserError as error:
                log.warning("%s", error)
                await asyncio.sleep(1)


async def _end(ended: grpc.aio.Server) -> None:
    with suppress(Exception):  # it has told already why it ended
        await ended.stop(FAREWELL_SECONDS)


class Queue:
    """Bodies that are being received: so many at a time. When another wants to be, one makes room: the first of the
    connection that has most under way, or one that takes long.
    """

    def __init__(self, most: int = MOST_RECEIVING) -> None:
        self._most = most
        self._receiving: dict[object, tuple[str, float, asyncio.Timeout]] = {}

    async def receive(self, requests: AsyncIterator[bytes], peer: str) -> bytes:
        """The body of a call.

        :param peer: the connection.
        :raises Busy: others are received, and get on. :raises TimeoutError: it took too long.
        """
        loop = asyncio.get_running_loop()
        if len(self._receiving) >= self._most:
            self._make_room(peer, loop.time())
        key = object()
        try:
            async with asyncio.timeout(RECEIVE_SECONDS) as timeout:
                self._receiving[key] = peer, loop.time(), timeout
                return await anext(requests, b"")
        finally:
            self._receiving.pop(key, None)

    def _make_room(self, newcomer: str, now: float) -> None:
        shares = Counter(peer for peer, _, _ in self._receiving.values())
        ((greediest, most),) = shares.most_common(1)
        victim, (_, began, timeout) = next(iter(self._receiving.items()))
        if most > shares[newcomer] + 1:
            victim, (_, _, timeout) = next(item for item in self._receiving.items() if item[1][0] == greediest)
        elif now - began < SLOW_SECONDS:
            raise Busy("too many bodies at once")
        del self._receiving[victim]
        timeout.reschedule(now)


def _export(doors: Doors, signal: str, queue: Queue) -> Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]:
    async def export(requests: AsyncIterator[bytes], context: Context) -> bytes:
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        if not doors.allows(metadata.get("authorization", "")):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or missing token; send it as `authorization`")
        arrival = Arrival(address=_address(context.peer()))
        try:
            body = await queue.receive(requests, context.peer())
            doors.enter(arrival, len(body))
            async with doors.taken(signal, body, PROTOBUF, grace=ANSWER_SECONDS, arrival=arrival) as accepted:
                return partial_success(signal, accepted).SerializeToString()
        except Busy as error:
            await _later(context, grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), RETRY_AFTER_BUSY)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the body came too slowly; send it in smaller parts")
        except BadBody as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except SpoolFull as error:
            await _later(context, grpc.StatusCode.UNAVAILABLE, str(error), RETRY_AFTER_FULL)
        finally:
            doors.leave(arrival)
        return b""

    return export


def _address(peer: str) -> str:
    """The host of gRPC's ``ipv4:127.0.0.1:40000`` or ``ipv6:[::1]:40000``."""
    return peer.partition(":")[2].rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")


async def _later(context: Context, code: grpc.StatusCode, reason: str, seconds: int) -> None:
    """End the call with a RetryInfo, without which OTLP clients take RESOURCE_EXHAUSTED for final."""
    status = status_pb2.Status(code=code.value[0], message=reason)
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=seconds)))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(code, reason)
