"""Raw bytes on connections to the intake: HTTP/1.1 and the frames of HTTP/2 that gRPC speaks."""

import random
import socket
import struct
from pathlib import Path

import grpc

from benchmarks.fuzz import Round, tampered
from benchmarks.honest_client import PROTOBUF, spans
from benchmarks.torture.bench import Intake, until
from benchmarks.torture.grpc_otlp import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PATH,
    PING,
    PREFACE,
    RESET,
    SETTINGS,
    WINDOW,
    frame,
    request,
)  # fmt: skip
from otel_pipeline.localdb.launcher import free_port
from otel_pipeline.settings import load

ANSWER_SECONDS = 0.02
HONEST_SHARE = 0.02
AGAIN_SECONDS = 2.0
END_STREAM = 1
FLAGS = (0, END_STREAM, END_HEADERS, END_STREAM | END_HEADERS, 8, 0x20, 0xFF)


def intake_alone(folder: Path) -> Intake:
    """An intake whose engine is away: what it takes stays in the spool."""
    settings = load(
        otel_pipeline_home=folder,
        clickhouse_host="127.0.0.1",
        clickhouse_port=free_port(),
        clickhouse_native_port=free_port(),
    )
    return Intake(settings, folder).start()


def _said(connection: socket.socket) -> bytes:
    connection.settimeout(ANSWER_SECONDS)
    try:
        return connection.recv(4096)
    except OSError:
        return b""


def http_round(intake: Intake) -> Round:
    """Rounds of ``http``."""

    def once(chance: random.Random) -> str:
        body = spans(2)
        lengths = chance.choice((f"Content-Length: {len(body)}", "Transfer-Encoding: chunked", "Content-Length: 3"))
        path = chance.choice(("traces", "logs", "x"))
        more = chance.choice(
            ("", "", "Content-Encoding: gzip\r\n", "Expect: 100-continue\r\n", "Connection: upgrade\r\n")
        )
        head = f"POST /v1/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {PROTOBUF}\r\n{more}{lengths}\r\n\r\n"
        if "chunked" in lengths:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", intake.port), timeout=20) as connection:
            connection.sendall(tampered(chance, (head.encode() + body) * chance.randrange(1, 3)))
            if chance.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
            answer = _said(connection)[9:12].decode(errors="replace") or "none"
        if chance.random() < HONEST_SHARE:
            assert intake.post("/v1/traces", spans(1))[0] == 200, "an honest request"
        assert intake.alive(), "it ended"
        return answer

    return once


def _frames(chance: random.Random) -> list[bytes]:
    """The frames of some calls, a few of them odd, out of order, twice, or of another stream."""
    found = []
    for stream in range(1, 2 * chance.randrange(1, 4), 2):
        path = chance.choice((PATH, PATH, PATH, PATH.replace("Trace", "Logs").replace("trace", "logs"), "/x", ""))
        more = chance.choice(({}, {}, {"grpc-encoding": "gzip"}, {"grpc-timeout": "1n"}, {"authorization": "Bearer x"}))
        block = request(path, **more)
        body = tampered(chance, spans(2)) if chance.random() < 0.7 else b""
        length = chance.choice((len(body),) * 6 + (0, 2**32 - 1, len(body) + 1))
        data = bytes([chance.choice((0, 0, 0, 0, 1, 255))]) + struct.pack(">I", length) + body
        if chance.random() < 0.3:
            part = chance.randrange(len(block))
            found += [frame(HEADERS, stream, block[:part]), frame(CONTINUATION, stream, block[part:], END_HEADERS)]
        else:
            found.append(frame(HEADERS, stream, block, END_HEADERS))
        cut = chance.randrange(len(data) + 1)
        found += [frame(DATA, stream, data[:cut]), frame(DATA, stream, data[cut:], END_STREAM)]
    for _ in range(chance.choice((0, 0, 1, 2, 5))):
        kind = chance.choice((DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION, 2, 5, 9, 200))
        stream = chance.choice((0, 1, 2, 3, 5, 2**31 - 1))
        payload = chance.randbytes(chance.choice((0, 4, 5, 6, 8, 8, 30)))
        found.insert(chance.randrange(len(found) + 1), frame(kind, stream, payload, chance.choice(FLAGS)))
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        place = chance.randrange(len(found))
        match chance.randrange(3):
            case 0:
                found[place:place] = [found[chance.randrange(len(found))]]
            case 1 if len(found) > 1:
                del found[place]
            case _:
                other = chance.randrange(len(found))
                found[place], found[other] = found[other], found[place]
    return found


def grpc_round(intake: Intake) -> Round:
    """Rounds of ``grpc``."""
    channel = grpc.insecure_channel(f"127.0.0.1:{intake.grpc_port}")
    export = channel.unary_unary(PATH)

    def once(chance: random.Random) -> str:
        sent = b"".join(_frames(chance))
        if chance.random() < 0.4:
            sent = tampered(chance, sent)
        start = PREFACE if chance.random() < 0.97 else tampered(chance, PREFACE)
        connection = until(lambda: _connected(intake.grpc_port), AGAIN_SECONDS)
        assert connection, "nobody listens"
        with connection:
            try:
                connection.sendall(start + frame(SETTINGS) + sent)
                if chance.random() < 0.3:
                    connection.shutdown(socket.SHUT_WR)
                answer = _said(connection)
            except OSError:
                answer = b""
        if chance.random() < HONEST_SHARE:
            assert until(lambda: _is_taken(export), AGAIN_SECONDS), "an honest call"
        assert intake.alive(), "it ended"
        kinds = kinds_of(answer)
        return "farewell" if GOAWAY in kinds else "reset" if RESET in kinds else "frames" if kinds else "none"

    return once


def _connected(port: int) -> socket.socket | None:
    """A connection; None at the moment in which the door starts a server again that grpc.aio has ended."""
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=20)
    except (ConnectionRefusedError, ConnectionResetError):
        return None


def _is_taken(export: grpc.UnaryUnaryMultiCallable) -> bool:
    """Whether an honest call is answered; False where OTLP has its client send it again."""
    try:
        export(spans(1), timeout=20, wait_for_ready=True)
        return True
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):  # pyright: ignore[reportAttributeAccessIssue]
            return False
        raise


def kinds_of(answer: bytes) -> set[int]:
    """The kinds of the whole frames that an answer begins with."""
    kinds, place = set(), 0
    while place + 9 <= len(answer):
        kinds.add(answer[place + 3])
        place += 9 + int.from_bytes(answer[place : place + 3])
    return kinds
