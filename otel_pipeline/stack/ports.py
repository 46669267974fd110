"""Which ports the stack listens on: those of the settings, or free ones where somebody else holds them."""

import os
from collections.abc import Iterable

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


def choose_ports(settings: Settings, groups: Iterable[str]) -> Settings:
    """Settings whose ports for these parts of the stack are free; what was changed is remembered in ``local.env``.

    :raises UserError: a port that the environment asks for by name is taken.
    """
    chosen: dict[str, int] = {}
    for group in groups:
        for field in FIELDS[group]:
            count = SHOP_SERVICES if field == "shop_port" else 1
            wanted = getattr(settings, field)
            if not _taken(wanted, count, chosen):
                chosen[field] = wanted
            elif os.environ.get(field.upper()):
                raise UserError(
                    f"port {_taken(wanted, count, chosen)[0]} is taken; choose another with {field.upper()}"
                )
            else:
                chosen[field] = _free_row(count, chosen)
    changed = {field: port for field, port in chosen.items() if port != getattr(settings, field)}
    if changed:
        remember(settings, **changed)
    return settings.model_copy(update=changed)


def _taken(first: int, count: int, chosen: dict[str, int]) -> list[int]:
    """The ports of a row that somebody, or another part of the stack, has already."""
    ours = {port for field, port in chosen.items() if field != "shop_port"}
    if "shop_port" in chosen:
        ours.update(range(chosen["shop_port"], chosen["shop_port"] + SHOP_SERVICES))
    return [port for port in range(first, first + count) if port in ours or not port_is_free(port)]


def _free_row(count: int, chosen: dict[str, int]) -> int:
    """The first of ``count`` free ports in a row."""
    for _ in range(ATTEMPTS):
        first = free_port()
        if first + count <= 65536 and not _taken(first, count, chosen):
            return first
    raise UserError(f"no {count} free ports in a row on 127.0.0.1")
