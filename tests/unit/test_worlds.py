"""Made-up worlds: the same from the same seed, of the form that evaluations read, labelled by what really happened."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from otel_pipeline.evaluation import labelled, plain_two_sided
from otel_pipeline.evaluation.worlds.write import generate
from otel_pipeline.importer import NEEDED
from otel_pipeline.settings import REPOSITORY

SEEDS = (3, 4)  # without and with status, with and without logs; both small


@dataclass(frozen=True)
class Made:
    """A world that was written.

    :param spans: with self times. :param labels: trace id → faulty, number of the fault.
    """

    folder: Path
    truth: dict[str, Any]
    spans: Any
    labels: dict[str, tuple[bool | None, int]]

    def faults(self, effect: str) -> list[tuple[int, dict[str, Any]]]:
        """The faults that have an effect, and their numbers: at least one."""
        found = [(n, f) for n, f in enumerate(self.truth["faults"]) if f["effect"] == effect]
        assert found
        return found

    def of(self, number: int, faulty: bool) -> set[str]:
        """Traces that a fault altered; or, of those that began in its time, the unaltered."""
        if faulty:
            return {trace for trace, label in self.labels.items() if label == (True, number)}
        start, end = (datetime.fromisoformat(self.truth["faults"][number][key]) for key in ("start", "end"))
        began = self.spans.groupby("TraceId")["at"].min() / 1e9
        inside = began[(began >= start.timestamp()) & (began < end.timestamp())].index
        return {trace for trace in inside if self.labels[trace][0] is False}


@pytest.fixture(scope="module", params=SEEDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A world."""
    folder = tmp_path_factory.mktemp("world")
    truth = generate(request.param, folder, reference=True)
    rows = pq.read_table(folder / "labels.parquet").to_pylist()
    labels = {row["TraceId"]: (row["Faulty"], row["FaultIndex"]) for row in rows}
    return Made(folder, truth, plain_two_sided.spans(folder / "otel_traces.parquet"), labels)


def test_the_same_seed_gives_the_same_files_and_another_others(tmp_path: Path):
    for name, seed in (("a", 4), ("b", 4), ("c", 3)):
        generate(seed, tmp_path / name, most=1)
    contents = [
        {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())} for name in ("a", "b", "c")
    ]
    assert contents[0] == contents[1]
    assert not any(contents[0][name] == contents[2].get(name) for name in contents[0])


def test_the_folder_is_one_that_evaluations_read(made: Made):
    data = labelled.read(made.folder)
    assert [case.service for case in data.cases] == [fault["service"] for fault in made.truth["faults"]]
    assert len(data.reference) == 1 and data.reference[0].end - data.reference[0].start == timedelta(minutes=12)
    assert ("logs" in data.files) == made.truth["world"]["logs"]
    for kind, path in data.files.items():
        columns = set(pq.read_schema(path).names)
        schema = next((REPOSITORY / "sql" / "schema").glob(f"*_otel_{kind}.sql")).read_text()
        assert set(NEEDED[kind]) <= columns <= set(re.findall(r"^    `([\w.]+)`", schema, re.MULTILINE))


def test_faults_are_apart_and_begin_after_the_quiet_minutes(made: Made):
    windows = [[datetime.fromisoformat(f[key]) for key in ("start", "end")] for f in made.truth["faults"]]
    quiet = labelled.read(made.folder).reference[0]
    assert 12 <= len(windows) <= 16
    assert windows[0][0] >= quiet.end
    assert all(timedelta(minutes=2) <= end - start <= timedelta(minutes=4) for start, end in windows)
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(windows)]
    assert min(gaps) >= timedelta(minutes=2)
    began = made.spans.groupby("TraceId")["at"].min()
    early = began[began < quiet.end.timestamp() * 1e9].index
    assert len(early) > 100 and all(made.labels[trace] == (False, -1) for trace in early if trace in made.labels)


def test_a_trace_is_labelled_delayed_where_its_service_took_longer_and_only_there(made: Made):
    for number, fault in made.faults("delay"):
        own = made.spans[
            (made.spans["ServiceName"] == fault["service"]) & made.spans["SpanName"].isin(fault["operations"])
        ]
        longest = own.groupby("TraceId")["Duration"].max() / 1e6
        delayed = longest[longest.index.isin(made.of(number, True))]
        others = longest[longest.index.isin(made.of(number, False))]
        assert len(delayed) == fault["faulty_traces"] > 0
        assert delayed.min() >= 0.8 * fault["size"]
        assert others.empty or others.median() < 0.5 * delayed.median()


def test_an_early_return_calls_nobody_in_the_traces_that_are_labelled(made: Made):
    parents = set(zip(made.spans["TraceId"], made.spans["ParentSpanId"], strict=True))
    for number, fault in made.faults("early return"):
        own = made.spans[
            (made.spans["ServiceName"] == fault["service"]) & made.spans["SpanName"].isin(fault["operations"])
        ]
        childless = {row.TraceId for row in own.itertuples() if (row.TraceId, row.SpanId) not in parents and row.entry}
        assert made.of(number, True) and made.of(number, True) <= childless


def test_what_the_telemetry_does_not_show_is_not_in_it(made: Made):
    world = made.truth["world"]
    table = pq.read_table(made.folder / "otel_traces.parquet", columns=["StatusCode", "SpanKind", "SpanAttributes"])
    statuses, kinds = ({str(value).lower() for value in table[name].to_pylist()} for name in ("StatusCode", "SpanKind"))
    assert any("error" in status for status in statuses) == world["status"]
    assert any("server" in kind for kind in kinds) == world["kinds"]
    keys = {key for row in table["SpanAttributes"].to_pylist() for key, _ in row}
    assert any(key.startswith("http.") for key in keys) <= bool(world["http"] or world["sizes"])
