"""Two versions of the lineage beside each other: each has tables of its own; the raw ones are shared."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_pipeline.cli import cli
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, chain, lineage
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import compare
from otel_pipeline.migrate import migrate
from otel_pipeline.settings import Settings
from tests.support.traffic import SPAN_COLUMNS, YESTERDAY, Fault, shop

START = YESTERDAY.replace(minute=56)
DAY = Window(YESTERDAY, YESTERDAY + timedelta(hours=2))
LEDGER = ["Id", "Scenario", "ServiceName", "StartedAt", "EndedAt", "ExpectedSignature", "Parameters", "Version"]


@pytest.fixture
def newer(settings: Settings) -> Iterator[Database]:
    """A connection of version 2."""
    own = settings.version(2)
    migrate(own)
    assert migrate(own) == [], "what is there already is left alone"
    with Database(own) as db:
        yield db
        db.client.command(f"DROP DATABASE {own.database} SYNC")


def derived(db: Database) -> dict[str, tuple[int, str]]:
    """Rows and checksum of the derived tables."""
    return {row["table"]: (row["rows"], row["checksum"]) for row in lineage.checksums(db)}


def test_versions_stand_beside_each_other(
    database: Database, newer: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    traffic = shop(START, 330, per_second=4, faults=(Fault(270, 310, fails="stock"),))
    late = [traffic.spans.pop() for _ in range(20)]
    traffic.write(database)
    chain.run(database, None, DAY)
    first = derived(database)
    assert first["incidents"][0] == 1
    assert {rows for rows, _ in derived(newer).values()} == {0}

    monkeypatch.setattr(anomaly_scores, "THRESHOLD", 50.0)  # a version that sees next to nothing
    assert lineage.dirty_hours(newer, DAY) and not lineage.dirty_hours(database, DAY)
    chain.run(newer, None, DAY)
    second = derived(newer)
    assert derived(database) == first, "the other version is as it was"
    assert second["log_template_counts"] == first["log_template_counts"]
    assert second["anomaly_scores"][0] == first["anomaly_scores"][0]
    assert second["incidents"][0] == 0
    monkeypatch.undo()

    database.insert("otel_traces", late, SPAN_COLUMNS)
    assert lineage.dirty_hours(newer, DAY), "raw rows that come later are there for both"
    chain.run(database, None, DAY, whole=False)
    assert derived(newer) == second
    with Database(settings.version(2), role="reader") as reader:
        assert reader.client.query("SELECT count() FROM incidents").result_rows == [(0,)], "readers follow the setting"
        assert reader.client.query("SELECT count() FROM otel_logs").result_rows == [(len(traffic.lines),)]

    answer = compare.evaluate(settings, 1, 2)
    assert answer["no_worse"] is None and answer["traces"]["only_new"] == 0 < answer["traces"]["only_old"]
    fault = ["f", "any", "stock", START + timedelta(seconds=270), START + timedelta(seconds=310), "", {}, 1]
    database.insert("fault_ledger", [fault], LEDGER)
    found = compare.evaluate(settings, 1, 2)
    recall = next(row for row in found["figures"] if row["figure"] == "recall")
    assert (recall["old"], recall["new"], found["no_worse"]) == (1.0, 0.0, False)
    assert compare.evaluate(settings, 2, 1)["no_worse"]
    assert (compare.others(settings), compare.others(settings.version(2))) == ([2], [1])
    with pytest.raises(UserError, match="version 3 has judged nothing here"):
        compare.evaluate(settings, 1, 3)


@pytest.mark.parametrize(("ap", "status"), [(0.91, 0), (0.9, 0), (0.89, 1), (None, 1)])
def test_answers_on_labelled_data_are_compared(tmp_path: Path, ap: float | None, status: int):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps({"threshold": 2.3, "traces": [], "ap": 0.9, "auc": 0.8, "f1": 0.7}))
    new.write_text(json.dumps({"threshold": 2.3, "traces": [], "ap": ap, "auc": 0.8, "f1": 0.7}))
    result = CliRunner().invoke(cli, ["evaluate", "compare", str(old), str(new), "--json"])
    assert result.exit_code == status, result.output
    other = tmp_path / "rca.json"
    other.write_text(json.dumps({"cases": [], "as1": 1.0, "as3": 1.0, "as5": 1.0}))
    with pytest.raises(UserError, match="different questions"):
        compare.answers(old, other)
    with pytest.raises(UserError, match="cannot read"):
        compare.answers(old, tmp_path / "none.json")
