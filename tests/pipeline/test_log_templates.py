"""Log templates in a real engine: complete, idempotent, stable ids."""

from datetime import UTC, datetime, timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.evaluation import logworlds
from otel_pipeline.evaluation.template_ablation import ablation
from otel_pipeline.evaluation.templates import evaluate, made_up

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


def test_lines_that_were_delivered_twice_count_once(database: Database) -> None:
    at = FIRST + timedelta(seconds=1, microseconds=1)
    columns = ["Timestamp", "TraceId", "SpanId", "ServiceName", "Body"]
    rows = [[at + timedelta(microseconds=n), f"{n:032x}", f"{n:016x}", "cart", f"took {n} ms"] for n in range(10)]
    rows.append([at, "", "", "cart", "took 0 ms"])
    database.insert("otel_logs", rows, columns)
    database.insert("otel_logs", rows[:7], columns)
    # A clock of milliseconds, and no span: the program may have said it twice.
    database.insert("otel_logs", [[FIRST, "", "", "cart", "took 1 ms"]] * 2, columns)
    report = log_templates.materialize(database, FIRST)
    assert report.metrics["lines"] == 13
    assert database.client.query("SELECT sum(Count), sum(Repeated) FROM log_template_minutes").first_row == (13, 7)
    check = database.one("checks__lines", hour=FIRST, run="")
    assert check["Templated"] == check["Present"] == 20, "the check of the hour counts what came again, too"
    examples = value(database, "SELECT ExampleBodies FROM log_template_counts")
    assert examples == ["took 1 ms", "took 0 ms", "took 0 ms"]


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


def test_masks_move_to_the_template_that_covers_them(database: Database) -> None:
    colours = ("red", "green", "blue", "black", "white", "brown")
    for hour, part in ((FIRST, colours[:2]), (SECOND, colours[2:5]), (SECOND + HOUR, colours[5:])):
        write(database, hour, *(f"painted the {colour} door again" for colour in part))
        log_templates.materialize(database, hour)
    masks = "SELECT uniqExact(TemplateId), count() FROM log_template_masks"
    assert database.client.query(masks).first_row == (1, 6)
    # The hours counted before keep what was said then; counted again, they say what holds now.
    counts = "SELECT uniqExact(TemplateId), sum(Count) FROM log_template_counts"
    assert database.client.query(counts).first_row == (2, 6)
    log_templates.materialize(database, FIRST)
    assert database.client.query(counts).first_row == (1, 6)


def test_a_flood_of_texts_is_other_and_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_templates, "NEW_TEMPLATES", 10)
    letters = "abcdefghijklmnopqrstuvwxyz"
    write(database, FIRST, *(f"{a}{b} {b * 5} {a * 4}" for a in letters for b in letters), *["steady work"] * 5)
    report = log_templates.materialize(database, FIRST)
    assert report.metrics["lines"] == 26 * 26 + 5
    assert report.metrics["templates"] == 11
    rows = database.client.query("SELECT Text, Count FROM log_templates FINAL ORDER BY Count DESC LIMIT 2").result_rows
    assert rows == [("<other>", 26 * 26 - 9), ("steady work", 5)]
    write(database, FIRST, "zz top", service="cart")
    write(database, FIRST, "zz flop", service="mailer")
    log_templates.materialize(database, FIRST)
    others = "SELECT count(), sum(Count) FROM log_templates FINAL WHERE Text = '<other>'"
    assert database.client.query(others).first_row == (2, 26 * 26 - 9 + 2)


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
    texts = answer["files"]["without.csv"]["texts"]
    assert set(texts.values()) == {"job <*> done", "disk <*> is full"}
    assert answer["pa"] is None


def test_evaluation_of_made_up_systems_beside_plain_methods() -> None:
    answer = evaluate(made_up([7], ["korean"], 300), plain=True)
    (file,) = answer["files"].values()
    assert file["ga"] > max(method["ga"] for method in file["plain"].values())
    assert file["pa"] > 0.9
    assert file["events"] == len(set(logworlds.make("korean", 7, 300).events))


def test_ablation_says_what_a_rule_is_worth() -> None:
    answer = ablation(made_up([7], ["korean", "structured"], 200), rules=("record", "relative"))
    assert answer["rules"]["record"]["structured 7"][0] < 0
    assert answer["rules"]["record"]["korean 7"] == [0, 0]
    # Paid by one kind of systems alone, it is not there when another is judged by what its others justify.
    assert answer["unpaid"] == ["record", "relative"]
    assert answer["left_out"]["structured 7"]["ga"] < 1
