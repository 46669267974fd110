"""The pipeline's own code on made-up worlds (``evaluation.worlds``), plain methods beside it.

For each seed, in one server: root causes of each fault; traces, judged with nothing given and with the twelve quiet
minutes given; and incidents, the same files imported and materialized hour by hour like anybody's data.

An incident belongs to a fault when it touches its window, 60 s before and after included; the one with most anomalous
traces speaks for the fault. Rightly blamed: its service is the fault's. Where the telemetry cannot tell two ends apart,
either may be blamed (``accept`` in truth.json): network delay and queue wait, caller or callee; silence, who fell
silent or who calls no more. Root causes are judged by the fault's service alone, and by the accepted ones beside it.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, chain
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.evaluation import detect, labelled, plain_detect, plain_rca, plain_two_sided, rca, references
from otel_pipeline.evaluation.figures import figures
from otel_pipeline.migrate import migrate

OURS = "this pipeline"
TWO_SIDED = "two-sided rule"
THREE = "rule of three statistics"
MINUTES = "minutes and services"
NEAR = timedelta(seconds=60)
QUIET = timedelta(minutes=12)
FORMS = ("nothing given", "quiet minutes given")
PROPERTIES = ("logs", "status", "kinds", "catch_all", "client_spans", "parallel", "queue", "loud", "http")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Told:
    """An incident as somebody told it."""

    start: datetime
    end: datetime
    service: str
    weight: float


@dataclass(frozen=True)
class World:
    """A world's folder, read: the faults with their truth, labels by trace."""

    folder: Path
    data: labelled.Labelled
    truth: dict[str, Any]
    labels: dict[str, bool | None]

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The faults of truth.json."""
        return self.truth["faults"]


def evaluate(
    seeds: Sequence[int],
    jobs: int = 1,
    keep: Path | None = None,
    most: int | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Judge the worlds of some seeds.

    :param jobs: worlds at a time, each in a process with a server of its own.
    :param keep: folder in which the worlds are left, as seedN, each with what was found in it (answer.json).
    :param most: faults of a world; without it, as many as it has.
    :returns: ``{"worlds": {seed: see :func:`world`}, "summary": see :func:`summary`}``
    """
    found: dict[int, dict[str, Any]] = {}
    for number, answer in enumerate(_each(seeds, jobs, keep, most)):
        found[seeds[number]] = answer
        progress(f"{number + 1} of {len(seeds)} worlds")
    return {"worlds": {str(seed): found[seed] for seed in seeds}, "summary": summary(list(found.values()))}


