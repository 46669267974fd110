"""Trouble that traces do not show, from raw rows to the report: log lines beside traces, silence, stale points."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain, signals
from otel_pipeline.detection.findings import Finding
from otel_pipeline.detection.model import HOUR, Window
from otel_pipeline.investigate.engine import investigate
from tests.support.traffic import MS, SPAN_COLUMNS, YESTERDAY

LINES = ("Timestamp", "TraceId", "ServiceName", "SeverityText", "SeverityNumber", "Body")
DAY = Window(YESTERDAY, YESTERDAY + HOUR)
LOOK = Window(YESTERDAY - HOUR, YESTERDAY + 2 * HOUR)
MINUTES = 55
BEGIN, END = 40, 44


def at(minute: float) -> datetime:
    return YESTERDAY + timedelta(minutes=minute)


def troubled(minute: float) -> bool:
    return BEGIN <= minute < END


class World:
    """Rows of spans and lines; calls go from each service to the next."""

    def __init__(self) -> None:
        self.spans: list[list[object]] = []
        self.lines: list[list[object]] = []

    def request(self, minute: float, operation: str, *services: str, calls: bool = True) -> None:
        """A trace of services, each with a client span that calls the next one.

        :param calls: the last one makes a call that nobody answers.
        """
        trace = f"{len(self.spans) + 1:032x}"
        parent, start, length = "", at(minute), 40 * MS
        for depth, service in enumerate(services):
            span = f"{len(self.spans) + 1:016x}"
            common = ["Unset", "", {}, {}]
            self.spans.append([start, trace, span, parent, operation, "Server", service, length, *common])
            if depth + 1 < len(services) or calls:
                client = f"{len(self.spans) + 1:016x}"
                self.spans.append([start, trace, client, span, "call", "Client", service, length - 4 * MS, *common])
                parent, length = client, length - 8 * MS

    def line(self, minute: float, service: str, body: str, severity: str = "INFO") -> None:
        self.lines.append([at(minute), "", service, severity, 0, body])

    def find(self, db: Database) -> list[Finding]:
        """What is found in it."""
        db.insert("otel_traces", self.spans, SPAN_COLUMNS)
        db.insert("otel_logs", self.lines, LINES)
        chain.run(db, None, DAY)
        return signals.find(db, LOOK)


def steps(per_minute: int) -> Iterator[float]:
    return (n / per_minute for n in range(MINUTES * per_minute))


def shop(world: World, *, gone: bool = False, dead: bool = False, skipped: bool = False) -> None:
    """desk → stockroom → shelf, thirty requests a minute; beside it, press.

    :param gone: nobody asks; dead: shelf does not answer; skipped: stockroom does not call it.
    """
    for minute in steps(30):
        if gone and troubled(minute):
            continue
        calm = not troubled(minute)
        if (dead or skipped) and not calm:
            world.request(minute, "GET /books", "desk", "stockroom", calls=dead)
        else:
            world.request(minute, "GET /books", "desk", "stockroom", "shelf", calls=False)
    for minute in steps(10):
        world.request(minute, "GET /print", "press", calls=False)


def test_errors_of_a_service_that_only_logs(database: Database) -> None:
    world = World()
    shop(world)
    for minute in steps(20):
        if troubled(minute):
            world.line(minute, "courier", f"parcel {int(minute * 60)} refused: the depot is full", "E")
        else:
            world.line(minute, "courier", f"parcel {int(minute * 60)} delivered")
    (finding,) = world.find(database)
    assert (finding.service, finding.kind, finding.observed) == ("courier", "logs", 80)
    assert finding.window.start == at(BEGIN)
    assert "the depot is full" in finding.why
    assert len(finding.templates) == 1
    for service in (None, "courier"):
        found = investigate(database, Window(at(BEGIN - 1), at(END + 1)), service=service)
        assert found.verdict == "trouble"
        assert found.causes[0].service == "courier"
        assert "the depot is full" in found.headline
    beside = investigate(database, Window(at(BEGIN - 1), at(END + 1)), service="press")
    assert beside.verdict == "nothing abnormal"
    assert investigate(database, Window(at(20), at(25))).verdict == "nothing abnormal"


Lines = Callable[[World, float], None]


def in_many_wordings(world: World, minute: float) -> None:
    words = ("lid", "hinge", "latch", "rope", "wheel", "lamp", "glass", "nail")
    if troubled(minute):
        world.line(minute, "courier", f"the {words[int(minute * 20) % 8]} of the cart came off", "ERROR")


def without_severity(world: World, minute: float) -> None:
    if troubled(minute):
        world.line(minute, "courier", "delivery failed: the street is closed", "")


def warnings(world: World, minute: float) -> None:
    if troubled(minute):
        world.line(minute, "courier", "running late by more than an hour", "W")


@pytest.mark.parametrize("lines", [in_many_wordings, without_severity, warnings])
def test_errors_in_other_dresses(database: Database, lines: Lines) -> None:
    world = World()
    for minute in steps(20):
        world.line(minute, "courier", f"parcel {int(minute * 60)} delivered")
        lines(world, minute)
    (finding,) = world.find(database)
    assert (finding.service, finding.kind, finding.observed) == ("courier", "logs", 80)


def always(world: World, minute: float) -> None:
    if int(minute * 20) % 4 == 0:
        world.line(minute, "courier", "nobody at home", "ERROR")


def new_information(world: World, minute: float) -> None:
    if troubled(minute):
        world.line(minute, "courier", "read the new map of the town")


def a_handful(world: World, minute: float) -> None:
    if BEGIN <= minute < BEGIN + 0.3:
        world.line(minute, "courier", "flat tyre", "ERROR")


@pytest.mark.parametrize("lines", [always, new_information, a_handful])
def test_lines_that_are_no_trouble(database: Database, lines: Lines) -> None:
    world = World()
    for minute in steps(20):
        world.line(minute, "courier", f"parcel {int(minute * 60)} delivered")
        lines(world, minute)
    assert world.find(database) == []


def test_traffic_that_is_gone_while_others_go_on(database: Database) -> None:
    world = World()
    shop(world, gone=True)
    (finding,) = world.find(database)
    assert (finding.service, finding.kind, finding.observed) == ("desk", "silence", 0)
    assert (finding.window.start, finding.window.end) == (at(BEGIN), at(END))
    assert set(finding.affected) == {"stockroom", "shelf"}
    assert "press goes on" in finding.why
    found = investigate(database, Window(at(BEGIN - 1), at(END + 1)))
    assert (found.verdict, found.causes[0].service) == ("trouble", "desk")
    assert "no requests" in found.headline


def test_where_nothing_goes_on_there_are_no_data(database: Database) -> None:
    world = World()
    for minute in steps(30):
        if not troubled(minute):
            world.request(minute, "GET /books", "desk", "stockroom", "shelf", calls=False)
            world.line(minute, "courier", f"parcel {int(minute * 60)} delivered")
    assert world.find(database) == []
    found = investigate(database, Window(at(BEGIN + 0.1), at(END - 0.1)))
    assert found.verdict == "no data"


def test_one_operation_that_nobody_asks_for_any_more(database: Database) -> None:
    world = World()
    for minute in steps(30):
        if not troubled(minute):
            world.request(minute, "POST /orders", "desk", calls=False)
        world.request(minute, "GET /books", "desk", calls=False)
    (finding,) = world.find(database)
    assert (finding.service, finding.kind) == ("desk", "silence")
    assert "POST /orders" in finding.why


def test_operations_and_services_that_are_renamed_are_not_silent(database: Database) -> None:
    world = World()
    for minute in steps(30):
        world.request(minute, "GET /books" if minute < BEGIN else "GET /v2/books", "desk", calls=False)
        world.request(minute, "GET /print", "press" if minute < BEGIN else "press-v2", calls=False)
        world.request(minute, "GET /paint", "easel", "brush" if minute < BEGIN else "roller", calls=False)
    assert world.find(database) == []


@pytest.mark.parametrize(("fault", "blamed"), [("dead", "shelf"), ("skipped", "stockroom")])
def test_a_service_that_takes_no_part_any_more(database: Database, fault: str, blamed: str) -> None:
    world = World()
    shop(world, dead=fault == "dead", skipped=fault == "skipped")
    found = [f for f in world.find(database) if f.kind == "silence"]
    assert [f.service for f in found] == [blamed]
    assert set(found[0].affected) == {"shelf", "stockroom"} - {blamed}


def test_a_service_that_logs_no_more(database: Database) -> None:
    world = World()
    for minute in steps(20):
        world.line(minute, "harvest", f"row {int(minute * 60)} cut")
        if not troubled(minute):
            world.line(minute, "mill", f"sack {int(minute * 60)} ground")
    (finding,) = world.find(database)
    assert (finding.service, finding.kind, finding.observed) == ("mill", "silence", 0)
    assert "harvest goes on" in finding.why


def test_a_day_that_falls_silent_at_the_same_time_is_as_ever(database: Database) -> None:
    for day in (1, 2):
        before = World()
        shop(before, gone=True)
        back = timedelta(days=day)
        rows = [[row[0] - back, f"{day}{str(row[1])[1:]}", *row[2:]] for row in before.spans]  # type: ignore[operator]
        database.insert("otel_traces", rows, SPAN_COLUMNS)
        chain.run(database, None, Window(DAY.start - back, DAY.end - back))
    world = World()
    shop(world, gone=True)
    assert world.find(database) == []


def test_traffic_that_is_gone_in_one_environment_alone(database: Database) -> None:
    world = World()
    for minute in steps(30):
        for environment in ("prod", "trial"):
            if environment == "trial" or not troubled(minute):
                world.request(minute, "GET /books", "desk", "shelf", calls=False)
                for row in world.spans[-3:]:
                    row[-1] = {"deployment.environment.name": environment}
    (finding,) = world.find(database)
    assert (finding.service, finding.kind, finding.affected) == ("desk", "silence", ("shelf",))
    assert finding.why.endswith("desk in trial goes on (in prod)")
