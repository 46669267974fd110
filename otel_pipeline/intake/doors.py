"""What the HTTP and the gRPC door share: the token, the limits, and the way of a body into the spool."""

import asyncio
import hmac
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from otel_pipeline.intake.dead_letters import DeadLetters
from otel_pipeline.intake.horizon import horizon
from otel_pipeline.intake.protocol import PROTOBUF, Accepted, BadBody, accept, accept_untouched, decompress
from otel_pipeline.intake.spool import Spool, SpoolFull
from otel_pipeline.intake.telemetry import Telemetry
from otel_pipeline.intake.workers import Overloaded, Packed, Workers
from otel_pipeline.settings import Settings
from otel_pipeline.web_body import Pace

IN_FLIGHT_BYTES = 96 << 20
SMALL_IN_FLIGHT_BYTES = 32 << 20  # beside these, for bodies that are small: nobody's large ones are in their way
INLINE_BYTES = 256 << 10
WALKED_INLINE_BYTES = 8 << 10
UNPACKERS = 2
ADDRESS_SHARE = 0.5
RETRY_AFTER_BUSY, RETRY_AFTER_FULL = 1, 10

# Where memory is short, a body that has been still for longer than a moment makes room for others.
STILL_SECONDS = 0.5


class Busy(Exception):
    """Too many bodies at once: the client shall come back in a moment."""


@dataclass(eq=False)
class Arrival(Pace):
    """A body on its way, and the memory that it holds.

    :param address: of its sender. :param end: ends it, to make room; None once it is there.
    :param size: bytes of memory.
    """

    address: str = ""
    end: Callable[[], None] | None = None
    size: int = 0

    @property
    def is_small(self) -> bool:
        """Whether it counts among the small ones."""
        return self.size <= INLINE_BYTES


