"""What the HTTP and the gRPC door share: the token, the limits, and the way of a body into the spool."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from otel_pipeline.intake.protocol import Accepted, BadBody, accept, decompress
from otel_pipeline.intake.spool import Spool, SpoolFull
from otel_pipeline.intake.telemetry import Telemetry
from otel_pipeline.settings import Settings

IN_FLIGHT_BYTES = 96 << 20
INLINE_BYTES = 256 << 10
RETRY_AFTER_BUSY, RETRY_AFTER_FULL = 1, 10


class Busy(Exception):
    """Too many bodies at once: the client shall come back in a moment."""


class Doors:
    """Takes bodies for both protocols.

    :param settings: token and largest body.
    :param spool: where accepted bodies go.
    :param telemetry: counts.
    """

    def __init__(self, settings: Settings, spool: Spool, telemetry: Telemetry) -> None:
        self.limit = settings.intake_max_body_mb << 20
        self.spool = spool
        self.telemetry = telemetry
        self._token = settings.intake_token.encode()
        self._in_flight = 0

    def allows(self, authorization: str) -> bool:
        """Whether the client knows the token: ``Bearer <token>``, or the bare token as HyperDX's clients send it."""
        if not self._token:
            return True
        scheme, _, rest = authorization.partition(" ")
        given = rest.strip() if scheme.lower() == "bearer" else authorization
        return hmac.compare_digest(given.encode(errors="replace"), self._token)

    def enter(self, size: int) -> None:
        """Claim memory for ``size`` bytes; give it back with :meth:`leave`.

        :raises Busy: too much is being taken in already.
        """
        if self._in_flight + size > IN_FLIGHT_BYTES:
            raise Busy("too many bodies at once")
        self._in_flight += size

    def leave(self, size: int) -> None:
        """Give back what :meth:`enter` claimed."""
        self._in_flight -= size

    @asynccontextmanager
    async def taken(
        self, signal: str, body: bytes, content_type: str, encoding: str = "", grace: float = 0.0
    ) -> AsyncIterator[Accepted]:
        """Validate a body and make it durable; answer the client inside the block.

        :raises BadBody: it cannot be taken, ever.
        :raises SpoolFull: it cannot be taken now.
        """
        try:
            if len(body) <= INLINE_BYTES and not encoding:
                accepted = accept(signal, body, content_type)
            else:
                # In a thread, so that others are answered while a large body is unpacked.
                accepted = await asyncio.to_thread(self._unpack, signal, body, content_type, encoding)
            if not accepted.body:
                yield accepted
                return
            async with self.spool.stored(accepted.kind, accepted.body, grace):
                self.telemetry.accepted(signal, len(accepted.body), accepted.rejected)
                yield accepted
        except (BadBody, SpoolFull) as error:
            self.telemetry.refused(signal, type(error).__name__)
            raise

    def _unpack(self, signal: str, body: bytes, content_type: str, encoding: str) -> Accepted:
        return accept(signal, decompress(body, encoding, self.limit), content_type)
