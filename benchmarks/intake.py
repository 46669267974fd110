"""``make bench-intake``: what the intake takes in, beside the engine alone and beside a Python row loop, in one run.

Everything runs on this machine: the load, the intake, ClickHouse. A rate counts records that were acknowledged *and*
queryable, from the first request to the moment when the last one could be read. The two ratios come from slices that
alternate (intake, Native, Python loop, intake …), so that what else the machine does hits all of them; each is the
median over the rounds. All three insert the same spans in the order in which they come, into the same table with the
same materialized views, with the same settings and two INSERTs at a time, and each begins with empty tables in an
engine that merges nothing, on a disk that has written everything. Native gets its blocks ready-made, from memory, with
nothing made durable before; the intake's rate has everything in it: the clients, HTTP, validation, the spool with its
fsyncs.

The last line is there whatever happens: a part that failed is null in it, and the exit status is 1.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.intake_measure import INTAKE, PYTHON_LOOP, intake, measure, native, native_blocks, settle
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings

ROUNDS = 3
# No further round of the ratios begins so many seconds after the start.
LATEST_ROUND_SECONDS = 230
RECORDS = 512


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)


def told(title: str, part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Measure, say it and return it; nothing where that failed, so that the other parts have their turn."""
    try:
        found = part()
    except Exception as error:
        say(f"{title}: failed: {error}")
        return {}
    figures = {name: round(value, 2) if value < 1000 else round(value) for name, value in found.items()}
    say(f"{title}: {json.dumps(figures)}")
    return found


def ratios(settings: Settings, blocks: list[tuple[int, bytes]], seconds: float, until: float) -> list[float | None]:
    """The intake's rate over Native's, and over the Python loop's: medians of alternating slices."""
    quotients: tuple[list[float], list[float]] = [], []
    with intake(settings, INTAKE) as ours, intake(settings, PYTHON_LOOP) as loop:
        for number in range(1, ROUNDS + 1):
            if number > 1 and time.monotonic() > until:
                say(f"no time for round {number}")
                break
            settle(settings)
            rate = told(f"round {number}, intake", lambda: measure(ours, "traces", seconds))
            settle(settings)
            alone = told(f"round {number}, the engine alone, Native", lambda: native(settings, blocks, seconds))
            settle(settings)
            slow = told(f"round {number}, Python loop", lambda: measure(loop, "traces", seconds))
            for found, other in zip(quotients, (alone, slow), strict=True):
                if rate and other:
                    found.append(rate["rate"] / other["rate"])
    return [statistics.median(found) if found else None for found in quotients]


def line(parts: dict[str, dict[str, Any]], of_native: float | None, of_loop: float | None) -> dict[str, Any]:
    """The result: one figure each, None where its part failed."""

    def figure(name: str, digits: int, *of: str) -> float | None:
        """The worst of some parts."""
        found = [parts[part].get(name) for part in of]
        return None if None in found else round(max(found), digits or None)  # pyright: ignore[reportArgumentType]

    return {
        "spans_per_s": figure("rate", 0, "spans"),
        "logs_per_s": figure("rate", 0, "logs"),
        "ratio_native": of_native and round(of_native, 2),
        "ratio_python_loop": of_loop and round(of_loop, 2),
        "ack_p50_ms": figure("ack_p50_ms", 1, "calm"),
        "ack_p99_ms": figure("ack_p99_ms", 1, "calm"),
        "lag_p95_s": figure("lag_p95_s", 2, "spans", "calm"),
        "intake_rss_mb": figure("rss_mb", 0, "spans", "calm", "logs"),
        "cpu_s_per_million_spans": {
            part: figure(f"{part}_cpu_us", 2, "spans") for part in ("engine", "intake", "client")
        },
    }


def main() -> None:
    """Run all measurements and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="length of the sustained run")
    seconds = parser.parse_args().seconds
    until = time.monotonic() + LATEST_ROUND_SECONDS
    parts: dict[str, dict[str, Any]] = {"spans": {}, "calm": {}, "logs": {}}
    of_native = of_loop = None
    with tempfile.TemporaryDirectory(prefix="bench-intake-") as folder, temporary_server(Path(folder)) as settings:
        try:
            with intake(settings, INTAKE) as running:
                title = "spans, as fast as they are acknowledged"
                parts["spans"] = told(title, lambda: measure(running, "traces", seconds))
                settle(settings)
                if parts["spans"]:
                    half = parts["spans"]["rate"] / RECORDS / 2
                    title = f"spans at half load, {half:.0f} bodies/s"
                    parts["calm"] = told(title, lambda: measure(running, "traces", seconds / 3, half))
                settle(settings)
                title = "log records, as fast as they are acknowledged"
                parts["logs"] = told(title, lambda: measure(running, "logs", seconds / 4))
            of_native, of_loop = ratios(settings, native_blocks(settings), seconds / 6, until)
        except Exception as error:
            say(f"stopped: {error}")
        result = line(parts, of_native, of_loop)
    print(json.dumps(result))
    sys.exit(None in [*result.values(), *result["cpu_s_per_million_spans"].values()])


if __name__ == "__main__":
    main()
