"""How the work of the lineage grows with the traffic of an hour, and what a live run costs in it.

    python -m benchmarks.detection [--spans 100000 1000000 10000000] [--shapes 3000] [--output DIR] [RECORDING]

Traces are copies of recorded ones (a folder; see amplify.py). "Whole" is the hour computed anew; "live" is a run five
seconds of traffic later, when all before has been processed. Seconds are the engine's: of its processors (cpu) and of
its queries one after the other (query). "Shapes" is an hour of 121,000 spans in traces of so many rare shapes, through
the whole lineage without vectors: seconds of the clock, too. Draws growth.svg, and ends with one JSON line:
{"sizes": [{"spans", "traces", "steps": {NODE: {"cpu_s", "query_s"}}, "scored_cpu_s", "scored_query_s", "whole_cpu_s",
"whole_query_s", "live_spans", "live_cpu_s", "live_query_s", "memory_mb"}], "growth": [times as long, by size],
"shapes": {"shapes", "spans", "clock_s", "cpu_s", "query_s", "memory_mb"}}.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import amplify
from benchmarks.engine_time import Meter, Work
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import (
    anomaly_scores,
    chain,
    error_patterns,
    incidents,
    lineage,
    log_templates,
    normal_centroid,
    trace_summaries,
)
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.detection.staging import scratch
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings

AT = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
TRAFFIC = timedelta(minutes=59)  # of the hour; live rows come after it
LIVE_SECONDS = 5
BEFORE, SEEN = 30 * HOUR, 20_000  # spans so long before: the system is not new, and has no baseline within the hour
SHAPES, SHAPE_SPANS = 3000, 121_000
SCORED = ("trace_summaries", "anomaly_scores")  # log lines and the baseline aside: what is promised of a million spans


def learn(db: Database) -> None:
    """A baseline from before the hour, of the hour's own traffic: all of it is judged, none as new."""
    with scratch(db, 1) as (excluded,):
        db.run("normal_centroid__excluded", stage=excluded)
        normal_centroid.learn(db, AT - HOUR, [Window(AT, AT + HOUR)], excluded)


STEPS: dict[str, Callable[[Database], Any]] = {
    "log_templates": lambda db: log_templates.materialize(db, AT),
    "trace_summaries": lambda db: trace_summaries.materialize(db, AT),
    "normal_centroid": learn,
    "anomaly_scores": lambda db: anomaly_scores.materialize(db, AT),
    "incidents": lambda db: incidents.materialize(db, AT),
    "error_patterns": lambda db: error_patterns.materialize(db, AT),
}


def measured(settings: Settings, work: Callable[[Database], Any]) -> Work:
    """What the engine did for it."""
    with Meter(settings) as meter:
        work(meter.db)
        return meter.work()


def measure(settings: Settings, db: Database, spans: int) -> dict[str, Any]:
    """The work of each step over about ``spans`` spans in one hour, and that of a live run after them."""
    amplify.clear(db)
    amplify.write(db, AT - BEFORE, 60, SEEN, salt=2)
    trace_summaries.materialize(db, AT - BEFORE)
    amplify.write(db, AT, TRAFFIC.total_seconds(), spans)
    arrived = lineage.arrived(db, AT)
    steps = {name: measured(settings, step) for name, step in STEPS.items()}
    lineage.record(db, AT, arrived)
    live = max(100, int(spans * LIVE_SECONDS / TRAFFIC.total_seconds()))
    amplify.write(db, AT + TRAFFIC, LIVE_SECONDS, live, salt=1)
    run = measured(settings, lambda db: list(chain.run_hour(db, None, AT, whole=False)))
    counts = db.one("trace_summaries__report", hour=AT)

    def total(what: str, names: tuple[str, ...] = tuple(STEPS)) -> float:
        return round(sum(getattr(steps[name], what) for name in names), 2)

    return {
        "spans": counts["spans"],
        "traces": counts["traces"],
        "steps": {name: {"cpu_s": work.cpu_s, "query_s": work.query_s} for name, work in steps.items()},
        **{f"scored_{what}": total(what, SCORED) for what in ("cpu_s", "query_s")},
        **{f"whole_{what}": total(what) for what in ("cpu_s", "query_s")},
        "live_spans": live,
        "live_cpu_s": run.cpu_s,
        "live_query_s": run.query_s,
        "memory_mb": max(work.memory_mb for work in steps.values()),
    }


def measure_shapes(settings: Settings, db: Database, shapes: int) -> dict[str, Any]:
    """The whole lineage over an hour with very many shapes."""
    amplify.clear(db)
    amplify.write_shapes(db, AT, TRAFFIC.total_seconds(), SHAPE_SPANS, shapes)
    began = time.perf_counter()
    run = measured(settings, lambda db: list(chain.run_hour(db, None, AT)))
    clock = round(time.perf_counter() - began, 2)
    counts = db.one("trace_summaries__report", hour=AT)
    return {
        "shapes": counts["shapes"],
        "spans": counts["spans"],
        "clock_s": clock,
        "cpu_s": run.cpu_s,
        "query_s": run.query_s,
        "memory_mb": run.memory_mb,
    }


def draw(sizes: list[dict[str, Any]], path: Path) -> None:
    """Seconds by spans, both axes logarithmic: a straight line of slope one is growth in proportion."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
    spans = [size["spans"] for size in sizes]
    for name in STEPS:
        axes.plot(spans, [size["steps"][name]["cpu_s"] for size in sizes], marker="o", linewidth=1, label=name)
    axes.plot(
        spans, [size["whole_cpu_s"] for size in sizes], marker="o", linewidth=2, color="black", label="whole hour"
    )
    live = [size["live_cpu_s"] for size in sizes]
    axes.plot(spans, live, marker="s", linewidth=2, linestyle="--", color="black", label="live run")
    axes.set(xscale="log", yscale="log", xlabel="spans in the hour", ylabel="processor seconds of the engine")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    """Print one line a size, then all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=amplify.RECORDED)
    parser.add_argument("--spans", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--shapes", type=int, default=SHAPES)
    parser.add_argument("--output", type=Path, default=Path("bench-output"))
    arguments = parser.parse_args()
    sizes = []
    with tempfile.TemporaryDirectory() as home, temporary_server(Path(home)) as settings, Database(settings) as db:
        amplify.seed(db, arguments.folder)
        for spans in arguments.spans:
            row = measure(settings, db, spans)
            sizes.append(row)
            of_steps = "  ".join(f"{name} {work['cpu_s']:.1f}" for name, work in row["steps"].items())
            print(f"{row['spans']:>10,} spans, cpu s: {of_steps}  whole {row['whole_cpu_s']}  live {row['live_cpu_s']}")
            print(f"{'':>10} summaries, features and scores: {row['scored_query_s']} s of queries", flush=True)
        rare = measure_shapes(settings, db, arguments.shapes)
        print(f"{rare['spans']:>10,} spans of {rare['shapes']:,} shapes: {rare['clock_s']} s, cpu s {rare['cpu_s']}")
    draw(sizes, arguments.output / "growth.svg")
    growth = [round(size["whole_cpu_s"] / sizes[0]["whole_cpu_s"], 2) for size in sizes]
    print(json.dumps({"sizes": sizes, "growth": growth, "shapes": rare, "plot": str(arguments.output / "growth.svg")}))


if __name__ == "__main__":
    main()