class Doors:
    """Takes bodies for both protocols.

    :param settings: token, largest body, times that can be stored.
    :param spool: where accepted bodies go.
    :param telemetry: counts.
    :param dead_letters: where records go that cannot be stored.
    :param workers: take large bodies apart; without them a thread does.
    """

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        telemetry: Telemetry,
        dead_letters: DeadLetters | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.limit = settings.intake_max_body_mb << 20
        self.spool = spool
        self.telemetry = telemetry
        self._dead_letters = dead_letters
        self._workers = workers
        self._unpackers = ThreadPoolExecutor(UNPACKERS, "unpack")
        self._token = settings.intake_token.encode()
        self._horizon = horizon(settings)
        self._arrivals: dict[Arrival, None] = {}
        self._held = {True: 0, False: 0}
        self._of_address: Counter[tuple[str, bool]] = Counter()

    def allows(self, authorization: str) -> bool:
        """Whether the client knows the token: ``Bearer <token>``, or the bare token as HyperDX's clients send it."""
        if not self._token:
            return True
        scheme, _, rest = authorization.partition(" ")
        given = rest.strip() if scheme.lower() == "bearer" else authorization
        return hmac.compare_digest(given.encode(errors="replace"), self._token)

    # Memory: small bodies and large ones each have their own.

    def enter(self, arrival: Arrival, size: int) -> None:
        """Claim memory for ``size`` bytes more of a body; :meth:`leave` gives all of it back.

        :raises Busy: too much is being taken in already, and nothing of that stands still.
        """
        self._arrivals[arrival] = None
        is_small = arrival.size + size <= INLINE_BYTES
        claimed = size if is_small == arrival.is_small else arrival.size + size
        room = SMALL_IN_FLIGHT_BYTES if is_small else IN_FLIGHT_BYTES
        share = room if arrival.address in ("", "127.0.0.1", "::1") else int(room * ADDRESS_SHARE)
        if self._of_address[arrival.address, is_small] + claimed > share:
            self._make_room(is_small, self._of_address[arrival.address, is_small] + claimed - share, arrival)
        if self._of_address[arrival.address, is_small] + claimed > share:
            raise Busy("too many bodies at once")
        if self._held[is_small] + claimed > room:
            self._make_room(is_small, self._held[is_small] + claimed - room, arrival)
        if self._held[is_small] + claimed > room:
            raise Busy("too many bodies at once")
        self._count(arrival, -arrival.size)
        arrival.size += size
        self._count(arrival, arrival.size)

    def leave(self, arrival: Arrival) -> None:
        """Give back what :meth:`enter` claimed."""
        self._arrivals.pop(arrival, None)
        self._count(arrival, -arrival.size)
        arrival.size = 0
        arrival.end = None

    def _count(self, arrival: Arrival, size: int) -> None:
        key = arrival.address, arrival.is_small
        self._held[arrival.is_small] += size
        self._of_address[key] += size
        if not self._of_address[key]:
            del self._of_address[key]

    def _make_room(self, is_small: bool, needed: int, but: Arrival) -> None:
        """End bodies that stand still, the stillest first, until ``needed`` bytes are free."""
        now = time.monotonic()
        still = [
            arrival
            for arrival in self._arrivals
            if arrival.end
            and arrival is not but
            and arrival.is_small == is_small
            and now - arrival.moved > STILL_SECONDS
        ]
        for arrival in sorted(still, key=lambda arrival: arrival.moved):
            if needed <= 0:
                return
            needed -= arrival.size
            end = arrival.end
            self.leave(arrival)
            if end:
                end()

    @asynccontextmanager
    async def taken(  # noqa: PLR0917
        self,
        signal: str,
        body: bytes,
        content_type: str,
        encoding: str = "",
        grace: float = 0.0,
        arrival: Arrival | None = None,
    ) -> AsyncIterator[Accepted]:
        """Validate a body and make it durable; answer the client inside the block.

        :param arrival: holds the body's memory, and that of what it unpacks to.
        :raises BadBody: it cannot be taken, ever.
        :raises SpoolFull: it cannot be taken now. :raises Busy: nor while so many others are.
        """
        try:
            packed = None
            if encoding:
                body, packed = await self._unpack(body, encoding, arrival)
            accepted = await self._accept(signal, body, content_type, packed)
            if packed and arrival and len(accepted.body) > arrival.size:
                self.enter(arrival, len(accepted.body) - arrival.size)
            if accepted.dead:
                await asyncio.get_running_loop().run_in_executor(self._unpackers, self._bury, signal, accepted)
            if not accepted.body:
                if accepted.rejected:
                    self.telemetry.accepted(signal, 0, accepted.rejected)
                yield accepted
                return
            async with self.spool.stored(accepted.kind, accepted.body, grace):
                self.telemetry.accepted(signal, len(accepted.body), accepted.rejected)
                yield accepted
        except (BadBody, SpoolFull, Busy) as error:
            self.telemetry.refused(signal, type(error).__name__)
            raise

    async def _unpack(self, body: bytes, encoding: str, arrival: Arrival | None) -> tuple[bytes, Packed | None]:
        """What a small body unpacks to; of a larger one itself, for a worker: a thread would keep the interpreter.

        :raises BadBody: it cannot be unpacked.
        """
        packed = Packed(encoding, self.limit)
        if self._workers and len(body) > INLINE_BYTES:
            return body, packed
        limit = min(INLINE_BYTES, self.limit) if self._workers else self.limit
        try:
            unpack = partial(decompress, body, encoding, limit)
            plain = await asyncio.get_running_loop().run_in_executor(self._unpackers, unpack)
        except BadBody as error:
            if error.status != 413 or limit == self.limit:
                raise
            return body, packed
        if arrival and len(plain) > arrival.size:
            self.enter(arrival, len(plain) - arrival.size)
        return plain, None

    async def _accept(self, signal: str, body: bytes, content_type: str, packed: Packed | None) -> Accepted:
        """Here and now what is quickly done; in a process of its own what may not be."""
        bounds = self._horizon()
        if not packed and len(body) <= WALKED_INLINE_BYTES:
            return accept(signal, body, content_type, bounds)
        if not packed and len(body) <= INLINE_BYTES and content_type == PROTOBUF and not _is_dense(body):
            untouched = accept_untouched(signal, body, bounds)
            if untouched:
                return untouched
        if not self._workers:
            return await asyncio.to_thread(accept, signal, body, content_type, bounds)
        try:
            return await self._workers.accept(signal, body, content_type, bounds, packed)
        except Overloaded as error:
            raise Busy(str(error)) from None

    def _bury(self, signal: str, accepted: Accepted) -> None:
        if self._dead_letters:
            name = f"{signal}-{time.time_ns()}-{secrets.token_hex(4)}"
            self._dead_letters.keep(name, signal, accepted.reason, accepted.dead, told=True)
        self.telemetry.dead(signal, 1)

    def close(self) -> None:
        """End the threads."""
        self._unpackers.shutdown(wait=False)


def _is_dense(body: bytes) -> bool:
    """Whether it may be full of empty messages, the densest of all: each has a byte that is 0."""
    return body.count(0) * 4 > len(body)
