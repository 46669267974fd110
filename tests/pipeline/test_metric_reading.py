"""Metrics are read right: points without a value, deltas without a start, exponential histograms, restarts, leaks."""

import math
from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate import metrics, restarts
from otel_pipeline.investigate.model import MetricMove
from tests.support.meters import COMMON, Meters
from tests.support.traffic import YESTERDAY

START = YESTERDAY
NO_VALUE, DELTA = 1, 1


def between(begin: float, end: float) -> Window:
    return Window(START + timedelta(seconds=begin), START + timedelta(seconds=end))


def moves(db: Database, begin: float = 400, end: float = 550) -> list[MetricMove]:
    measured = metrics.measure(db, between(begin, end), [between(0, begin - 10)])
    return metrics.moves(measured, restarts.starts(db, between(0, end), START), 1)


@pytest.mark.parametrize("table", ["gauge", "sum", "summary"])
def test_a_point_without_a_recorded_value_is_no_value(database: Database, table: str) -> None:
    meters, flagged = Meters(START, 600), range(40, 52)
    extra = {"gauge": [], "sum": ["AggregationTemporality", "IsMonotonic"], "summary": []}[table]
    value = {"gauge": ["Value"], "sum": ["Value"], "summary": ["ValueAtQuantiles.Quantile", "ValueAtQuantiles.Value"]}[
        table
    ]
    meters.gauge("depot", "forklifts.ready", [20.0 + n % 2 for n in range(60)])
    rows = []
    for number, row in enumerate(meters.gauges):
        number_or_none = 0.0 if number in flagged else row[-1]
        told = [[0.5], [number_or_none]] if table == "summary" else [number_or_none]
        rows.append([*row[:-1], *told, *([2, False] if extra else []), int(number in flagged)])
    database.insert(f"otel_metrics_{table}", rows, (*COMMON, *value, *extra, "Flags"))
    assert moves(database, 400, 530) == []
    assert moves(database, 410, 500) == []


def test_zeros_that_were_recorded_still_move(database: Database) -> None:
    meters = Meters(START, 600)
    meters.gauge("depot", "forklifts.ready", meters.course(20, 0, 400, 560))
    meters.write(database)
    assert [(m.service, m.now) for m in moves(database)] == [("depot", 0)]


