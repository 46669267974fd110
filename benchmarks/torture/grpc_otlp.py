"""OTLP over gRPC: the frames of HTTP/2 by hand, as no client would send them."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from benchmarks.honest_client import spans
from benchmarks.torture import case
from benchmarks.torture.bench import Bench, Door, Intake, wrapped

LISTENER = "OTLP/gRPC"
PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_HEADERS = 4
HONEST_SECONDS = 2.0  # for an honest call beside an abuse: it opens a connection of its own


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header as HPACK writes it without tables."""

    def text(plain: str) -> bytes:
        size, length = b"", len(plain)
        if length < 127:
            size = bytes([length])
        else:
            size, length = b"\x7f", length - 127
            while length > 127:
                size, length = size + bytes([length & 127 | 128]), length >> 7
            size += bytes([length])
        return size + plain.encode()

    return b"\x00" + text(name) + text(value)


def request(path: str = PATH, **more: str) -> bytes:
    """The header block of a call."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    fields |= {"content-type": "application/grpc", **more}
    return b"".join(literal(name, value) for name, value in fields.items())


def connect(intake: Door, preface: bool = True) -> socket.socket:
    """A connection with its preface sent."""
    connection = socket.create_connection(("127.0.0.1", intake.grpc_port), timeout=30)
    if preface:
        connection.sendall(PREFACE + frame(SETTINGS))
    return connection


def honest(intake: Intake) -> str:
    """An honest call beside: ``honest in time``, or what was wrong."""
    began = time.monotonic()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{intake.grpc_port}") as channel:
            TraceServiceStub(channel).Export(ExportTraceServiceRequest.FromString(spans()), timeout=20)
    except grpc.RpcError as error:
        return f"honest call failed: {error.code()}"  # pyright: ignore[reportAttributeAccessIssue]
    took = time.monotonic() - began
    return "honest in time" if took < HONEST_SECONDS else f"honest call took {took:.1f} s"


def code(intake: Intake, body: bytes, path: str = PATH, **options: object) -> str:
    """The status of a call with a body of raw bytes."""
    sizes = [("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 1 << 24)]
    with grpc.insecure_channel(f"127.0.0.1:{intake.grpc_port}", options=sizes) as channel:
        try:
            channel.unary_unary(path)(body, timeout=30, **options)  # pyright: ignore[reportArgumentType]
        except grpc.RpcError as error:
            return error.code().name  # pyright: ignore[reportAttributeAccessIssue]
    return "OK"


def flood(bench: Bench, send: Callable[[socket.socket], None], count: int = 1) -> str:
    """What an honest client sees while frames come in; the process must live and stay small."""
    intake, connections = bench.intake, []
    before = intake.rss_mb()

    def run() -> None:
        for _ in range(count):
            try:
                connection = connect(intake)
                connections.append(connection)
                connection.settimeout(5)
                send(connection)
            except OSError:
                continue

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.5)
    said = honest(intake)
    thread.join()
    grown = intake.rss_mb() - before
    for connection in connections:
        connection.close()
    return said + (f", {grown:.0f} MB more" if grown > 400 else "") + ("" if intake.alive() else ", ended")


@case(LISTENER, "bodies that are no protobuf, an unknown method", "INVALID_ARGUMENT, INVALID_ARGUMENT, UNIMPLEMENTED")
def _(bench: Bench) -> str:
    found = [code(bench.intake, b"hello"), code(bench.intake, b"\xff" * 100)]
    return ", ".join([*found, code(bench.intake, b"", PATH.replace("Export", "Import"))])


@case(LISTENER, "a path that is not UTF-8, which ends the server of grpc.aio, three times", "honest in time")
def _(bench: Bench) -> str:
    block = request().replace(b"TraceService", b"Tr\xff\xfeService")
    found = []
    for _ in range(3):
        with connect(bench.intake) as connection:
            connection.sendall(frame(HEADERS, 1, block, END_HEADERS))
            time.sleep(0.5)
        found.append(honest(bench.intake))
    return " and ".join(sorted(set(found)))


@case(LISTENER, "a body of 200 MB, compressed", "RESOURCE_EXHAUSTED, honest in time")
def _(bench: Bench) -> str:
    found = code(bench.intake, bytes(200 << 20), compression=grpc.Compression.Gzip)
    return f"{found}, {honest(bench.intake)}"


@case(LISTENER, "16 MiB of empty spans", "INVALID_ARGUMENT, honest in time")
def _(bench: Bench) -> str:
    found: list[str] = []
    body = wrapped(0x0A, wrapped(0x12, b"\x12\x00" * (7 << 20)))
    thread = threading.Thread(target=lambda: found.append(code(bench.intake, body, compression=grpc.Compression.Gzip)))
    thread.start()
    time.sleep(0.5)
    said = honest(bench.intake)
    thread.join()
    return f"{found[0]}, {said}"


@case(LISTENER, "metadata of 4 MB", "refused, honest in time")
def _(bench: Bench) -> str:
    found = code(bench.intake, spans(), metadata=(("x-long", "x" * (4 << 20)),))
    return f"{'refused' if found != 'OK' else found}, {honest(bench.intake)}"


def begin_calls(connection: socket.socket) -> None:
    """Calls whose bodies never come to an end: five bytes say that 15 MiB will follow; 60 KB do."""
    start = b"\0" + struct.pack(">I", 15 << 20)
    for stream in range(1, 121, 2):
        connection.sendall(frame(HEADERS, stream, request(), END_HEADERS))
        connection.sendall(frame(DATA, stream, start + bytes(1000)))


@case(LISTENER, "300 calls whose bodies never come to an end", "honest in time")
def _(bench: Bench) -> str:
    return flood(bench, begin_calls, count=5)


@case(LISTENER, "calls without a body", "honest in time, ended within 15 s")
def _(bench: Bench) -> str:
    connection = connect(bench.intake)
    for stream in range(1, 61, 2):
        connection.sendall(frame(HEADERS, stream, request(), END_HEADERS))
    said = honest(bench.intake)
    connection.settimeout(15)
    answers, deadline = b"", time.monotonic() + 15
    try:
        while b"grpc-status" not in answers and time.monotonic() < deadline:
            answers += connection.recv(65536)
    except OSError:
        pass
    connection.close()
    return f"{said}, " + ("ended within 15 s" if b"grpc-status" in answers else "still open")


@case(LISTENER, "10,000 calls, each reset at once", "honest in time")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        for stream in range(1, 20_001, 2):
            connection.sendall(frame(HEADERS, stream, request(), END_HEADERS) + frame(RESET, stream, b"\0\0\0\x08"))

    return flood(bench, send)


@case(LISTENER, "100,000 pings, settings and window updates", "honest in time")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        for _ in range(1000):
            connection.sendall(frame(PING, 0, bytes(8)) * 40 + frame(SETTINGS) * 40)
            connection.sendall(frame(WINDOW, 0, b"\0\0\0\x01") * 20)

    return flood(bench, send)


@case(LISTENER, "headers that never end", "honest in time")
def _(bench: Bench) -> str:
    def send(connection: socket.socket) -> None:
        connection.sendall(frame(HEADERS, 1, request()))
        for _ in range(2000):
            connection.sendall(frame(CONTINUATION, 1, literal("x-more", "y" * 8000)))

    return flood(bench, send)


@case(LISTENER, "frames of chance", "honest in time")
def _(bench: Bench) -> str:
    chance = random.Random(3)

    def send(connection: socket.socket) -> None:
        for _ in range(50):
            payload = chance.randbytes(chance.randrange(100))
            connection.sendall(frame(chance.randrange(12), chance.randrange(9), payload, chance.randrange(256)))

    return flood(bench, send, count=40)


@case(LISTENER, "a farewell with escape sequences and bytes that are no text", "none of it in the log")
def _(bench: Bench) -> str:
    connection = connect(bench.intake)
    connection.sendall(frame(GOAWAY, 0, bytes(4) + b"\0\0\0\5" + b"\x1b]0;owned\x07\x1b[2J\xff\xf9 farewell"))
    echo, answers = b"farewell", b""
    connection.sendall(frame(PING, 0, echo))  # frames are read in order: what answers this has read that
    with suppress(OSError):
        while echo not in answers and (part := connection.recv(65536)):
            answers += part
    connection.close()
    raw = bench.intake.log.read_bytes()
    found = [byte for byte in (b"\x1b", b"\x07", b"\xff") if byte in raw]
    return "none of it in the log" if echo in answers and not found else f"{answers[-40:]}, in the log: {found}"


@case(LISTENER, "connections without a preface", "closed within 20 s, honest in time")
def _(bench: Bench) -> str:
    silent = [connect(bench.intake, preface=False) for _ in range(50)]
    said = honest(bench.intake)
    deadline, closed = time.monotonic() + 20, 0
    for connection in silent:
        connection.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            while connection.recv(4096):
                pass
            closed += 1
        except ConnectionError:
            closed += 1
        except OSError:
            continue
        finally:
            connection.close()
    return ("closed within 20 s" if closed == len(silent) else f"{closed} of {len(silent)} closed") + f", {said}"


@case(LISTENER, "1,500 idle connections at 1,024 descriptors", "the spool is written, HTTP in time")
def _(bench: Bench) -> str:
    with bench.own(descriptors=1024) as intake:
        idle: list[socket.socket] = []

        def hold(_intake: Intake) -> None:
            for _ in range(1500):
                try:
                    idle.append(connect(intake))
                except OSError:
                    break

        said = bench.beside(hold, intake)
        wrote = intake.post("/v1/traces", spans())[0]
        for connection in idle:
            connection.close()
        return (
            ("the spool is written" if wrote == 200 else f"the spool answers {wrote}")
            + ", "
            + said.replace("honest", "HTTP")
        )
