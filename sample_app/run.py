"""The life of one service process: listen, serve, stop in order, send the last telemetry."""

import contextlib
import ctypes
import importlib
import logging
import os
import signal
import socket
import sys
import threading

from sample_app.config import SERVICES, ShopConfig, from_environment
from sample_app.errors import ConfigError

USAGE = f"usage: python -m sample_app {{{'|'.join(SERVICES)}}}"
M_ARENA_MAX = -8
DRAIN_S = 5
"""Seconds that requests under way have to finish when the process is asked to end."""
CLOSE_S = 9
"""Seconds after which a process that was asked to end does so, its last telemetry sent or not."""


def main(arguments: list[str]) -> int:
    """Run a service; returns the exit status."""
    from sample_app.deployment import inherited_listener

    if len(arguments) != 1 or arguments[0] not in SERVICES:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        config = from_environment(arguments[0])
        listener = inherited_listener() or listen(config)
        _share_memory_arenas()
        serve(config, listener)
    except ConfigError as error:
        print(f"shop: {error}", file=sys.stderr)
        return 1
    return 0


def _share_memory_arenas() -> None:
    """Let all threads share two arenas of glibc's allocator; with one each, what one frees is of no use to others."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def listen(config: ShopConfig) -> socket.socket:
    """The listening socket of the service, on loopback.

    :raises ConfigError: when the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", config.port))
    except OSError:
        listener.close()
        raise ConfigError(f"port {config.port} of {config.service} is taken; set SHOP_PORT to another") from None
    listener.listen(256)
    return listener


def serve(config: ShopConfig, listener: socket.socket) -> None:
    """Serve until a signal comes, or another version is to follow, which then takes over this process.

    Everything is torn down and all telemetry sent on return.
    """
    import uvicorn

    from sample_app.database import open_database
    from sample_app.deployment import Deployment, carried, replace_process
    from sample_app.service import Runtime, add_admin, prepare_app
    from sample_app.telemetry import CARRIED_COUNTS, Telemetry

    module = importlib.import_module(f"sample_app.services.{config.service}")
    telemetry = Telemetry(config)
    deployment = Deployment(config.version, config.released_version)
    engine = open_database(config, module.tables)
    runtime = Runtime(config, telemetry, engine, deployment)
    service = module.build(runtime)
    add_admin(service, runtime)
    prepare_app(service.app)
    # uvicorn closes the socket that it serves; the duplicate stays for the version that follows.
    kept = listener.dup()
    server = uvicorn.Server(
        uvicorn.Config(
            service.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=DRAIN_S
        )
    )
    deployment.stop_serving = lambda: setattr(server, "should_exit", True)
    # uvicorn repeats a signal when it has stopped; without handlers of our own that would end us before the flush.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # Where nobody takes the telemetry any more, the exporters would try for minutes.
    late = threading.Timer(CLOSE_S, os._exit, args=(1,))
    late.daemon = True
    log = logging.getLogger("shop.process")
    log.info("%s %s listens on port %d", config.service, config.version, config.port)
    for job in service.jobs:
        job.start()
    try:
        server.run(sockets=[listener])
    finally:
        late.start()
        follow_up = deployment.follow_up
        for job in service.jobs:
            job.stop()
        for switch in service.switches.values():
            switch.stop()
        for peer in service.peers:
            peer.close()
        engine.dispose()
        log.info("%s %s stopped", config.service, config.version)
        telemetry.shutdown()
        late.cancel()
    if follow_up:
        hand_on = {CARRIED_COUNTS: carried(telemetry.counts())}
        replace_process(config.service, follow_up, kept, hand_on)
