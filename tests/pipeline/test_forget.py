"""Erasing: canaries in every table and file, and none left of them afterwards; everybody else's records stay."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otel_pipeline.cli import cli
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import chain
from otel_pipeline.detection.model import Window
from otel_pipeline.erasure.forget import RECORD, forget
from otel_pipeline.erasure.subject import Subject
from otel_pipeline.errors import UserError
from otel_pipeline.intake.segments import bodies, mark_in
from otel_pipeline.localdb.launcher import temporary_server
from otel_pipeline.settings import Settings
from tests.support.outage import END, FAULT, START
from tests.support.traffic import line, shop, span

USER = "kanarie.minsu@example.co.kr"
OTHER = "not.kanarie.minsu2@example.co.kr"  # holds none of it as a whole word
SESSION = "kanarie5e55i0n"
TRACE = "cafe" * 8
INNOCENT = "beef" * 8


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server, a home folder and a person in every corner of both."""
    with temporary_server(tmp_path_factory.mktemp("forget")) as settings, Database(settings) as db:
        traffic = shop(START, (END - START).total_seconds(), faults=(FAULT,))
        at = START + timedelta(seconds=FAULT.start + 3)
        for trace, user in ((TRACE, USER), (INNOCENT, OTHER)):
            name = trace[:16]
            span(
                traffic, trace=trace, name=name, parent="", start=at, ms=900, service="edge", kind="Server",
                operation="GET /orders", error=f"no account of {user}",
                attributes={"user.id": user, "rum.sessionId": SESSION if user == USER else "s2"},
            )  # fmt: skip
            line(traffic, trace, name, at, "stock", f"cannot handle request of {user}", severity="ERROR")
            line(traffic, "", "", at, "edge", f"mail to {user} bounced", severity="ERROR")
        # A trace of the same session that does not name the person.
        span(
            traffic, trace="d00d" * 8, name="d00d" * 4, parent="", start=at, ms=5, service="edge", kind="Server",
            operation="GET /page", attributes={"rum.sessionId": SESSION},
        )  # fmt: skip
        traffic.write(db)
        chain.run(db, None, Window(START, END))
        text = f"it is {USER} who broke it"
        db.client.command(
            "INSERT INTO error_patterns (pattern_id, error_signature, error_message, service_name, root_cause,"
            " related_trace_ids, EmbeddedText, embedding, Status)"
            " VALUES (generateUUIDv4(), 'sig', {text:String}, 'stock', {text:String}, [{t:String}, {o:String}],"
            " {text:String}, [1, 0], 'suspected')",
            parameters={"text": text, "t": TRACE, "o": INNOCENT},
        )
        snapshot = json.dumps({"cause": text, "traces": [TRACE, INNOCENT]})
        db.insert("error_pattern_history", [["0" * 8 + "-0000-4000-8000-" + "0" * 12, "x", "added", text, snapshot]],
                  ["pattern_id", "ChangedBy", "Action", "Note", "Snapshot"])  # fmt: skip
        db.insert("embeddings", [["m", 1, "log_template", text, [1.0, 0.0], 2]],
                  ["Model", "TextHash", "Kind", "Text", "Vector", "Dimensions"])  # fmt: skip
        db.client.command(
            "INSERT INTO hyperdx_sessions (Timestamp, ServiceName, Body, ResourceAttributes)"
            f" VALUES (now(), 'shop-web', '{{}}', {{'rum.sessionId': '{SESSION}'}})"
        )
        db.client.command(
            "INSERT INTO otel_metrics_sum (TimeUnix, ServiceName, MetricName, Attributes, Value)"
            f" VALUES (now(), 'edge', 'logins', {{'user.id': '{USER}'}}, 1), (now(), 'edge', 'logins', {{}}, 1)"
        )
        home = settings.otel_pipeline_home
        _files(home)
        yield settings


def _body(*users: str) -> bytes:
    """An OTLP request with a line of each."""
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for user in users:
        records.add().body.string_value = f"{user} logged in"
    return request.SerializeToString()


