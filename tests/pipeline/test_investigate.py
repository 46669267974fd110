"""The investigation, on made-up traffic and metrics of systems that nobody saw before, with names of their own."""

import json
import shlex
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_pipeline.cli import cli
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.investigate import markdown, recurrence
from otel_pipeline.investigate.cost import cost
from otel_pipeline.investigate.engine import investigate
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.investigate.text import text
from otel_pipeline.settings import Settings
from tests.support.meters import Meters
from tests.support.traffic import YESTERDAY, Fault, Traffic, shop

START = YESTERDAY.replace(minute=2)
DAY = Window(START - timedelta(hours=1), START + timedelta(hours=3))
NAMES = {"edge": "gateway", "orders": "booking", "stock": "seatmap"}
BEGIN, END = 240, 290


def between(begin: float, end: float) -> Window:
    """Seconds of the made-up time."""
    return Window(START + timedelta(seconds=begin), START + timedelta(seconds=end))


def seat_traffic() -> Traffic:
    """Seatmap fails for one region, soon after its release; the release of the gateway comes too late to be blamed."""
    traffic = shop(START, 330, faults=(Fault(BEGIN, END, fails="stock"),), tenants=("north", "south", "east", "west"))
    bad = {row[1] for row in traffic.spans if row[8] == "Error"}
    for row in traffic.spans:
        at = (row[0] - START).total_seconds()
        if row[10].get("tenant.region") and row[1] in bad:
            row[10] = {**row[10], "tenant.region": "south"}
        if row[6] == "stock" and at >= BEGIN - 8:
            row[11] = {"service.version": "2.1"}
        if row[6] == "edge" and at >= END - 25:
            row[11] = {"service.version": "7.0"}
    return traffic.renamed(NAMES)


def seat_meters() -> Meters:
    """The thread pool of seatmap runs full, in other words than OpenTelemetry's; that of booking does not."""
    meters = Meters(START, 330)
    meters.gauge("seatmap", "worker_threads_busy", meters.course(2, 16, BEGIN, END + 10))
    meters.gauge("seatmap", "worker_threads_max", meters.course(16, 16, 0, 0))
    meters.gauge("booking", "worker_threads_busy", meters.course(3, 4, BEGIN, END))
    meters.gauge("booking", "worker_threads_max", meters.course(16, 16, 0, 0))
    meters.gauge("seatmap", "executor.queue.size", meters.course(0, 40, BEGIN, END))
    meters.counter("seatmap", "tasks_rejected_total", meters.course(0, 50, BEGIN, END))
    meters.histogram("seatmap", "seat.lookup.duration", meters.course(0.05, 5.0, BEGIN, END))
    return meters


@pytest.fixture(name="seats")
def seats_fixture(database: Database) -> Database:
    """The database with that trouble in it, summarised and scored."""
    seat_traffic().write(database)
    seat_meters().write(database)
    chain.run(database, None, DAY)
    return database


def test_a_report_joins_traces_metrics_deploys_and_attributes(seats: Database, settings: Settings, tmp_path: Path):
    found = investigate(seats, between(200, 330))
    assert (found.verdict, found.causes[0].service) == ("trouble", "seatmap")
    assert found.path == ["gateway", "booking", "seatmap"]
    _metrics_are_evidence(found)
    _deploys_are_weighed(found)
    worst = found.skewed[0]
    assert (worst.key, worst.value, worst.good) == ("tenant.region", "south", worst.good)
    assert worst.bad == worst.of_bad
    assert worst.lift > 2
    moved = [onset for onset in found.timeline if onset.service == "seatmap" and onset.signal == "error"]
    assert abs((moved[0].at - START).total_seconds() - BEGIN) <= 5
    assert [o.at for o in found.timeline] == sorted(o.at for o in found.timeline)
    assert text(found).splitlines()[0].startswith("TROUBLE: seatmap")
    assert len(json.dumps(found.as_dict(), default=str)) < 14_000
    assert investigate(seats, between(200, 330)).as_dict() == found.as_dict()
    _checks_run(found, settings)
    _pictures_are_drawn(seats, found, tmp_path)


def _metrics_are_evidence(found: Investigation) -> None:
    assert (found.metrics[0].kind, found.metrics[0].service) == ("saturation", "seatmap")
    assert any("16 of 16" in fact for fact in found.causes[0].evidence[:3])
    kinds = {(move.kind, move.metric) for move in found.metrics}
    assert {("queue", "executor.queue.size"), ("errors", "tasks_rejected_total")} <= kinds
    assert ("tail", "seat.lookup.duration") in kinds
    assert not [move for move in found.metrics if move.service == "booking"]


def _deploys_are_weighed(found: Investigation) -> None:
    by_service = {deploy.service: deploy for deploy in found.deploys}
    assert (by_service["seatmap"].before, by_service["seatmap"].after) == ("1.0", "2.1")
    assert 0 <= by_service["seatmap"].lead <= 10
    assert any("2.1" in fact and "before the trouble" in fact for fact in found.causes[0].evidence)
    assert any("of GET /seatmap fail in 2.1" in fact for fact in found.causes[0].evidence[:3])
    assert by_service["gateway"].lead < 0
    assert any("7.0" in out.why and "did not cause it" in out.why for out in found.ruled_out)


def _checks_run(found: Investigation, settings: Settings) -> None:
    """Each next check is a query that the reader may run and that has an answer, or a command that parses."""
    queries = [check.removeprefix("SQL: ") for check in found.next_checks if check.startswith("SQL: ")]
    commands = [check for check in found.next_checks if check.startswith("otel-pipeline ")]
    assert len(queries) == 2
    assert len(commands) >= 3
    with Database(settings, role="reader") as reader:
        for query in queries:
            assert reader.client.query(query).result_rows
    for line in commands:
        _, name, *arguments = shlex.split(line)
        command = cli.get_command(None, name)  # pyright: ignore[reportArgumentType]
        assert command is not None
        assert command.make_context(name, arguments)


