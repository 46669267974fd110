"""Log templates in a real engine: complete, idempotent, stable ids."""

from datetime import UTC, datetime

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.evaluation.templates import evaluate

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
FIRST, SECOND = NOW - 2 * HOUR, NOW - HOUR
CATALOGUE = "SELECT sum(cityHash64(* EXCEPT UpdatedAt)), count() FROM log_templates FINAL"
COUNTS = "SELECT sum(cityHash64(*)), count(), sum(Count) FROM log_template_counts"


def write(db: Database, hour: datetime, *lines: str, service: str = "cart", severity: str = "INFO") -> None:
    rows = [
        [hour + HOUR / (len(lines) + 1) * n, f"{hour:%H}{n:030x}", service, severity, line]
        for n, line in enumerate(lines)
    ]
    db.insert("otel_logs", rows, ["Timestamp", "TraceId", "ServiceName", "SeverityText", "Body"])


def value(db: Database, query: str) -> object:
    return db.client.query(query).first_row[0]


def test_every_line_is_counted_under_one_template(database: Database) -> None:
    write(database, FIRST, *(f"order {n} placed by user u{n}" for n in range(500)), "cache is cold")
    write(database, FIRST, "no stock for sku A-17", severity="error")
    report = log_templates.materialize(database, FIRST)
    assert report.metrics["lines"] == 502
    assert report.metrics["templates"] == 3
    assert report.metrics["error_lines"] == 1
    rows = database.client.query(
        "SELECT Text, Count, SeverityText, Services FROM log_templates FINAL ORDER BY Count DESC, Text"
    ).result_rows
    assert rows == [
        ("order <*> placed by user <*>", 500, "INFO", ["cart"]),
        ("cache is cold", 1, "INFO", ["cart"]),
        ("no stock for sku <*>", 1, "ERROR", ["cart"]),
    ]
    examples = database.client.query(
        "SELECT ExampleBodies, ExampleTraceIds FROM log_template_counts ORDER BY Count DESC LIMIT 1"
    ).first_row
    assert examples[0] == ["order 0 placed by user u0", "order 1 placed by user u1", "order 2 placed by user u2"]
    assert len(examples[1]) == 3


def test_materialising_again_changes_nothing(database: Database) -> None:
    write(database, FIRST, *(f"took {n} ms" for n in range(20)), "ready", "steady")
    write(database, SECOND, "ready", "took 3 ms", "gone away")
    for hour in (FIRST, SECOND):
        log_templates.materialize(database, hour)
    before = database.client.query(CATALOGUE).first_row, database.client.query(COUNTS).first_row
    for hour in (SECOND, FIRST, FIRST):
        report = log_templates.materialize(database, hour)
        assert report.metrics["new_masks"] == 0
    assert (database.client.query(CATALOGUE).first_row, database.client.query(COUNTS).first_row) == before
    assert before[1][2] == 25


def test_late_lines_replace_the_partition(database: Database) -> None:
    write(database, FIRST, "one", "two")
    log_templates.materialize(database, FIRST)
    write(database, FIRST, "one", "three")
    log_templates.materialize(database, FIRST)
    assert value(database, "SELECT sum(Count) FROM log_template_counts") == 4
    assert value(database, "SELECT Count FROM log_templates FINAL WHERE Text = 'one'") == 2


def test_ids_last_when_a_template_becomes_more_general(database: Database) -> None:
    write(database, FIRST, "painted the red door again", "painted the green door again")
    log_templates.materialize(database, FIRST)
    ids = {row[0] for row in database.client.query("SELECT TemplateId FROM log_templates FINAL").result_rows}
    write(database, SECOND, *(f"painted the {colour} door again" for colour in ("blue", "black", "white")))
    log_templates.materialize(database, SECOND)
    rows = database.client.query(
        "SELECT TemplateId, Text, Revision, FirstSeen FROM log_templates FINAL WHERE Text LIKE '%<*>%'"
    ).result_rows
    ((template, text, revision, _),) = rows
    assert template in ids
    assert (text, revision) == ("painted the <*> door again", 1)
    assert {row[0] for row in database.client.query("SELECT TemplateId FROM log_template_masks").result_rows} == ids


def test_an_hour_without_lines_is_no_error(database: Database) -> None:
    report = log_templates.materialize(database, FIRST)
    assert report.rows == 0
    assert report.metrics["templates"] == 0


def test_first_seen_outlives_the_counts(database: Database) -> None:
    write(database, FIRST, "tick")
    write(database, SECOND, "tick")
    for hour in (FIRST, SECOND):
        log_templates.materialize(database, hour)
    database.client.command(f"ALTER TABLE log_template_counts DROP PARTITION ID '{int(FIRST.timestamp())}'")
    log_templates.materialize(database, SECOND)
    row = database.client.query("SELECT FirstSeen, Count FROM log_templates FINAL").first_row
    assert (row[0].replace(tzinfo=UTC), row[1]) == (FIRST, 1)


def test_strange_lines_have_templates_too(database: Database) -> None:
    lines = [
        "",
        "   ",
        "\x00\x01",
        "결제 실패: 주문 17",
        "x" * 100_000,
        "a\n  at b.c(D.java:1)\n  at e.f(G.java:2)",
        "{}[](",
        "<*>",
    ]
    write(database, FIRST, *lines)
    database.client.command(
        "INSERT INTO otel_logs (Timestamp, Body) SELECT {t:DateTime}, unhex('FFFE41')", parameters={"t": FIRST}
    )
    assert log_templates.materialize(database, FIRST).metrics["lines"] == len(lines) + 1
    assert value(database, "SELECT count() FROM log_templates FINAL WHERE Text = 'a'") == 1
    assert value(database, "SELECT count() FROM log_templates FINAL WHERE Text = '결제 실패: 주문 <*>'") == 1


@pytest.mark.parametrize(
    ("text", "number", "severity"),
    [
        ("", 17, "ERROR"),
        ("err", 0, "ERROR"),
        ("Warning", 0, "WARN"),
        ("", 0, ""),
        ("INFO", 9, "INFO"),
        ("crit", 0, "FATAL"),
    ],
)
def test_severities_have_one_spelling(database: Database, text: str, number: int, severity: str) -> None:
    found = database.client.query(
        "SELECT otel_pipeline_severity_v2({t:String}, {n:UInt8})", parameters={"t": text, "n": number}
    ).first_row[0]
    assert found == severity


def test_evaluation_runs_the_node_and_needs_no_labels(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("labelled")
    lines = [f"job {n} done" if n % 2 else f"disk /dev/sd{n} is full" for n in range(40)]
    (folder / "with.csv").write_text(
        "LineId,Content,EventId\n" + "".join(f"{n},{line},E{n % 2}\n" for n, line in enumerate(lines))
    )
    (folder / "without.csv").write_text("Content\n" + "".join(f"{line}\n" for line in lines))
    answer = evaluate(folder)
    assert answer["ga"] == answer["fga"] == 1.0
    assert answer["files"]["without.csv"]["ga"] is None
    assert answer["files"]["with.csv"]["groups"] == answer["files"]["without.csv"]["groups"]
    assert len(set(answer["files"]["with.csv"]["groups"])) == 2
