"""The commands around detection, as a person types them; the reader's rights are enough for those that only read."""

import json
import os
import subprocess
import sys
from datetime import timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.settings import Settings
from tests.support.traffic import YESTERDAY, Fault, shop

START = YESTERDAY.replace(minute=2)
DURING = ("--from", START.isoformat(), "--to", (START + timedelta(seconds=330)).isoformat())


def run(settings: Settings, *arguments: str, status: int = 0) -> str:
    """Run a command; what it printed to standard output, or, where it fails, to standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "otel_pipeline", *arguments],
        env={**os.environ, **settings.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if status else done.stdout


def test_from_raw_rows_to_a_remedy(settings: Settings, database: Database):
    shop(START, 330, faults=(Fault(240, 290, fails="stock"),)).write(database)
    ran = json.loads(run(settings, "materialize", *DURING, "--without-vectors", "--checksums", "--json"))
    assert {step["node"] for step in ran["steps"]} >= {"trace_summaries", "anomaly_scores", "incidents"}
    assert {"trace_summaries", "anomaly_scores", "incidents"} <= {
        one["table"] for one in ran["checksums"] if one["rows"]
    }

    found = json.loads(run(settings, "anomalies", *DURING, "--json"))
    assert found["incidents"][0]["service"] == "stock"
    assert found["anomalies"][0]["reasons"]

    report = json.loads(run(settings, "investigate", *DURING, "--json"))
    assert (report["verdict"], report["causes"][0]["service"]) == ("trouble", "stock")
    start, end = (found["incidents"][0][side] for side in ("start", "end"))
    trace = next(one["trace_id"] for one in found["anomalies"] if start <= one["timestamp"] <= end)
    assert "stock" in run(settings, "investigate", "--trace", trace).splitlines()[0]

    (pattern,) = json.loads(run(settings, "patterns", "list", "--json"))
    run(
        settings,
        "patterns",
        "resolve",
        pattern["pattern_id"][:8],
        "--cause",
        "bad release",
        "--resolution",
        "roll back",
    )
    assert "what fixed it: roll back" in run(settings, "investigate", *DURING)
    assert "resolved" in run(settings, "patterns", "history", pattern["pattern_id"][:8])


def test_empty_answers_are_one_line(settings: Settings):
    future = ("--from", "2031-01-01", "--to", "2031-01-02")
    assert run(settings, "investigate", *future).startswith("NO DATA")
    assert "0 traces" in run(settings, "anomalies", *future)
    assert "no raw rows" in run(settings, "materialize", *future, status=1)
    assert "no trace" in run(settings, "investigate", "--trace", "abc", status=1)
    assert "no patterns yet" in run(settings, "patterns", "list")
    run(settings, "investigate", "--from", "2031-01-02", "--to", "2031-01-01", status=2)
    run(settings, "anomalies", "--from", "2031-01-02", status=2)
