"""Score every trace of an hour against the normal that was known when it began; with reasons as rows.

Signals (conduct: log lines and errors of each service; latency; errors; shape) are kept apart and combined late; a
threshold is a false-alarm rate, learned from normal traffic alone. All in SQL: ``anomaly_scores__stats.sql`` and
``anomaly_scores__score.sql``.
"""

from datetime import UTC, datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, StepReport
from otel_pipeline.detection.staging import replacing_partition, scratch

CODE_VERSION = "1"
FALSE_ALARM_RATE = 0.005
THRESHOLD = 2.301  # -log10(FALSE_ALARM_RATE)
EPOCH = datetime.fromtimestamp(0, UTC)


def materialize(db: Database, hour: datetime, *, version: datetime | None = None) -> StepReport:
    """Score the traces that begin in the hour; replaces the hour's partition.

    :param hour: start of the hour, UTC.
    :param version: judge by this baseline version, whenever the traces began (evaluations with a reference window);
        without it, each trace by the newest version whose window had ended when it began.
    """
    with replacing_partition(db, "anomaly_scores", hour) as stage:
        score(db, stage, hour, hour + HOUR, version)
    figures = db.one("anomaly_scores__report", hour=hour)
    return StepReport(
        rows=figures["traces"], metrics=figures, tables={"worst": db.rows("anomaly_scores__worst", hour=hour)}
    )


def score(db: Database, stage: str, hour: datetime, end: datetime, version: datetime | None = None) -> None:
    """Score the traces of the hour that begin before ``end`` into ``stage``, a table in the form of anomaly_scores."""
    with scratch(db, 2) as (traces, stats):
        db.run("anomaly_scores__traces", stage=traces, hour=hour, end=end, version=version or EPOCH)
        db.run(
            "anomaly_scores__stats",
            stage=stats,
            traces=traces,
            model="normal_centroids",
            conduct="normal_conduct",
            own=0,
        )
        db.run(
            "anomaly_scores__score",
            stage=stage,
            traces=traces,
            stats=stats,
            model="normal_centroids",
            threshold=THRESHOLD,
            code_version=CODE_VERSION,
        )
