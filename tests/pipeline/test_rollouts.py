"""Log lines that belong to no trace tell of rollouts: deployers, Kubernetes, versions of services that only log."""

from datetime import datetime, timedelta

import pytest

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import log_templates
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate import restarts
from otel_pipeline.investigate.model import Deploy
from otel_pipeline.investigate.rollouts import named
from tests.support.traffic import YESTERDAY

COLUMNS = ("Timestamp", "ServiceName", "SeverityText", "SeverityNumber", "Body", "TraceId", "ResourceAttributes")
BEGAN = YESTERDAY + timedelta(minutes=40)


def minute(number: float) -> datetime:
    return YESTERDAY + timedelta(minutes=number)


def write(db: Database, *lines: tuple[datetime, str, str, str], version: str = "") -> list[Deploy]:
    """Lines (time, service, body, trace), beside two services that log all the time; the deploys that are seen."""
    resource = {"service.version": version} if version else {}
    rows = [[at, service, "INFO", 9, body, trace, resource] for at, service, body, trace in lines]
    for number in range(50):
        rows += [
            [minute(number), s, "INFO", 9, f"{s} answered in {number} ms", "", {}] for s in ("harbour", "pilot-api")
        ]
    db.insert("otel_logs", rows, COLUMNS)
    log_templates.materialize(db, YESTERDAY)
    return restarts.starts(db, Window(minute(5), minute(45)), BEGAN)


@pytest.mark.parametrize(
    ("writer", "line"),
    [
        ("deployer", "rollout of harbour to 4.2.0 started"),
        ("kube-events", "ScalingReplicaSet: Scaled up replica set harbour-7d9f8c5b to 3"),
        ("argocd", 'deployment "harbour" successfully rolled out'),
        ("ci", "Deploying harbour:4.2.0 (image sha256:77aa01)"),
    ],
)
def test_a_line_of_a_deployer_is_a_deploy(database: Database, writer: str, line: str) -> None:
    (deploy,) = write(database, (minute(38), writer, line, ""))
    assert (deploy.kind, deploy.service, deploy.at, deploy.lead) == ("rollout", "harbour", minute(38), 120.0)
    assert deploy.after.startswith(line[:20])


@pytest.mark.parametrize(
    ("writer", "line", "trace"),
    [
        ("deployer", "rollout of harbour to 4.2.0 started", "ab" * 16),  # a request, not a rollout
        ("harbour", "harbour read its rollout plan", ""),  # it speaks of itself
        ("deployer", "rollout of lighthouse started", ""),  # nobody knows it
        ("deployer", "harbour is well", ""),
        ("deployer", "rollout of harbour-web started", ""),
    ],
)
def test_other_lines_are_none(database: Database, writer: str, line: str, trace: str) -> None:
    assert write(database, (minute(38), writer, line, trace)) == []


def test_what_is_written_all_the_time_is_traffic(database: Database) -> None:
    lines = [(minute(n / 4), "audit", f"deployment check {n} of harbour passed", "") for n in range(180)]
    assert write(database, *lines) == []


def test_several_lines_about_one_rollout_are_one_deploy(database: Database) -> None:
    lines = [(minute(30 + n / 4), "deployer", f"harbour rollout: {n} of 4 replicas updated", "") for n in range(4)]
    assert [(d.service, d.at) for d in write(database, *lines)] == [("harbour", minute(30))]


def test_a_service_that_only_logs_is_released(database: Database) -> None:
    lines = [(minute(n), "tide", f"tide table {n} read", "") for n in range(50)]
    resource = [("1.3" if at < minute(33) else "1.4", at, service, body) for at, service, body, _ in lines]
    rows = [[at, service, "INFO", 9, body, "", {"service.version": v}] for v, at, service, body in resource]
    database.insert("otel_logs", rows, COLUMNS)
    (deploy,) = write(database)
    assert (deploy.kind, deploy.service, deploy.before, deploy.after) == ("release", "tide", "1.3", "1.4")
    assert deploy.at == minute(33)


def test_names_are_whole_words() -> None:
    assert named("rollout of cart-api", ["cart", "cart-api"], "ci") == ["cart-api"]
    assert named("rollout of cart-api and cart", ["cart", "cart-api"], "ci") == ["cart-api", "cart"]
    assert named("rollout of descartes", ["cart"], "ci") == []
    assert named("pod cart-7f9-x2 of CART", ["cart"], "ci") == ["cart"]
