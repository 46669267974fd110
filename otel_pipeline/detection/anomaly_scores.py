"""Score every trace of an hour against the normal that was known when it began; with reasons as rows.

Signals (latency; excess time; what each service did and called; its log lines and errors) are kept apart, each
measured by its own survival over normal traces, and combined late; a threshold is a false-alarm rate, learned from
normal traffic alone. A trace is judged in the light of the minute before it: what is a little odd is a fault rather
than chance where many of the like were odd a moment ago. All in SQL: ``anomaly_scores__stats.sql`` and
``anomaly_scores__score.sql``.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, StepReport, utc
from otel_pipeline.detection.staging import (
    amending_partition,
    create_like,
    replace_traces,
    replacing_partition,
    scratch,
)
from otel_pipeline.detection.version import CODE_VERSION

FALSE_ALARM_RATE = 0.005
THRESHOLD = 2.301  # -log10(FALSE_ALARM_RATE)


@dataclass(frozen=True)
class Normal:
    """Tables with what is normal: in the form of normal_centroids, normal_times and normal_behavior."""

    model: str
    times: str
    behavior: str


NORMAL = Normal("normal_centroids", "normal_times", "normal_behavior")
EPOCH = datetime.fromtimestamp(0, UTC)
PART_TRACES = 100_000  # that are held in memory at a time


def materialize(db: Database, hour: datetime, *, version: datetime | None = None, whole: bool = True) -> StepReport:
    """Score the traces that begin in the hour; replaces the hour's partition.

    :param hour: start of the hour, UTC.
    :param version: judge by this baseline version, whenever the traces began (evaluations with a reference window);
        without it, each trace by the newest version whose window had ended when it began.
    :param whole: score all of them, not only those whose summary or baseline is newer than the newest score.
    """
    if whole or version:
        with replacing_partition(db, "anomaly_scores", hour) as stage:
            score(db, stage, hour, hour + HOUR, version)
    else:
        _amend(db, hour)
    figures = db.one("anomaly_scores__report", hour=hour)
    return StepReport(
        rows=figures["traces"], metrics=figures, tables={"worst": db.rows("anomaly_scores__worst", hour=hour)}
    )


def _amend(db: Database, hour: datetime) -> None:
    """Score what has changed since the newest score of the hour."""
    due = db.one("anomaly_scores__since", hour=hour)
    with scratch(db, 2) as (traces, fresh):
        db.run(
            "anomaly_scores__traces",
            stage=traces,
            hour=hour,
            start=hour,
            stop=hour + HOUR,
            version=EPOCH,
            whole=False,
            since=utc(due["Since"]),
            judges=[utc(judge) for judge in due["Judges"]],
            **{"from": utc(due["From"])},
        )
        create_like(db, fresh, "anomaly_scores")
        _judge(db, fresh, traces)
        with amending_partition(db, "anomaly_scores", hour) as stage:
            replace_traces(db, stage, fresh, fresh, hour)  # those of the minutes before were looked at only
            if db.one("staging__count", stage=stage)["Rows"] != db.one("anomaly_scores__count", hour=hour)["Traces"]:
                db.run("staging__empty", stage=stage)  # a trace has left the hour
                score(db, stage, hour, hour + HOUR)


def score(db: Database, stage: str, hour: datetime, end: datetime, version: datetime | None = None) -> None:
    """Score the traces of the hour that begin before ``end`` into ``stage``, a table in the form of anomaly_scores.

    Part by part, so that memory is bounded however much an hour holds.
    """
    every = {"whole": True, "since": EPOCH, "from": EPOCH, "judges": [EPOCH]}
    parts = 1 + db.one("anomaly_scores__count", hour=hour)["Traces"] // PART_TRACES
    starts = [hour]
    if parts > 1:
        starts = [utc(start) for start in db.one("anomaly_scores__parts", hour=hour, parts=parts)["Starts"]]
    for start, stop in zip(starts, [*starts[1:], hour + HOUR], strict=True):
        with scratch(db, 1) as (traces,):
            where = {"hour": hour, "start": start, "stop": min(stop, end), "version": version or EPOCH}
            db.run("anomaly_scores__traces", stage=traces, **where, **every)
            _judge(db, stage, traces)


def _judge(db: Database, stage: str, traces: str) -> None:
    """Scores of the traces of a table into ``stage``."""
    with scratch(db, 1) as (stats,):
        measure(db, stats, traces, NORMAL, own=0)
        db.run(
            "anomaly_scores__score",
            stage=stage,
            traces=traces,
            stats=stats,
            model=NORMAL.model,
            threshold=THRESHOLD,
            code_version=CODE_VERSION,
        )


def measure(db: Database, stage: str, traces: str, normal: Normal, *, own: int) -> None:
    """The statistics of the traces of a table, into a table that is made for them.

    :param own: 1: the model was learned from these very traces; each is judged without itself.
    """
    with scratch(db, 1) as (judged,):
        db.run("anomaly_scores__judged", stage=judged, traces=traces, model=normal.model)
        db.run("anomaly_scores__stats", stage=stage, judged=judged, own=own, **asdict(normal))
