"""Which ports the stack listens on: those of the settings, or free ones where somebody else holds them."""

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from otel_pipeline.errors import UserError
from otel_pipeline.localdb.launcher import free_port, port_is_free, remember
from otel_pipeline.settings import Settings

SHOP_SERVICES = 5
FIELDS = {
    "clickhouse": ("clickhouse_port", "clickhouse_native_port"),
    "intake": ("intake_http_port", "intake_grpc_port"),
    "embedder": ("embedder_port",),
    "shop": ("shop_port",),
    "dagster": ("dagster_port",),
}
ATTEMPTS = 200


class Reservations:
    """Ports that this stack has chosen and may not listen on yet: no other stack of this user chooses them meanwhile.

    A lock on a file a port. Who asks for a port without this (another program) can still be faster; then the stack
    chooses again when it is about to start what shall listen there.
    """

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._folder = Path(tempfile.gettempdir()) / f"otel-pipeline-ports-{os.getuid()}"

    def take(self, port: int) -> bool:
        """Reserve a port; whether nobody else has."""
        if port in self._held:
            return True
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._folder / str(port), flags, 0o600)
        except OSError:
            return True  # without such a folder there are no reservations
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._held[port] = descriptor
        return True

    def release(self) -> None:
        """Give all back."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()


def choose_ports(settings: Settings, groups: Iterable[str], reservations: Reservations | None = None) -> Settings:
    """Settings whose ports for these parts of the stack are free; what was changed is remembered in ``local.env``.

    :param reservations: keeps them from other stacks until they are bound.
    :raises UserError: a port that the environment asks for by name is taken.
    """
    reservations = reservations or Reservations()
    chosen: dict[str, int] = {}
    for group in groups:
        for field in FIELDS[group]:
            count = SHOP_SERVICES if field == "shop_port" else 1
            wanted = getattr(settings, field)
            if not _taken(wanted, count, chosen, reservations):
                chosen[field] = wanted
            elif os.environ.get(field.upper()):
                port = _taken(wanted, count, chosen, reservations)[0]
                raise UserError(f"port {port} is taken; choose another with {field.upper()}")
            else:
                chosen[field] = _free_row(count, chosen, reservations)
    changed = {field: port for field, port in chosen.items() if port != getattr(settings, field)}
    if changed:
        remember(settings, **changed)
    return settings.model_copy(update=changed)


def _taken(first: int, count: int, chosen: dict[str, int], reservations: Reservations) -> list[int]:
    """The ports of a row that somebody, or another part of the stack, has already."""
    ours = {port for field, port in chosen.items() if field != "shop_port"}
    if "shop_port" in chosen:
        ours.update(range(chosen["shop_port"], chosen["shop_port"] + SHOP_SERVICES))
    row = range(first, first + count)
    return [port for port in row if port in ours or not port_is_free(port) or not reservations.take(port)]


def _free_row(count: int, chosen: dict[str, int], reservations: Reservations) -> int:
    """The first of ``count`` free ports in a row."""
    for _ in range(ATTEMPTS):
        first = free_port()
        if first + count <= 65536 and not _taken(first, count, chosen, reservations):
            return first
    raise UserError(f"no {count} free ports in a row on 127.0.0.1")
