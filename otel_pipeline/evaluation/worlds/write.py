"""A world as a labelled folder: what `evaluation.labelled` reads, and the truth beside it.

otel_traces.parquet  otel_logs.parquet   columns of otel_traces and otel_logs; the second where the world has logs
faults.json          [{"start", "end", "service", "kind", "type"}, …]
reference.json       [[start, end]]: the twelve quiet minutes, where asked for
truth.json           {"faults": the same with "effect", "variant", "share", "size", "accept" (who may
                      be blamed), "faulty_traces", "traces"}, "world": what was drawn}
labels.parquet       TraceId, Faulty, FaultIndex (-1: none). Faulty is true only where the fault altered the trace, null
                     where it altered nothing that a trace shows, or by less than a quarter
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from otel_pipeline.evaluation.worlds.faults import QUIET, Fault
from otel_pipeline.evaluation.worlds.simulate import ERROR, Run
from otel_pipeline.evaluation.worlds.topology import CLIENT, CONSUMER, KINDS, SERVER, World
from otel_pipeline.evaluation.worlds.traffic import run

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
MAP = pa.map_(pa.string(), pa.string())
SEVERITY = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}
LONG = {"kinds": "SPAN_KIND_{}", "status": "STATUS_CODE_{}"}


def generate(seed: int, folder: Path, reference: bool = False, most: int | None = None) -> dict[str, Any]:
    """Write the world of a seed into a folder; what truth.json says.

    :param most: faults; a shorter world for a quick look.
    """
    world, faults, made = run(seed, most)
    rng = np.random.default_rng([seed, 7])
    begin = FIRST + timedelta(minutes=int(rng.integers(0, 200 * 1440)), milliseconds=int(rng.integers(60_000)))
    folder.mkdir(parents=True, exist_ok=True)
    trace_ids, span_ids = _ids(rng, len(made.traces), 16), _ids(rng, len(made.start), 8)
    pq.write_table(_spans(world, made, begin, trace_ids, span_ids), folder / "otel_traces.parquet")
    if made.lines:
        pq.write_table(_lines(world, made, begin, trace_ids, span_ids), folder / "otel_logs.parquet")
    labels = _labels(faults, made, trace_ids)
    pq.write_table(labels, folder / "labels.parquet")
    truth = _truth(world, faults, made, begin, labels)
    short = [{key: fault[key] for key in ("start", "end", "service", "kind", "type")} for fault in truth["faults"]]
    _json(folder / "faults.json", short)
    _json(folder / "truth.json", truth)
    if reference:
        _json(folder / "reference.json", [[_time(begin, 0), _time(begin, QUIET)]])
    return truth


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1))


def _time(begin: datetime, ms: float) -> str:
    return (begin + timedelta(milliseconds=int(ms))).isoformat()


def _ids(rng: np.random.Generator, count: int, size: int) -> list[str]:
    text = rng.bytes(count * size).hex()
    return [text[i : i + 2 * size] for i in range(0, len(text), 2 * size)]


def _stamps(begin: datetime, ms: Sequence[float] | np.ndarray) -> np.ndarray:
    start = int(begin.timestamp() * 1000) * 1_000_000
    return start + (np.asarray(ms, dtype=np.float64) * 1e6).astype(np.int64)


def _maps(rows: Sequence[tuple[tuple[str, str], ...]]) -> pa.Array:
    """Maps, each distinct one built once."""
    distinct: dict[tuple[tuple[str, str], ...], int] = {}
    places = [distinct.setdefault(row, len(distinct)) for row in rows]
    return pa.array([list(row) for row in distinct], MAP).take(pa.array(places, pa.int64()))


def _spans(world: World, made: Run, begin: datetime, trace_ids: list[str], span_ids: list[str]) -> pa.Table:
    skew = np.array([service.skew for service in made.service])
    start = np.asarray(made.start)
    shows = world.shows
    kinds = [KINDS[kind] if shows["kinds"] else "Unspecified" for kind in made.kind]
    statuses = [("Unset", "Ok", "Error")[status] if shows["status"] else "Unset" for status in made.status]
    if shows["status_spelling"] == "long":
        kinds = [LONG["kinds"].format(kind.upper()) for kind in kinds]
        statuses = [LONG["status"].format(status.upper()) for status in statuses]
    scope = [f"lib.{service.noun[0]}" for service in made.service]
    events = [made.errors.get(i) if shows["exception_events"] and shows["status"] else None for i in range(len(start))]
    messages = [error[1] if (error := made.errors.get(i)) and shows["status"] else "" for i in range(len(start))]
    stamps = _stamps(begin, start + skew)
    ends = _stamps(begin, np.asarray(made.end) + skew)
    lost = np.random.default_rng(len(start)).random(len(start)) < (0.5 if shows["sampled"] < 1 else 0.0)
    links = [None if lost[i] else made.link.get(i) for i in range(len(start))]
    proxies = _ids(np.random.default_rng(world.seed), len(trace_ids), 8) if shows["proxy"] else []
    return pa.table(
        {
            "Timestamp": pa.array(stamps, pa.timestamp("ns")),
            "TraceId": pa.array([trace_ids[i] for i in made.trace]),
            "SpanId": pa.array(span_ids),
            "ParentSpanId": pa.array(
                [
                    span_ids[parent] if parent >= 0 else proxies[trace] if proxies and i not in made.link else ""
                    for i, (parent, trace) in enumerate(zip(made.parent, made.trace, strict=True))
                ]
            ),
            "TraceState": pa.array([f"ot=p:{shows['sampled']}" if shows["sampled"] < 1 else ""] * len(start)),
            "SpanName": pa.array(made.name),
            "SpanKind": pa.array(kinds),
            "ServiceName": pa.array([service.name for service in made.service]),
            "ResourceAttributes": _maps(_resources(world, made)),
            "ScopeName": pa.array(scope),
            "ScopeVersion": pa.array([""] * len(start)),
            "SpanAttributes": _maps([_attributes(world, made, i) for i in range(len(start))]),
            "Duration": pa.array(np.maximum(ends - stamps, 1000).astype(np.uint64)),
            "StatusCode": pa.array(statuses),
            "StatusMessage": pa.array(messages),
            "Events.Timestamp": pa.array(
                [[int(end)] if event else [] for event, end in zip(events, ends, strict=True)],
                pa.list_(pa.timestamp("ns")),
            ),
            "Events.Name": pa.array([["exception"] if event else [] for event in events], pa.list_(pa.string())),
            "Events.Attributes": pa.array(
                [
                    [[("exception.type", event[0]), ("exception.message", event[1])]] if event else []
                    for event in events
                ],
                pa.list_(MAP),
            ),
            "Links.TraceId": pa.array(
                [[trace_ids[made.trace[i]]] if i is not None else [] for i in links], pa.list_(pa.string())
            ),
            "Links.SpanId": pa.array([[span_ids[i]] if i is not None else [] for i in links], pa.list_(pa.string())),
            "Links.TraceState": pa.array([[""] if i is not None else [] for i in links], pa.list_(pa.string())),
            "Links.Attributes": pa.array([[[]] if i is not None else [] for i in links], pa.list_(MAP)),
        }
    )


def _resources(world: World, made: Run) -> list[tuple[tuple[str, str], ...]]:
    known: dict[tuple[int, int, str], tuple[tuple[str, str], ...]] = {}
    found = []
    for service, instance, version in zip(made.service, made.instance, made.version, strict=True):
        key = (id(service), instance, version)
        if key not in known:
            row = [("service.name", service.name)]
            if world.shows["versions"]:
                row.append(("service.version", version))
            if world.shows["instances"]:
                row.append(("k8s.pod.name", service.instances[instance]))
            if world.shows["style"] == "namespaced":
                row.append(("service.namespace", f"team{service.layer}"))
            known[key] = tuple(row)
        found.append(known[key])
    return found


def _attributes(world: World, made: Run, i: int) -> tuple[tuple[str, str], ...]:
    shows, row = world.shows, made.attributes[i]
    customer = made.traces[made.trace[i]].customer
    root = made.parent[i] < 0
    if shows["customer_key"] and (root or (shows["customer_everywhere"] and made.kind[i] in (SERVER, CONSUMER))):
        row = (*row, (shows["customer_key"], world.customers[customer]))
    if row and row[0][0] in ("http.method", "http.request.method"):
        key = "http.status_code" if row[0][0] == "http.method" else "http.response.status_code"
        row = (*row, (key, "500" if made.status[i] == ERROR and shows["status"] else "200"))
    if made.size[i] >= 0 and made.kind[i] in (SERVER, CLIENT):
        row = (*row, ("http.response.body.size", str(made.size[i])))
    return row


def _lines(world: World, made: Run, begin: datetime, trace_ids: list[str], span_ids: list[str]) -> pa.Table:
    rows = sorted(made.lines, key=lambda row: row[0])
    ids = world.shows["log_trace_ids"]
    skewed = [at + service.skew for at, _, service, _, _ in rows]
    return pa.table(
        {
            "Timestamp": pa.array(_stamps(begin, skewed), pa.timestamp("ns")),
            "TraceId": pa.array([trace_ids[made.trace[span]] if ids else "" for _, span, _, _, _ in rows]),
            "SpanId": pa.array([span_ids[span] if ids else "" for _, span, _, _, _ in rows]),
            "TraceFlags": pa.array([1 if ids else 0] * len(rows), pa.uint8()),
            "SeverityText": pa.array([level for *_, level, _ in rows]),
            "SeverityNumber": pa.array([SEVERITY[level] for *_, level, _ in rows], pa.uint8()),
            "ServiceName": pa.array([service.name for _, _, service, _, _ in rows]),
            "Body": pa.array([text for *_, text in rows]),
            "ResourceAttributes": _maps([(("service.name", service.name),) for _, _, service, _, _ in rows]),
        }
    )


def _labels(faults: Sequence[Fault], made: Run, trace_ids: list[str]) -> pa.Table:
    faulty = [True if t.altered else None if t.slightly else False for t in made.traces]
    numbers = {id(fault): number for number, fault in enumerate(faults)}
    index = [numbers[id(t.fault)] if t.altered or t.slightly else -1 for t in made.traces]
    return pa.table(
        {
            "TraceId": pa.array(trace_ids),
            "Faulty": pa.array(faulty, pa.bool_()),
            "FaultIndex": pa.array(index, pa.int32()),
        }
    )


def _truth(world: World, faults: Sequence[Fault], made: Run, begin: datetime, labels: pa.Table) -> dict[str, Any]:
    index = np.asarray(labels["FaultIndex"])
    faulty = np.array([value is True for value in labels["Faulty"].to_pylist()])
    begins = np.array([trace.begin for trace in made.traces])
    told = [
        {
            "start": _time(begin, fault.start),
            "end": _time(begin, fault.end),
            "service": fault.service.name,
            "kind": fault.kind,
            "type": fault.kind,
            **fault.describe(),
            "faulty_traces": int(np.sum(faulty & (index == number))),
            "traces": int(np.sum((begins >= fault.start) & (begins < fault.end))),
        }
        for number, fault in enumerate(faults)
    ]
    drawn = {
        **world.shows,
        "seed": world.seed,
        "services": len(world.services),
        "roots": len(world.roots),
        "root_services": len({root.service.name for root, _ in world.roots}),
        "traces_per_minute": round(world.rate, 1),
        "traces": len(made.traces),
        "spans": len(made.start),
        "log_lines": len(made.lines),
        "loud_services": [service.name for service in world.services if service.loud],
        "skewed": {service.name: round(service.skew) for service in world.services if service.skew},
    }
    return {"faults": told, "world": drawn}
