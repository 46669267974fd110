"""``evaluate worlds``: one short world through everything, and what is printed of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_pipeline.cli import cli
from otel_pipeline.evaluation.made_up import FORMS, MINUTES, OURS, TWO_SIDED

FAULTS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Path]:
    """What is printed of world 4, its last line, and the folder in which the world was left."""
    keep = tmp_path_factory.mktemp("worlds")
    given = ["evaluate", "worlds", "--seeds", "4", "--faults", str(FAULTS), "--keep", str(keep)]
    result = CliRunner().invoke(cli, given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output, json.loads(result.output.strip().splitlines()[-1]), keep


def test_every_part_of_a_world_is_judged_beside_plain_methods(run: tuple[str, dict[str, Any], Path]):
    one = run[1]["worlds"]["4"]
    assert len(one["faults"]) == FAULTS
    for fault in one["faults"]:
        assert {OURS, TWO_SIDED, f"{OURS}, windows alone"} <= set(fault["ranks"])
        assert all(1 <= accepted <= rank <= one["world"]["services"] for rank, accepted in fault["ranks"].values())
        assert set(fault["incidents"]) == {OURS, MINUTES}
    for form in FORMS:
        assert all(0 < row["ap"] <= 1 for row in one["detect"][form].values())
    assert {row["recall"] for row in one["incidents"].values()} <= {0.0, 0.5, 1.0}


def test_the_summary_adds_up(run: tuple[str, dict[str, Any], Path]):
    summary, faults = run[1]["summary"], run[1]["worlds"]["4"]["faults"]
    first = sum(fault["ranks"][OURS][0] <= 1 for fault in faults) / FAULTS
    assert summary["all"]["rca"][OURS]["as1"] == first
    assert sum(row["faults"] for row in summary["kinds"].values()) == FAULTS
    assert set(summary["kinds"]) == {fault["kind"] for fault in faults}


def test_the_tables_name_the_kinds_and_the_world_is_left_behind(run: tuple[str, dict[str, Any], Path]):
    output, answer, keep = run
    assert all(kind.split()[0] in output for kind in answer["summary"]["kinds"])
    assert {"otel_traces.parquet", "truth.json", "labels.parquet", "answer.json"} <= {
        p.name for p in (keep / "seed4").iterdir()
    }


@pytest.mark.parametrize("seeds", ["x", "3-", "5-2", ""])
def test_seeds_that_are_none_are_refused(seeds: str):
    result = CliRunner().invoke(cli, ["evaluate", "worlds", "--seeds", seeds])
    assert result.exit_code == 2
