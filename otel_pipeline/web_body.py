"""The body of a request as it arrives: how fast it must, and what becomes of one that nobody waits for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A body must get on: so many seconds without a byte end it, and so does a pace below the least rate.
BODY_IDLE_SECONDS = 10.0
BODY_GRACE_SECONDS = 10.0
LEAST_BYTES_PER_SECOND = 16 << 10

# A client that still sends when the connection closes may never read the answer, so a refused body is read to its end,
# up to this size and for so long.
DISCARDED_BYTES, DISCARD_SECONDS = 64 << 20, 3.0

TOO_SLOW = "the body came too slowly; send it at once, in smaller parts"


@dataclass(eq=False)
class Pace:
    """How a body gets on.

    :param received: bytes of it so far. :param waited: seconds that somebody has waited for them; what the application
        does between two parts is not the client's time. :param moved: when the last part came (monotonic).
    """

    received: int = 0
    waited: float = 0.0
    moved: float = field(default_factory=time.monotonic)

    def patience(self) -> float:
        """How many seconds the next part may take."""
        return min(BODY_IDLE_SECONDS, BODY_GRACE_SECONDS + self.received / LEAST_BYTES_PER_SECOND - self.waited)

    def advance(self, size: int, began: float) -> None:
        """A part has come that was waited for since ``began`` (monotonic)."""
        self.moved = time.monotonic()
        self.waited += self.moved - began
        self.received += size


class Body:
    """A request's body.

    :param more: whether any of it is still to come. :param pace: how fast it must come; None: as it likes.
    """

    def __init__(self, receive: Receive, more: bool = True, pace: Pace | None = None) -> None:
        self._receive = receive
        self.more = more
        self.pace = pace
        self._timeout: asyncio.Timeout | None = None
        self._has_ended = False

    @classmethod
    def of(cls, scope: Scope, receive: Receive, pace: Pace | None = None) -> "Body":
        """The body that the head of a request announces."""
        head = dict(scope["headers"])
        more = b"transfer-encoding" in head or bool(head.get(b"content-length", b"").strip(b" 0"))
        return cls(receive, more and scope["type"] == "http", pace)

    async def receive(self) -> Message:
        """The next part, as the server gives it.

        :raises TimeoutError: it came too slowly, or :meth:`end` was called.
        """
        if self.pace is None or not self.more:
            message = await self._receive()
        else:
            message = await self._in_time(self.pace)
        self.more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def _in_time(self, pace: Pace) -> Message:
        if self._has_ended:
            raise TimeoutError
        began = time.monotonic()
        async with asyncio.timeout(pace.patience()) as self._timeout:
            message = await self._receive()
        self._timeout = None
        if self._has_ended:
            raise TimeoutError
        pace.advance(len(message.get("body", b"")), began)
        return message

    def end(self) -> None:
        """Wait for it no longer."""
        self._has_ended = True
        if self._timeout and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def chunk(self) -> bytes:
        """The next part.

        :raises ConnectionError: the client is gone. :raises TimeoutError: it came too slowly.
        """
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client is gone")
        return message.get("body", b"")

    async def discard(self) -> None:
        """Read on to the end, keeping nothing.

        :raises ConnectionError: the client is gone.
        """
        left = DISCARDED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while self.more and left > 0:
                    left -= len(await self.chunk())

    def closing(self, send: Send) -> Send:
        """Sends answers; one that begins before the body has ended is the last of its connection.

        The rest of the body would be taken for the next request, and no deadline would end it.
        """

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and self.more:
                kept = [(name, value) for name, value in message["headers"] if name.lower() != b"connection"]
                message = {**message, "headers": [*kept, (b"connection", b"close")]}
            await send(message)

        return sent