def _pictures_are_drawn(seats: Database, found: Investigation, folder: Path) -> None:
    written = markdown.write(seats, found, folder / "report.md")
    assert [path.name for path in written] == ["report.md", "report-timeline.svg", "report-waterfall.svg"]
    report = written[0].read_text()
    assert report.startswith("# Trouble\n")
    assert all(path.name in report for path in written[1:])
    for path in written[1:]:
        assert "seatmap" in "".join(ET.fromstring(path.read_text()).itertext())
    with pytest.raises(UserError, match="cannot write"):
        markdown.write(seats, found, folder / "nowhere" / "report.md")


def test_a_quiet_window_with_single_anomalies_is_nothing_abnormal(database: Database):
    lone = tuple(Fault(at, at + 0.2, fails="stock") for at in (251.0, 268.0, 285.0))
    shop(START, 400, faults=lone).write(database)
    chain.run(database, None, DAY)
    for window in (between(240, 300), between(245, 260), between(280, 300)):
        found = investigate(database, window)
        assert (found.verdict, found.causes) == ("nothing abnormal", []), found.headline
    (trace, *_) = investigate(database, between(240, 300)).isolated
    alone = investigate(database, DAY, trace_id=trace)
    assert alone.verdict == "nothing abnormal"
    assert any(reason.startswith("stock: ") for reason in alone.odd), alone.odd
    assert f"the trace {alone.odd[0]}"[:60] in text(alone)
    status = investigate(database, between(340, 400), service="orders").status
    assert status is not None
    assert status.visits > 200
    assert {figure.note for figure in status.figures} == {"as usual"}
    assert status.new == []
    with pytest.raises(UserError, match=r"'odrers' was never seen; known: edge, orders, stock"):
        investigate(database, between(340, 400), service="odrers")
    told = cost(database, DAY)
    assert {item["signal"] for item in told["signals"]} == {"logs", "spans", "metrics"}
    access = next(item for item in told["logs"] if "answers request" in item["text"])
    assert (access["advice"], access["bits"]) == ("sample", 0)
    assert next(i for i in told["logs"] if "cannot handle" in i["text"])["advice"] == "keep"


def test_without_traces_metrics_alone_make_a_cause_stand(database: Database):
    meters = Meters(START, 600)
    calm, climb = [100e6] * 30, [100e6 + 8e6 * n for n in range(20)]
    meters.gauge("ledger", "heap.used", [*calm, *climb, *[100e6] * 10], instance="a@50,b", unit="By")
    meters.counter("ledger", "entries", [5.0] * 60, instance="a@50,b")
    meters.gauge("ledger", "cpu.utilization", [0.4] * 60, instance="a@50,b")
    meters.write(database)
    leak = investigate(database, between(310, 560))
    assert (leak.verdict, [c.service for c in leak.causes]) == ("trouble", ["ledger"])
    assert leak.metrics[0].kind == "saw-tooth"
    assert "anew" in leak.causes[0].evidence[0]
    assert [(d.kind, (d.at - START).total_seconds()) for d in leak.deploys] == [("restart", 500)]
    quiet = investigate(database, between(150, 250))
    assert (quiet.verdict, quiet.causes) == ("not enough evidence", [])


JUDGED = ("Hour", "Timestamp", "TraceId", "RootService", "RootOperation", "RootKind", "Verdict")
REASONS = ("Reasons.Kind", "Reasons.Service", "Reasons.Operation", "Reasons.What")


def judged(begin: float, end: float, odd: str = "") -> list[list[Any]]:
    """A trace a second, as anomaly_scores has them; ``odd``: the service at which all of them are slow."""
    rows = []
    for second in range(int(begin), int(end)):
        at = START + timedelta(seconds=second)
        root = [at.replace(minute=0, second=0, microsecond=0), at, f"{odd}{second}", "edge", "GET /", "Server"]
        reason = [["latency"], [odd], ["SELECT"], ["slow"]] if odd else [[], [], [], []]
        rows.append([*root, "anomalous" if odd else "normal", *reason])
    return rows


def test_what_recurs_in_its_phase_is_told_from_what_does_not(database: Database):
    quarter, length = 900, 60
    rows = judged(-6 * quarter, length)
    for k in range(6):  # a batch job each quarter of an hour, a few seconds early or late
        rows += judged(-k * quarter + 3 * (k % 3), -k * quarter + 3 * (k % 3) + length, odd="batch")
    for begin in (-1500, -300):
        rows += judged(begin, begin + length, odd="fault")
    rows += judged(-4000, -3000, odd="storm")
    for night in range(1, 4):
        rows += judged(-night * 86400 + 200, -night * 86400 + 260) + judged(
            200 - night * 86400, 260 - night * 86400, "nightly"
        )
    rows += judged(200, 260, odd="nightly")
    database.insert("anomaly_scores", rows, (*JUDGED, *REASONS))

    def recurring(window: Window) -> recurrence.Recurring | None:
        return recurrence.recurring(database, window, START - timedelta(days=30))

    batch = recurring(between(0, length))
    assert batch is not None
    assert batch.words == "the same recurs every 15 minutes: seen in 5 of the last 6 such times"
    nightly = recurring(between(200, 260))
    assert nightly is not None
    assert "every day" in nightly.words
    assert recurring(between(-300, -300 + length)) is None
    assert recurring(between(-3200, -3140)) is None
