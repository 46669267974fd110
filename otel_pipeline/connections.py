"""Connections of a server of ours: how many, how long a head may take, how large it may be."""

import asyncio
import resource
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 15
HEAD_BYTES = 64 << 10
SWEEP_SECONDS = 1.0

PAGES_CONNECTIONS = 256  # of a server for pages or programs of this machine

# Descriptors that no connection of the intake may take: for the spool's files, the writer, ClickHouse, the workers.
RESERVED_DESCRIPTORS = 160
MOST_CONNECTIONS = 2048
WANTED_DESCRIPTORS = 2 * MOST_CONNECTIONS + RESERVED_DESCRIPTORS

TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def connections_each() -> int:
    """How many connections each of the two doors may have; raises the limit of open files as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(8, min(MOST_CONNECTIONS, (soft - RESERVED_DESCRIPTORS) // 2))


def bounded(most: int = PAGES_CONNECTIONS) -> dict[str, Any]:
    """Options of a uvicorn server that bound its connections."""
    return {"http": Connections(most).protocol, "timeout_keep_alive": KEEP_ALIVE_SECONDS}


class Connections:
    """The open connections of a door.

    Beyond ``most`` the one is closed that has been idle for longest: first among those that have sent no request yet,
    then among those between two requests; where none is idle, the new one.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.closed = 0
        self.open: set[Connection] = set()
        self._heads: dict[Connection, float] = {}
        self._resting: dict[Connection, None] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def protocol(self, **arguments: Any) -> "Connection":
        """A connection's protocol, for uvicorn."""
        return Connection(self, **arguments)

    def opened(self, connection: "Connection") -> None:
        """One more."""
        if len(self.open) >= self.most:
            victim = next(iter(self._heads), None) or next(iter(self._resting), None) or connection
            self.closed += 1
            victim.transport.abort()
            self.gone(victim)
            if victim is connection:
                return
        self.open.add(connection)
        self._begin(connection)

    def gone(self, connection: "Connection") -> None:
        """It is closed."""
        self.open.discard(connection)
        self._heads.pop(connection, None)
        self._resting.pop(connection, None)

    def head_begins(self, connection: "Connection") -> None:
        """The first byte of a request is there."""
        self._resting.pop(connection, None)
        if connection not in self._heads:
            self._begin(connection)

    def _begin(self, connection: "Connection") -> None:
        self._heads[connection] = time.monotonic()
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def head_ends(self, connection: "Connection") -> None:
        """The head is whole."""
        self._heads.pop(connection, None)

    def rests(self, connection: "Connection") -> None:
        """A request is answered."""
        self._resting[connection] = None

    def is_in_head(self, connection: "Connection") -> bool:
        """Whether the head is not whole yet."""
        return connection in self._heads

    def _sweep(self) -> None:
        """Close connections whose head takes too long; again and again while there is a head under way."""
        before = time.monotonic() - HEAD_SECONDS
        for connection, since in list(self._heads.items()):
            if since > before:
                break
            connection.transport.abort()
            self.gone(connection)
        again = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if self._heads else None
        self._sweeping = again


class Connection(HttpToolsProtocol):
    """One connection: uvicorn's, with limits."""

    def __init__(self, connections: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._connections = connections
        self._wire = 0
        self._body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.gone(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._wire += len(data)
        super().data_received(data)
        # What is neither body nor a part of it: heads, trailers, and the framing of chunks.
        if self._wire - self._body > HEAD_BYTES + self._body and not self.transport.is_closing():
            if self._connections.is_in_head(self):
                self.transport.write(TOO_LARGE)
                self.transport.close()
            else:
                self.transport.abort()

    def handle_websocket_upgrade(self) -> None:
        self._connections.gone(self)  # it has another protocol from here on, with pings of its own
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._connections.head_begins(self)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._connections.head_ends(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._wire = self._body = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and not self.pipeline:
            self._connections.rests(self)