def _files(home: Path) -> None:
    spool, letters = home / "intake" / "spool", home / "intake" / "dead-letters"
    for folder in (spool, letters, spool.with_suffix(".spares"), home / "logs", home / "dagster", home / "backups"):
        folder.mkdir(parents=True)
    for run in ("1".zfill(28), "2".zfill(36)):  # of an earlier version, and of this one
        segment = spool / f"logs-{run}-{1:012d}.ready"
        for number, body in enumerate((_body(OTHER), _body(USER, OTHER)), 1):
            with segment.open("ab") as file:
                file.write(mark_in(segment, body, number, 0) + body)
    (spool.with_suffix(".spares") / "logs-0-0.ready").write_bytes(_body(USER))
    (letters / "logs-1-0.pb").write_bytes(_body(USER, OTHER))
    (letters / "logs-1-0.json").write_text(json.dumps({"reason": f"cannot parse {USER}"}))
    (letters / "logs-2-0.pb").write_bytes(b"\xff" + USER.encode())
    (home / "logs" / "intake.log").write_text(f"a\n{USER} did\n{TRACE}\n{OTHER}\n")
    (home / "backups" / "monday.zip").write_bytes(b"")
    with sqlite3.connect(home / "dagster" / "index.db") as connection:
        connection.execute("CREATE TABLE event_logs (id INTEGER PRIMARY KEY, event TEXT)")
        connection.execute("INSERT INTO event_logs (event) VALUES (?), (?)", (f'{{"t": "{TRACE}"}}', OTHER))


def seen(settings: Settings, *canaries: str) -> list[str]:
    """Tables and files in which a canary is, looked for without any code of the product."""
    found = []
    with Database(settings) as db:
        columns: Any = db.client.query(
            "SELECT c.table, c.name FROM system.columns AS c JOIN system.tables AS t ON t.database = c.database"
            " AND t.name = c.table WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree'"
        ).result_rows
        for table, column in columns:
            sql = f"SELECT count() FROM `{table}` WHERE multiSearchAny(toString(`{column}`), {{c:Array(String)}})"
            if db.client.query(sql, parameters={"c": list(canaries)}, settings={"log_queries": 0}).result_rows[0][0]:
                found.append(f"{table}.{column}")
        uuids: Any = db.client.query("SELECT toString(uuid), name FROM system.tables").result_rows
        names = dict(uuids)
    for path in settings.otel_pipeline_home.rglob("*"):
        if path.is_file() and any(
            canary.encode() in path.read_bytes().replace(OTHER.encode(), b"") for canary in canaries
        ):
            table = next((name for uuid, name in names.items() if str(uuid) in str(path)), "")
            found.append(f"{table} {path.relative_to(settings.otel_pipeline_home)}".strip())
    return sorted(found)


def rows_of(settings: Settings) -> dict[str, int]:
    with Database(settings) as db:
        tables = ("otel_logs", "otel_traces", "trace_summaries", "otel_metrics_sum", "error_patterns", "incidents")
        return {table: db.client.query(f"SELECT count() FROM {table}").result_rows[0][0] for table in tables}


def others(settings: Settings) -> list[str]:
    """What must stay: the words about somebody else."""
    with Database(settings) as db:
        sql = "SELECT Body FROM otel_logs WHERE position(Body, {o:String}) > 0 ORDER BY Body"
        return [row[0] for row in db.client.query(sql, parameters={"o": OTHER}).result_rows]


def test_nothing_is_left_of_a_person(filled: Settings) -> None:
    canaries = (USER, SESSION, TRACE, "d00d" * 8)
    before, kept = seen(filled, *canaries), others(filled)
    expected = {"otel_logs.Body", "otel_traces.TraceId", "trace_summaries.TraceId", "anomaly_scores.TraceId",
                "error_patterns.error_message", "error_pattern_history.Snapshot", "embeddings.Text",
                "hyperdx_sessions.ResourceAttributes", "otel_metrics_sum.Attributes",
                "log_template_counts.ExampleBodies",
                "intake/dead-letters/logs-1-0.pb", "intake/dead-letters/logs-2-0.pb", "logs/intake.log",
                "dagster/index.db"}  # fmt: skip
    assert expected <= set(before), sorted(expected - set(before))
    rows = rows_of(filled)

    counted = forget(filled, Subject("user", USER), dry_run=True)
    assert seen(filled, *canaries) == before and not (filled.otel_pipeline_home / RECORD).exists()
    report = forget(filled, Subject("user", USER))
    assert report.complete, (report.after, report.left)
    assert report.before == counted.before and report.traces == 2 and report.sessions == 1
    assert {"spool", "dead letters", "dagster", "logs", "agentic_otel.otel_logs"} <= set(report.before)
    assert report.backups == [str(filled.otel_pipeline_home / "backups" / "monday.zip")]

    assert seen(filled, *canaries) == []
    assert others(filled) == kept and kept
    now = rows_of(filled)
    assert {table: rows[table] - now[table] for table in rows} == {
        "otel_logs": 2, "otel_traces": 2, "trace_summaries": 2, "otel_metrics_sum": 1, "error_patterns": 0,
        "incidents": 0,
    }  # fmt: skip