def _each(seeds: Sequence[int], jobs: int, keep: Path | None, most: int | None) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from (world(seed, keep, most) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(world, seeds, repeat(keep), repeat(most))


def world(seed: int, keep: Path | None = None, most: int | None = None) -> dict[str, Any]:
    """Generate a world, and judge everything in it.

    :returns: ``{"world": what was drawn, "faults": [{"kind", "service", "ranks": {method: [rank, rank of the
        accepted]}, "incidents": {method: {"found", "blamed", "right"}}}], "detect": {form: {method: figures}},
        "incidents": {method: figures}}``
    """
    from otel_pipeline.evaluation.worlds.write import generate

    with tempfile.TemporaryDirectory(prefix="otel-pipeline-world-") as place:
        folder = (keep or Path(place)) / f"seed{seed}"
        generate(seed, folder, most=most)
        answer = folder_answer(folder)
        (folder / "answer.json").write_text(json.dumps(answer, ensure_ascii=False))
        return answer


def folder_answer(folder: Path) -> dict[str, Any]:
    """Judge a world that is written."""
    one = _read(folder)
    table = plain_two_sided.spans(one.data.files["traces"])
    with labelled.loaded(one.data) as db:
        ranks = _ranks(db, one, table)
        traces = {form: _traces(db, one, table, form) for form in FORMS}
        with _beside(db, one) as own:
            told = {OURS: _told(own)}
    told[MINUTES] = [Told(i.start, i.end, i.service, 1.0) for i in plain_two_sided.incidents(table)]
    judged = {method: [_judge(fault, rows) for fault in one.faults] for method, rows in told.items()}
    faults = [
        {
            **{key: fault[key] for key in ("kind", "effect", "variant", "service", "start", "share", "size")},
            "ranks": {method: found[number] for method, found in ranks.items()},
            "incidents": {method: found[number] for method, found in judged.items()},
        }
        for number, fault in enumerate(one.faults)
    ]
    return {
        "world": one.truth["world"],
        "faults": faults,
        "detect": traces,
        "incidents": {method: _incident_figures(one, rows) for method, rows in told.items()},
    }


def _read(folder: Path) -> World:
    import pyarrow.parquet as pq

    labels = pq.read_table(folder / "labels.parquet").to_pydict()
    return World(
        folder,
        replace(labelled.read(folder), reference=[]),
        json.loads((folder / "truth.json").read_text()),
        dict(zip(labels["TraceId"], labels["Faulty"], strict=True)),
    )


def _quiet(db: Database) -> Window:
    start = labelled.extent(db).start
    return Window(start, start + QUIET)


def _ranks(db: Database, one: World, table: Any) -> dict[str, list[tuple[float, float]]]:
    """Ranks of each fault's service, and of the best of the accepted: ours and plain, with the quiet minutes and all
    other traffic to compare with, and with nothing but the windows of the faults.
    """
    windows = [case.window for case in one.data.cases]
    services = [row["Service"] for row in db.rows("evaluation__services")]
    given = replace(one.data, reference=[_quiet(db)])
    others = [[n for n, other in enumerate(windows) if references.far(window, other)] for window in windows]
    scores = {
        OURS: _weighed(db, given, references.stretches(db)),
        f"{OURS}, windows alone": _weighed(db, one.data, windows),
        TWO_SIDED: plain_two_sided.rank(table, windows),
        f"{TWO_SIDED}, windows alone": plain_two_sided.rank(table, windows, alone=True),
        f"{THREE}, windows alone": plain_rca.rank(db, windows, others),
    }
    return {
        method: [_rank(fault, row, services) for fault, row in zip(one.faults, rows, strict=True)]
        for method, rows in scores.items()
    }


def _weighed(db: Database, data: labelled.Labelled, traffic: Sequence[Window]) -> list[dict[str, float]]:
    found = []
    for number, case in enumerate(data.cases):
        suspects = blame.weigh(db, case.window, references.references(data, number, traffic))
        found.append({suspect.service: suspect.score for suspect in suspects})
    return found


def _rank(fault: dict[str, Any], scores: dict[str, float], services: Sequence[str]) -> tuple[float, float]:
    known = {service: scores.get(service, rca.LOWEST) for service in services}
    return rca.mean_rank(fault["service"], known), min(rca.mean_rank(name, known) for name in fault["accept"])


def _traces(db: Database, one: World, table: Any, form: str) -> dict[str, Any]:
    """Figures of traces: ours and plain, all learned from the same times."""
    extent = labelled.extent(db)
    reference = [_quiet(db)] if form == FORMS[1] else []
    answer = detect.judged(db, replace(one.data, cases=[], reference=reference))
    ids = [trace["trace_id"] for trace in answer["traces"]]
    labels = [one.labels.get(trace) for trace in ids]
    scores = [trace["score"] for trace in answer["traces"]]
    windows = reference or [extent]
    found = {OURS: _trace_figures(labels, scores, [trace["anomalous"] for trace in answer["traces"]])}
    for method in (*plain_detect.methods(db, windows), plain_detect.excess(table, windows)):
        values = [method.values.get(trace, 0.0) for trace in ids]
        found[method.name] = _trace_figures(labels, values, [value > method.threshold for value in values])
    return found


def _trace_figures(
    labels: Sequence[bool | None], scores: Sequence[float], flags: Sequence[bool]
) -> dict[str, float | None]:
    """AP, and at the threshold the recall and the rate of false alarms."""
    known = [(label, flag) for label, flag in zip(labels, flags, strict=True) if label is not None]
    return {
        "ap": figures(labels, scores).ap,
        "recall": _share(flag for label, flag in known if label),
        "false_alarms": _share(flag for label, flag in known if not label),
    }


def _share(values: Iterable[bool]) -> float | None:
    seen = list(values)
    return round(sum(seen) / len(seen), 4) if seen else None


@contextmanager
def _beside(db: Database, one: World) -> Iterator[Database]:
    """A database on the same server, in which the lineage ran over the world's files as over anybody's."""
    own = db.settings.raw.model_copy(update={"clickhouse_database": f"{db.settings.database}_lineage"})
    migrate(own)
    with Database(own, comment={"command": "evaluate"}) as beside:
        done = importer.run(beside, one.data.files)
        whole = Window(min(item.start for item in done), max(item.end for item in done))
        chain.run(beside, None, whole)
        yield beside


def _told(db: Database) -> list[Told]:
    rows = db.rows("evaluation__incidents")
    return [Told(utc(row["Start"]), utc(row["End"]), row["Service"], row["Anomalous"]) for row in rows]


def _touches(fault: dict[str, Any], told: Told) -> bool:
    start, end = (utc(datetime.fromisoformat(fault[key])) for key in ("start", "end"))
    return told.start < end + NEAR and told.end > start - NEAR


def _judge(fault: dict[str, Any], rows: Sequence[Told]) -> dict[str, Any]:
    """What became of a fault."""
    own = [row for row in rows if _touches(fault, row)]
    best = max(own, key=lambda row: row.weight, default=None)
    return {
        "found": bool(own),
        "blamed": best.service if best else "",
        "right": bool(best) and best.service in fault["accept"],
    }


def _incident_figures(one: World, rows: Sequence[Told]) -> dict[str, Any]:
    """Recall, blame and precision of a world's incidents; those of a loud neighbour are false ones, too."""
    found = [_judge(fault, rows) for fault in one.faults]
    true = [row for row in rows if any(_touches(fault, row) for fault in one.faults)]
    loud = [row for row in rows if row not in true and row.service in one.truth["world"]["loud_services"]]
    return {
        "incidents": len(rows),
        "false": len(rows) - len(true),
        "loud_blamed": len(loud),
        "recall": _share(row["found"] for row in found),
        "rightly_blamed": _share(row["right"] for row in found),
        "precision": round(len(true) / len(rows), 4) if rows else None,
    }


def summary(worlds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All worlds together, by kind of fault, and by property of the worlds."""
    kinds = sorted({fault["kind"] for one in worlds for fault in one["faults"]})
    properties = {
        f"{name}: {value if isinstance(value, str) and value else 'yes' if value else 'no'}": [
            one for one in worlds if one["world"][name] == value
        ]
        for name in PROPERTIES
        for value in sorted({one["world"][name] for one in worlds}, key=str)
    }
    return {
        "all": _together(worlds),
        "kinds": {
            kind: _of_faults([f for one in worlds for f in one["faults"] if f["kind"] == kind]) for kind in kinds
        },
        "properties": {name: _together(some) for name, some in properties.items()},
    }


def _together(worlds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    faults = [fault for one in worlds for fault in one["faults"]]
    totals: dict[str, dict[str, Any]] = {
        method: {
            name: sum(one["incidents"][method][name] for one in worlds)
            for name in ("incidents", "false", "loud_blamed")
        }
        for method in (OURS, MINUTES)
    }
    for row in totals.values():
        row["precision"] = round(1 - row["false"] / row["incidents"], 4) if row["incidents"] else None
    return {
        "worlds": len(worlds),
        **_of_faults(faults),
        "totals": totals,
        "detect": {form: _detection(worlds, form) for form in FORMS},
    }


def _of_faults(faults: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares of root causes and of incidents over some faults."""
    methods = faults[0]["ranks"] if faults else {}
    return {
        "faults": len(faults),
        "rca": {
            method: {
                "as1": _share(fault["ranks"][method][0] <= 1 for fault in faults),
                "as3": _share(fault["ranks"][method][0] <= 3 for fault in faults),
                "as1_accepted": _share(fault["ranks"][method][1] <= 1 for fault in faults),
            }
            for method in methods
        },
        "incidents": {
            method: {
                "recall": _share(fault["incidents"][method]["found"] for fault in faults),
                "rightly_blamed": _share(fault["incidents"][method]["right"] for fault in faults),
            }
            for method in (OURS, MINUTES)
        },
    }


def _detection(worlds: Sequence[dict[str, Any]], form: str) -> dict[str, Any]:
    """Medians over the worlds; how far ours is above the best plain method, and in how many worlds it is not below."""
    rows = [one["detect"][form] for one in worlds if one["detect"][form][OURS]["ap"] is not None]
    if not rows:
        return {}
    deltas = [row[OURS]["ap"] - max(row[method]["ap"] for method in row if method != OURS) for row in rows]
    medians = {
        method: {name: round(median(row[method][name] for row in rows), 4) for name in ("ap", "recall", "false_alarms")}
        for method in rows[0]
    }
    return {
        "methods": medians,
        "delta_median": round(median(deltas), 4),
        "not_below": _share(delta >= 0 for delta in deltas),
        "deltas": [round(delta, 4) for delta in deltas],
    }
