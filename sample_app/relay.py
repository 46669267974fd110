"""A slow stretch of network between two services: a relay that holds every byte back for a while."""

import asyncio
import threading
from typing import Any

import httpx

from sample_app.client import Peer

CHUNK = 65_536


class SlowPath:
    """Leads the calls to a peer over a relay with a delay in both directions. The work at both ends stays fast.

    A switch: started, new calls take the relay; stopped, they take the direct way again.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer, self._direct = peer, peer.base_url
        self._delay_s = 0.0
        self._port = 0

    def start(self, delay_ms: float = 250.0) -> dict[str, Any]:
        """Take the slow way.

        :param delay_ms: delay in each direction.
        """
        self._delay_s = delay_ms / 1000
        if not self._port:
            listening = threading.Event()
            thread = threading.Thread(target=lambda: asyncio.run(self._relay(listening)), name="network", daemon=True)
            thread.start()
            listening.wait(5)
        self._peer.base_url = f"http://127.0.0.1:{self._port}"
        return {"delay_ms": delay_ms, "to": self._peer.name}

    def stop(self) -> None:
        """Take the direct way. The relay stays, for calls that are under way on it."""
        self._peer.base_url = self._direct

    async def _relay(self, listening: threading.Event) -> None:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        listening.set()
        await server.serve_forever()

    async def _forward(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        target = httpx.URL(self._direct)
        answers, onward = await asyncio.open_connection(target.host, target.port)
        await asyncio.gather(self._carry(caller, onward), self._carry(answers, back))

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        """Carry bytes one way. A request or answer of ours is one chunk, so the delay counts once a direction."""
        try:
            while data := await source.read(CHUNK):
                await asyncio.sleep(self._delay_s)
                to.write(data)
                await to.drain()
        except ConnectionError:
            pass  # the other side has gone
        finally:
            to.close()
