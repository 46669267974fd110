"""Labelled folders as they come: without logs, without labels, with faults where nothing is, or all at once."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates, trace_summaries
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import ablation, detect, everything, labelled, rca
from tests.pipeline.test_importer import files
from tests.support.traffic import YESTERDAY, Fault, Traffic, shop

START = YESTERDAY
LENGTH = 240
FAULT = Window(START + timedelta(seconds=60), START + timedelta(seconds=120))


def loaded(db: Database) -> None:
    """Four minutes of traffic with one fault, of which no log line tells."""
    traffic = shop(START, LENGTH, per_second=3, faults=(Fault(60, 120, fails="stock"),))
    traffic.lines = []
    traffic.write(db)
    log_templates.materialize(db, START)
    trace_summaries.materialize(db, START)


def case(start: float, end: float, service: str = "stock") -> labelled.Case:
    """A case in seconds since the beginning."""
    return labelled.Case(Window(START + timedelta(seconds=start), START + timedelta(seconds=end)), service)


def data(*cases: labelled.Case, reference: tuple[Window, ...] = ()) -> labelled.Labelled:
    """A folder that is loaded already."""
    return labelled.Labelled({}, list(cases), list(reference))


def test_every_kind_of_faults_gets_an_answer(database: Database):
    loaded(database)
    none = rca.judged(database, data(), plain=True)
    assert (none["cases"], none["as1"], none["plain"]["as1"]) == ([], None, None)
    cases = (case(60, 120), case(80, 140), case(60, 120, "never-seen"), case(86400, 86460))
    answer = rca.judged(database, data(*cases), plain=True)
    rankings = [[row["service"] for row in found["ranking"]] for found in answer["cases"]]
    assert [sorted(ranking) for ranking in rankings] == [["edge", "orders", "stock"]] * len(cases)
    assert answer["cases"][3]["reasons"] == []
    assert answer["as3"] < 1  # a service that is nowhere is not found
    traces = detect.judged(database, data(*cases), plain=True)
    assert traces["auc"] is None or 0 <= traces["auc"] <= 1
    unlabelled = detect.judged(database, data())
    assert unlabelled["traces"] == traces["traces"]
    assert (unlabelled["ap"], unlabelled["f1"]) == (None, None)


def test_reference_windows_count_where_they_hold_enough(database: Database):
    loaded(database)

    def flagged(*reference: Window) -> set[str]:
        answer = detect.judged(database, data(case(60, 120), reference=reference))
        return {trace["trace_id"] for trace in answer["traces"] if trace["anomalous"]}

    def window(start: float, end: float) -> Window:
        return Window(START + timedelta(seconds=start), START + timedelta(seconds=end))

    quiet = flagged(window(130, LENGTH))
    everywhere = flagged()
    assert quiet > everywhere or len(quiet) > 100
    assert flagged(window(130, 131)) == everywhere
    assert flagged(window(-7200, -3600)) == everywhere


def test_a_part_is_left_out_and_all_is_whole_again(database: Database):
    loaded(database)
    labels = data(
        case(60, 120), reference=(Window(FAULT.end + timedelta(seconds=10), START + timedelta(seconds=LENGTH)),)
    )
    before = rca.judged(database, labels)
    errors = "SELECT sum(length(Error.Service)) FROM trace_summaries"
    left: list[tuple[str, int]] = []

    def progress(text: str) -> None:  # called before a part is left out: what stands then is without the one before
        left.append((text, database.client.query(errors).first_row[0]))

    parts = ablation.judged(database, labels, progress, parts=("errors",))["parts"]
    assert parts[""]["as1"] == before["as1"] == 1.0
    assert parts["errors"]["as1"] is not None
    (_, whole), (_, without) = left
    assert whole == database.client.query(errors).first_row[0] > 0
    assert without == 0
    assert rca.judged(database, labels) == before


def folder(path: Path, traffic: Traffic, faults: Any) -> Path:
    """A labelled folder."""
    for kind, written in files(path, traffic).items():
        written.rename(path / f"otel_{kind}.parquet")
    if faults is not None:
        (path / "faults.json").write_text(json.dumps(faults))
    return path


def test_a_folder_with_empty_logs_and_no_faults_is_scored(tmp_path: Path):
    traffic = shop(START, 100, per_second=3)
    traffic.lines = traffic.lines[:1]
    path = folder(tmp_path, traffic, None)
    _empty(path / "otel_logs.parquet")
    answer = detect.evaluate(path)
    assert len(answer["traces"]) == 300
    assert answer["ap"] is None
    with pytest.raises(UserError, match=r"faults\.json"):
        rca.evaluate(path)


def _empty(path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(parquet.read_table(path).slice(0, 0), path)


def test_what_is_to_be_measured_with_is_found_or_asked_for(tmp_path: Path):
    with pytest.raises(UserError, match="name the folder"):
        everything.find(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "faults.json").write_text("[]")
    (tmp_path / "loghub").mkdir()
    assert everything.find(tmp_path) == everything.Found([tmp_path / "one"], tmp_path / "loghub")
    assert everything.find(tmp_path / "one") == everything.Found([tmp_path / "one"], None)
