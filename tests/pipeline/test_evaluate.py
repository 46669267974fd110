"""Evaluations run the pipeline's own code, and labels change nothing but the figures."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_pipeline import importer
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, log_templates, trace_summaries
from otel_pipeline.detection.model import Window
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation import detect, labelled, plain_detect, rca, references
from tests.pipeline.test_importer import files
from tests.support.traffic import YESTERDAY, Fault, Traffic, shop

START = YESTERDAY
SERVICES = ("stock", "orders", "stock", "orders", "stock", "orders", "stock", "orders")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight faults, a quarter of an hour apart, each with three minutes of traffic; and one quiet window."""
    path = tmp_path_factory.mktemp("labelled")
    whole, faults = Traffic(), []
    for number, service in enumerate(SERVICES):
        begin = START + timedelta(minutes=15 * number)
        fault = Fault(0, 120, fails=service, share=0.5) if number % 4 < 2 else Fault(0, 120, slow=service)
        part = shop(begin, 120, per_second=1, faults=(fault,), seed=number + 1)
        whole.spans += part.spans
        whole.lines += part.lines
        faults.append(
            {"start": begin.isoformat(), "end": (begin + timedelta(seconds=120)).isoformat(), "service": service}
        )
    quiet = shop(START + timedelta(hours=3), 300, per_second=1, seed=99)
    whole.spans += quiet.spans
    whole.lines += quiet.lines
    for kind, written in files(path, whole).items():
        written.rename(path / f"otel_{kind}.parquet")
    (path / "faults.json").write_text(json.dumps(faults))
    return path


@pytest.fixture(scope="module")
def ranked(folder: Path) -> dict[str, Any]:
    """The causes of all eight."""
    return rca.evaluate(folder, plain=True)


def without_labels(folder: Path, copy: Path) -> Path:
    """The same folder, its labels blank."""
    for name in ("otel_traces.parquet", "otel_logs.parquet"):
        (copy / name).symlink_to(folder / name)
    faults = json.loads((folder / "faults.json").read_text())
    blank = [
        {**fault, "service": ""} if number % 2 else {"start": fault["start"], "end": fault["end"]}
        for number, fault in enumerate(faults)
    ]
    (copy / "faults.json").write_text(json.dumps(blank))
    return copy


def test_causes_are_ranked_right_and_the_same_without_labels(folder: Path, ranked: dict[str, Any], tmp_path: Path):
    assert (ranked["as1"], ranked["as3"]) == (1.0, 1.0)
    assert ranked["as1"] >= ranked["plain"]["as1"]
    assert [len(case["ranking"]) for case in ranked["cases"]] == [3] * len(SERVICES)
    blank = rca.evaluate(without_labels(folder, tmp_path))
    assert blank["cases"] == ranked["cases"]
    assert (blank["as1"], blank["as3"], blank["as5"]) == (None, None, None)


def test_the_ranking_is_that_of_the_pipeline(folder: Path, ranked: dict[str, Any], database: Database):
    data = labelled.read(folder)
    importer.run(database, data.files)
    for hour in Window(START, START + timedelta(hours=4)).hours():
        log_templates.materialize(database, hour)
        trace_summaries.materialize(database, hour)
    own = blame.weigh(database, data.cases[1].window, references.references(data, 1, references.stretches(database)))
    assert ranked["cases"][1]["ranking"] == [{"service": s.service, "score": round(s.score, 4)} for s in own]


def test_traces_are_scored_the_same_without_labels(folder: Path, tmp_path: Path):
    answer = detect.evaluate(folder)
    assert answer["ap"] > 0.8
    blank = detect.evaluate(without_labels(folder, tmp_path))
    assert blank["traces"] == answer["traces"]
    assert (blank["ap"], blank["auc"], blank["f1"]) == (None, None, None)


def test_known_normal_windows_are_learned_from_alone(folder: Path, tmp_path: Path):
    copy = without_labels(folder, tmp_path)
    (copy / "faults.json").unlink()
    (copy / "faults.json").symlink_to(folder / "faults.json")
    begin = START + timedelta(hours=3)
    (copy / "reference.json").write_text(json.dumps([[begin.isoformat(), (begin + timedelta(minutes=5)).isoformat()]]))
    answer = detect.evaluate(copy, plain=True)
    quiet = [t for t in answer["traces"] if t["trace_id"].startswith(f"{99:04x}")]
    assert sum(t["anomalous"] for t in quiet) / len(quiet) < 0.02
    assert set(answer["plain"]) == {*plain_detect.METHODS, plain_detect.EXCESS}
    assert answer["auc"] > max(method["auc"] for method in answer["plain"].values())


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ("[]]", "not JSON"),
        ('{"a": 1}', "not a list"),
        ('[{"start": "x"}]', "not two ISO 8601 times"),
        (None, "No such file"),
    ],
)
def test_bad_folders_are_refused_with_the_reason(folder: Path, tmp_path: Path, faults: str | None, reason: str):
    copy = without_labels(folder, tmp_path)
    (copy / "faults.json").unlink()
    if faults is not None:
        (copy / "faults.json").write_text(faults)
    with pytest.raises(UserError, match=reason):
        rca.evaluate(copy)
    with pytest.raises(UserError, match="no otel_traces"):
        rca.evaluate(tmp_path / "nothing")