@pytest.mark.parametrize("every", [10, 30])
@pytest.mark.parametrize("started", [False, True])
def test_a_delta_counter_is_a_rate_with_or_without_its_start(database: Database, every: int, started: bool) -> None:
    rows = []
    for number in range(600 // every):
        at = START + timedelta(seconds=every * (number + 1))
        start = (
            at - timedelta(seconds=every)
            if started
            else timedelta(0) + at.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
        )
        amount = every * (50.0 if 400 <= every * number < 560 else 2.0)
        rows.append(["till", {"service.instance.id": "a"}, "receipts.rejected", "", {}, start, at, amount, DELTA, True])
    database.insert("otel_metrics_sum", rows, (*COMMON, "Value", "AggregationTemporality", "IsMonotonic"))
    (move,) = moves(database, 410, 560)
    assert (move.kind, move.before, move.now) == ("errors", 2.0, 50.0)


def exponential(values: list[float], scale: int) -> tuple[int, list[int]]:
    """Offset and counts of the buckets of an exponential histogram."""
    indices = [math.ceil(math.log2(v) * 2.0**scale) - 1 for v in values]
    offset = min(indices)
    counts = [0] * (max(indices) - offset + 1)
    for index in indices:
        counts[index - offset] += 1
    return offset, counts


@pytest.mark.parametrize("temporality", [1, 2])
def test_an_exponential_histogram_has_its_tail_though_its_scale_changes(database: Database, temporality: int) -> None:
    seen: list[float] = []
    rows = []
    for number in range(60):
        slow = 40 <= number < 56
        mine = [(4.0 if slow else 0.08) * (1 + 0.01 * (n % 7)) for n in range(20)]
        seen = [*seen, *mine] if temporality == 2 else mine
        offset, counts = exponential(seen, 2 if slow or number > 55 else 5)
        common = [
            "quarry",
            {"service.instance.id": "a"},
            "blast.duration",
            "s",
            {},
            START,
            START + timedelta(seconds=10 * number),
        ]
        rows.append([*common, len(seen), sum(seen), 2 if slow or number > 55 else 5, offset, counts, temporality])
    names = ("Count", "Sum", "Scale", "PositiveOffset", "PositiveBucketCounts", "AggregationTemporality")
    database.insert("otel_metrics_exponential_histogram", rows, (*COMMON, *names))
    (move,) = moves(database)
    assert (move.kind, move.metric) == ("tail", "blast.duration")
    assert 0.06 < move.before < 0.11
    assert 3.3 < move.now < 5.0
    measured = metrics.measure(database, between(400, 550), [between(100, 390)]).tails
    assert [row["Observations"] for row in measured] == [300, 580]


def test_an_exponential_histogram_that_did_not_change_does_not_move(database: Database) -> None:
    rows = []
    for number in range(60):
        offset, counts = exponential(
            [0.08 * (1 + 0.02 * (n % 9)) for n in range(20 * (number + 1))], 5 if number < 44 else 1
        )
        common = ["quarry", {}, "blast.duration", "s", {}, START, START + timedelta(seconds=10 * number)]
        rows.append([*common, 20 * (number + 1), 1.0, 5 if number < 44 else 1, offset, counts, 2])
    names = ("Count", "Sum", "Scale", "PositiveOffset", "PositiveBucketCounts", "AggregationTemporality")
    database.insert("otel_metrics_exponential_histogram", rows, (*COMMON, *names))
    assert moves(database) == []


@pytest.mark.parametrize(
    "metric", ["k8s.container.restarts", "k8s.pod.restarts", "kube_pod_container_status_restarts_total"]
)
def test_a_restart_counter_tells_of_restarts_of_the_workload(database: Database, metric: str) -> None:
    rows = []
    for pod, workload in (("ferry-1", "ferry"), ("quay-1", "quay")):
        for number in range(60):
            resource = {"k8s.pod.name": pod, "k8s.deployment.name": workload}
            count = 3.0 + (number >= 30 and workload == "ferry") + (number >= 50 and workload == "ferry")
            rows.append(
                ["cluster-agent", resource, metric, "", {}, START, START + timedelta(seconds=10 * number), count]
            )
    database.insert("otel_metrics_gauge", rows, (*COMMON, "Value"))
    found = restarts.starts(database, between(0, 600), START + timedelta(seconds=520))
    assert [(d.kind, d.service, (d.at - START).total_seconds(), d.lead) for d in found] == [
        ("restart", "ferry", 300, 220),
        ("restart", "ferry", 500, 20),
    ]


def leak(db: Database, values: list[float], restart: int, metric: str = "heap.used") -> list[MetricMove]:
    meters = Meters(START, 10.0 * len(values))
    meters.gauge("ledger", metric, values, instance=f"a@{restart},b", unit="s" if metric == "process.uptime" else "By")
    meters.counter("ledger", "entries", [5.0] * len(values), instance=f"a@{restart},b")
    meters.write(db)
    return moves(db, 400, 10.0 * len(values))


def wiggling(number: int) -> float:
    """Garbage is collected every 70 seconds: from 80 to 120 MB."""
    return 80e6 + 40e6 * (number % 7) / 6


def test_a_wiggle_before_a_start_is_no_saw_tooth(database: Database) -> None:
    assert [m.kind for m in leak(database, [wiggling(n) for n in range(60)], 49)] == []


def test_a_climb_out_of_the_wiggles_is_one(database: Database) -> None:
    climbing = [wiggling(n) + max(0, n - 30) * 15e6 for n in range(50)] + [wiggling(n) for n in range(10)]
    assert leak(database, climbing, 50)[0].kind == "saw-tooth"


def test_a_climb_that_began_before_the_quiet_times_is_one_too(database: Database) -> None:
    climbing = [50e6 + n * 4e6 + (n % 3) * 2e6 for n in range(50)] + [50e6 + n * 4e6 for n in range(10)]
    (move,) = leak(database, climbing, 50)
    assert move.kind == "saw-tooth"
    assert move.before < 70e6
    assert move.now > 240e6


def test_a_leak_that_the_quiet_times_lie_within_is_growth(database: Database) -> None:
    (move,) = leak(database, [50e6 + n * 4e6 + (n % 3) * 2e6 for n in range(60)], 99)
    assert move.kind == "growth"


@pytest.mark.parametrize("metric", ["process.uptime", "heap.used"])
def test_a_cache_that_fills_and_levels_off_is_no_leak_nor_is_a_clock(database: Database, metric: str) -> None:
    filling = [200e6 * (1 - 0.9 ** (n / 2)) + 20e6 for n in range(60)]
    values = [10.0 * n + 1 for n in range(60)] if metric == "process.uptime" else filling
    assert [m.kind for m in leak(database, values, 99, metric)] == []
