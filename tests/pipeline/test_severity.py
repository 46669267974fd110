"""Severities in the spellings that sources use: one function, from the line to the search."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import HOUR
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings

SPELLINGS = {
    "TRACE": ("t", "V", "trace", "TRACE3", "verbose", "FINEST", "10"),
    "DEBUG": ("d", "D", "dbg", "Debug2", "D1 COMMAND", "fine", "7", "20", "700"),
    "INFO": ("i", "I", "info", "Information", "notice", "INFO4", "[info]", "6", "30", "9", "800"),
    "WARN": (
        "w",
        "W",
        "warn",
        "WARNING",
        "Warning ",
        "[WARN]",
        "level=warning",
        "WARN2",
        "4",
        "40",
        "13",
        "900",
        "<4>",
    ),
    "ERROR": (
        "e",
        "E",
        "err",
        "error ",
        "[ERROR]",
        "level=error",
        "severity: error",
        "ERROR2",
        "E0412",
        "3",
        "50",
        "17",
    ),
    "FATAL": (
        "f",
        "F",
        "crit",
        "Critical",
        "emerg",
        "EMERGENCY",
        "alert",
        "dpanic",
        "panic",
        "FATAL4",
        "0",
        "60",
        "21",
    ),
    "": ("", "  "),
    "AUDIT": ("audit",),
}
NUMBERS = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21, "": 0, "AUDIT": 0}


@pytest.fixture(scope="module")
def anywhere(server: Settings) -> Iterator[Database]:
    """A database of the module: the functions hold no data."""
    migrate(server)
    with Database(server) as db:
        yield db


def asked(db: Database, function: str, text: str, number: int) -> object:
    statement = f"SELECT {function}({{t:String}}, {{n:UInt8}})"
    return db.client.query(statement, parameters={"t": text, "n": number}).result_rows[0][0]


@pytest.mark.parametrize(("severity", "text"), [(s, text) for s, texts in SPELLINGS.items() for text in texts])
def test_a_text_alone_tells_the_severity(anywhere: Database, severity: str, text: str) -> None:
    assert asked(anywhere, "otel_pipeline_severity_v2", text, 0) == severity
    assert asked(anywhere, "otel_pipeline_severity_number_v1", text, 0) == NUMBERS[severity]


@pytest.mark.parametrize(
    ("number", "severity"), [(1, "TRACE"), (8, "DEBUG"), (12, "INFO"), (16, "WARN"), (17, "ERROR"), (24, "FATAL")]
)
def test_a_number_of_the_scale_decides_over_the_text(anywhere: Database, number: int, severity: str) -> None:
    assert asked(anywhere, "otel_pipeline_severity_v2", "whatever", number) == severity
    assert asked(anywhere, "otel_pipeline_severity_number_v1", "E", number) == number


def test_a_number_out_of_the_scale_says_nothing(anywhere: Database) -> None:
    assert asked(anywhere, "otel_pipeline_severity_v2", "err", 200) == "ERROR"
    assert asked(anywhere, "otel_pipeline_severity_number_v1", "err", 200) == 17


def test_templates_hold_severity_and_number_of_letters(database: Database) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
    rows = [
        [hour, "levels", letter, f"ledger sync gave up ({word})"] for letter, word in zip("EFW", "abc", strict=True)
    ]
    database.insert("otel_logs", rows, ["Timestamp", "ServiceName", "SeverityText", "Body"])
    log_templates.materialize(database, hour)
    found = database.client.query("SELECT DISTINCT SeverityText, SeverityNumber FROM log_template_counts ORDER BY 2")
    assert found.result_rows == [("WARN", 13), ("ERROR", 17), ("FATAL", 21)]
