# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar two: structured lines (logfmt, JSON flat and nested), with key sets that vary and the event under one of many names."""

import json
from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, fill, truth
from otel_pipeline.evaluation.logworlds.values import Values

FIELDS = {
    "user": "user", "user_id": "int", "ip": "ip", "client": "address", "duration_ms": "int", "latency": "duration", "size": "size",
    "city": "city", "region": "region", "plan": "plan", "trace_id": "hex", "request_id": "uuid", "host": "host", "pod": "pod",
    "path": "route", "url": "url", "method": "method", "code": "int", "attempt": "int", "amount": "float", "currency": "word",
    "product": "product", "sku": "order", "queue": "topic", "table": "table", "rows": "int", "version": "version", "email": "email",
    "cached": "flag", "service": "service", "node": "invented", "checksum": "sha", "file": "path", "percent": "percent", "owner": "person",
}  # fmt: skip
AREAS = (
    "order payment user session cache index queue mail stock search report token shard replica upload invoice".split()
)
ACTS = "created failed started finished expired rejected retried evicted rebuilt flushed sent updated throttled synced moved".split()
MESSAGES = (
    "{area} {act}|{area} was {act}|{area} {act} for {slot}|{area} service {act}|{act} {area}|{area} {act} after {slot}"
    "|could not reach {area} store|no {area} left|{area} {act} by {slot}|slow {area} lookup"
).split("|")
NAMES = ("msg", "message", "event", "event", "action", "op", "what", "evt", "kind_of", "happened", "ereignis", "signal")
LEVELS = ("debug", "info", "info", "info", "warn", "error")


def events(dice: Random) -> list[Event]:
    """Thirty to fifty events of a system that logs in one structured form."""
    form = dice.choice(("logfmt", "json", "json", "nested"))
    name = dice.choice(NAMES)
    dotted = name in ("event", "evt", "op", "action") and dice.random() < 0.7
    has_level, has_time = dice.random() < 0.6, dice.random() < 0.4
    found: dict[str, Event] = {}
    wanted = dice.randint(30, 50)
    while len(found) < wanted:
        area, act = dice.choice(AREAS), dice.choice(ACTS)
        if dotted:
            what = (
                dice.choice((".", "_", ".")).join((area, act))
                if dice.random() < 0.6
                else f"{area}.{dice.choice(AREAS)}.{act}"
            )
        else:
            slot = f"«{dice.choice(('int', 'user', 'uuid', 'duration', 'service', 'invented', 'word'))}»"
            what = dice.choice(MESSAGES).format(area=area, act=act, slot=slot)
        keys = dice.sample(list(FIELDS), dice.randint(2, 7))
        optional = {key for key in keys if dice.random() < 0.25}
        level = dice.choice(LEVELS) if has_level else ""
        if what not in found:
            found[what] = _event(form, name, what, level=level, keys=keys, optional=optional, has_time=has_time)
    return list(found.values())


def _event(
    form: str, name: str, what: str, *, level: str, keys: list[str], optional: set[str], has_time: bool
) -> Event:
    def rows(dice: Random | None) -> list[tuple[str, str]]:
        found = [("ts", "«timestamp»")] if has_time else []
        if level:
            found.append(("level", level))
        found.append((name, what))
        found += [
            (key, f"«{FIELDS[key]}»") for key in keys if dice is None or key not in optional or dice.random() < 0.5
        ]
        return found

    def draw(dice: Random, values: Values) -> str:
        return _write(form, [(key, fill(text, dice, values)) for key, text in rows(dice)], dice)

    return Event(_write(form, [(key, truth(text)) for key, text in rows(None)], None), draw)


def _write(form: str, rows: list[tuple[str, str]], dice: Random | None) -> str:
    if form == "logfmt":
        return " ".join(f'{key}="{value}"' if " " in value else f"{key}={value}" for key, value in rows)
    answer = {key: int(value) if value.isdigit() and dice else value for key, value in rows}
    if form == "nested":
        head, tail = dict(list(answer.items())[:2]), dict(list(answer.items())[2:])
        return json.dumps({**head, "data": tail}, ensure_ascii=False)
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":") if len(rows) % 2 else (", ", ": "))