def test_what_is_about_many_stays_without_the_mention(filled: Settings) -> None:
    with Database(filled) as db:
        message, cause, traces, text, vector = db.client.query(
            "SELECT error_message, root_cause, related_trace_ids, EmbeddedText, embedding FROM error_patterns"
            " WHERE error_signature = 'sig'"
        ).result_rows[0]
        assert message == cause == text == "it is [forgotten] who broke it" and (traces, vector) == ([INNOCENT], [])
        (snapshot,) = db.client.query("SELECT Snapshot FROM error_pattern_history WHERE Action = 'added'").result_rows[
            0
        ]
        assert json.loads(snapshot) == {"cause": "it is [forgotten] who broke it", "traces": ["", INNOCENT]}
    home = filled.otel_pipeline_home
    segments = list((home / "intake" / "spool").glob("*.ready"))
    assert len(segments) == 2
    for segment in segments:
        first, second = bodies(segment)
        assert OTHER.encode() in first and OTHER.encode() in second
        assert USER.encode() not in second.replace(OTHER.encode(), b"")
    assert OTHER in (home / "logs" / "intake.log").read_text()
    assert (home / "intake" / "dead-letters" / "logs-1-0.pb").stat().st_mode & 0o077 == 0


def test_the_record_names_nobody_and_is_the_owner_s(filled: Settings) -> None:
    record = filled.otel_pipeline_home / RECORD
    assert record.stat().st_mode & 0o077 == 0
    (kept,) = [json.loads(row) for row in record.read_text().splitlines()]
    assert kept["digest"] == Subject("user", USER).digest and kept["complete"] and not kept["after"]
    assert USER not in record.read_text() and TRACE not in record.read_text()


def test_again_there_is_nothing_to_do_and_no_table_is_left_behind(filled: Settings) -> None:
    report = forget(filled, Subject("user", USER))
    assert report.complete and not report.before
    with Database(filled) as db:
        assert db.client.query("SELECT name FROM system.tables WHERE name LIKE 'forget%'").result_rows == []
        changed = db.client.query(
            "SELECT name FROM system.tables"
            " WHERE database = currentDatabase() AND engine_full LIKE '%old_parts_lifetime%'"
        )
        assert changed.result_rows == []
        told: Any = db.client.query("SELECT command FROM system.mutations").result_rows
        assert told and not [row for row in told if USER in row[0] or TRACE in row[0]]


def test_a_trace_is_forgotten_alone(filled: Settings) -> None:
    result = CliRunner().invoke(cli, ["forget", "--trace", INNOCENT.upper(), "--json"], env=filled.environment())
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["complete"] and found["before"]["agentic_otel.otel_traces"] == 1
    assert seen(filled, INNOCENT) == []
    assert len(others(filled)) == 1  # the line without a trace


@pytest.mark.parametrize(("kind", "value"), [("trace", "xyz"), ("trace", "1" * 31), ("user", " "), ("session", "")])
def test_what_cannot_be_meant_is_refused(kind: str, value: str) -> None:
    with pytest.raises(UserError):
        Subject(kind, value)  # pyright: ignore[reportArgumentType]


def test_a_short_name_is_looked_for_as_an_attribute_alone() -> None:
    assert Subject("user", "7").pattern == "" and Subject("user", "7").exact == ["7"]
    assert Subject("user", "a.b+c@x.y").pattern == r"(^|[^A-Za-z0-9_])(?:a\.b\+c\@x\.y)($|[^A-Za-z0-9_])"
