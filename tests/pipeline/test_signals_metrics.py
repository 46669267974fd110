"""Services that only metrics tell of: what is trouble of theirs, and what is none."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import signals
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, Window
from tests.support.meters import COMMON, Meters
from tests.support.traffic import YESTERDAY

LOOK = Window(YESTERDAY - HOUR, YESTERDAY + HOUR)
POINTS = 330  # of ten seconds
Filled = Callable[[Meters], None]


def find(db: Database, fill: Filled, days: tuple[int, ...] = (0,)) -> list[Finding]:
    for day in days:
        meters = Meters(YESTERDAY - timedelta(days=day), 10.0 * POINTS)
        fill(meters)
        meters.write(db)
    return signals.find(db, LOOK)


def pool(meters: Meters, troubled: float = 49.0, usual: float = 20.0) -> None:
    meters.gauge("anvil", "db.client.connection.count", meters.course(usual, troubled, 2400, 2640), state="used")
    meters.gauge("anvil", "db.client.connection.max", [50.0] * POINTS)


def queue(meters: Meters, troubled: float = 900.0) -> None:
    meters.gauge("anvil", "orders.queue.size", [n % 5 + (troubled if 240 <= n < 270 else 0.0) for n in range(POINTS)])


def failures(meters: Meters, troubled: float = 30.0) -> None:
    meters.counter(
        "anvil", "messages_failed_total", [(n % 9 == 0) + (troubled if 240 <= n < 264 else 0.0) for n in range(POINTS)]
    )


def share(meters: Meters, troubled: float = 0.99) -> None:
    meters.gauge("anvil", "jvm.memory.utilization", meters.course(0.4, troubled, 2400, 2640))


def up(meters: Meters, begin: float = 2400.0, end: float = 2640.0) -> None:
    meters.gauge("anvil", "up", meters.course(1, 0, begin, end))


def restarting(meters: Meters, times: int = 5) -> None:
    meters.gauge("anvil", "k8s.container.restarts", [2.0 + min(times, max(0, (n - 234) // 6)) for n in range(POINTS)])


@pytest.mark.parametrize("fill", [pool, queue, failures, share, up, restarting])
def test_trouble_that_only_metrics_tell_of_is_found(database: Database, fill: Filled) -> None:
    (finding,) = find(database, fill)
    assert (finding.service, finding.kind) == ("anvil", "metrics")
    assert abs(finding.window.start - (YESTERDAY + timedelta(minutes=40))) <= timedelta(minutes=1)
    assert finding.window.end <= YESTERDAY + timedelta(minutes=46)


NONE: dict[str, Filled] = {
    "roomy": lambda m: pool(m, troubled=30.0),
    "always full": lambda m: pool(m, usual=48.0),
    "short queue": lambda m: queue(m, troubled=9.0),
    "a few failures": lambda m: failures(m, troubled=0.2),
    "a blip": lambda m: up(m, 2400.0, 2430.0),
    "one restart": lambda m: restarting(m, times=1),
    "busy processors": lambda m: m.gauge("anvil", "system.cpu.utilization", m.course(0.3, 1.0, 2400, 2700)),
    "a level of no meaning": lambda m: m.gauge("anvil", "furnace.temperature", m.course(20, 900, 2400, 2700)),
    "idle": lambda m: m.gauge("anvil", "queue.consumers.idle", m.course(20, 900, 2400, 2700)),
}


@pytest.mark.parametrize("fill", NONE.values(), ids=NONE)
def test_what_is_no_trouble_is_none(database: Database, fill: Filled) -> None:
    assert find(database, fill) == []


def test_what_comes_every_day_at_this_time_is_no_news(database: Database) -> None:
    assert find(database, queue, days=(0, 1, 2)) == []


def test_once_before_is_no_habit(database: Database) -> None:
    assert len(find(database, queue, days=(0, 1))) == 1


def test_points_without_a_value_are_not_down(database: Database) -> None:
    meters = Meters(YESTERDAY, 10.0 * POINTS)
    up(meters)
    rows = [[*row, int(not row[-1])] for row in meters.gauges]
    database.insert("otel_metrics_gauge", rows, (*COMMON, "Value", "Flags"))
    assert signals.find(database, LOOK) == []
