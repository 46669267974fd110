"""Learn what is normal, by root operation and version; robust, and without what an earlier version saw in trouble."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import anomaly_scores, baseline, bursts
from otel_pipeline.detection.model import HOUR, StepReport, Window, utc
from otel_pipeline.detection.staging import replacing_partition, scratch
from otel_pipeline.detection.version import CODE_VERSION

LEAST_TRACES = 200  # for a version: fewer cannot tell one false alarm in 200
LEAST_OPERATION_TRACES = 20  # for a root operation in it
LITTLE = 1000  # one new span in so many moves no quantile
CHEAP = 5000  # from so few traces a version is learned anew whatever has come
REWRITTEN = 5  # one trace in so many was summarised anew, little by little: that may
STRAGGLERS = timedelta(minutes=15)  # spans lie so far beside their hour
MOST_TRACES = 500_000
SLICES = 120  # in which bursts are looked for
SLICE_SECONDS = 3  # at the least
RECURS_SECONDS = 600  # a window at least so long shows whether what came in a burst recurs
MOST_UNLIKE = 0.7  # of the traces; where more lie in stretches out of the ordinary, there is no ordinary to go by
SCALE_FLOOR = 0.1  # of ln(time): differences below a tenth are never news


def materialize(db: Database, hour: datetime, *, model: str = "", whole: bool = True) -> StepReport:
    """Learn the baseline versions whose windows end in the hour (or as it ends).

    :param hour: start of the hour, UTC. Its trace_summaries must be there; earlier hours must be scored.
    :param model: embedding model for the centroids; empty: without them.
    :param whole: learn all of them, not only those that are missing or older than what they were learned from.
    """
    until = hour + HOUR
    extent = db.one("normal_centroid__extent", hour=hour, since=hour - baseline.LOOK_BACK, least=LEAST_OPERATION_TRACES)
    traces = versions = 0
    ends = baseline.ends(map(utc, extent["FirstTraffic"]), hour, until)
    changed = _forget(db, hour, ends)  # a later version excludes what an earlier one calls anomalous
    for end in ends:
        if end > utc(extent["Newest"]) and not _over(end):
            break
        since = max(end - baseline.LOOK_BACK, utc(extent["Oldest"]))
        stands = db.one("normal_centroid__stale", hour=hour, since=since, end=end)
        if not whole and not changed and stands["There"] and not (stands["Stale"] and _matters(db, hour, since, end)):
            continue
        with scratch(db, 1) as (excluded,):
            _exclude(db, excluded, hour, end)
            learned = learn(db, end, [Window(since, end)], excluded, model)
        changed = changed or bool(learned or stands["There"])
        traces += learned
        versions += bool(learned)
    return StepReport(rows=versions, metrics={"versions": versions, "traces_learned": traces})


def _matters(db: Database, hour: datetime, since: datetime, end: datetime) -> bool:
    """Whether what has come since a version was learned could move it.

    A few late traces of an hour that is long over cannot, and must not cost the learning of days: whoever sends a span
    for each of many past hours would keep the present waiting.
    """
    if datetime.now(UTC) < hour + HOUR + STRAGGLERS:
        return True
    found = db.one("normal_centroid__added", hour=hour, since=since, end=end)
    return (
        found["Traces"] < CHEAP
        or found["Fresh"] * LITTLE >= found["Spans"]
        or found["Rewritten"] * REWRITTEN >= found["Traces"]
    )


def _forget(db: Database, hour: datetime, ends: list[datetime]) -> bool:
    """Drop the versions of the hour that end at no time that is called for any longer. Whether there were any."""
    rows = db.rows("normal_centroid__superfluous", hour=hour, ends=ends)
    for row in rows:
        for table in ("normal_centroids", "normal_times", "normal_behavior"):
            db.run("staging__clear", table=table, partition=str(int(utc(row["Version"]).timestamp())))
    return bool(rows)


def _over(end: datetime) -> bool:
    """Whether a window that ends at midnight is over, though nothing has come since: stragglers have had their time."""
    return end == end.replace(hour=0, minute=0, second=0) and datetime.now(UTC) > end + STRAGGLERS


def _exclude(db: Database, excluded: str, hour: datetime, end: datetime) -> None:
    """Fill the table of traces not to learn from: all of an operation while it was troubled.

    What was anomalous at other times, one by one, is learned: rare as it may be, it comes in normal traffic, and what
    an early baseline does not know must not stay unknown for ever. Of the present hour as far as earlier versions judge
    it; its trouble, and that of the hour before, is found anew, for the table of incidents may still change there.
    """
    db.run("normal_centroid__excluded", stage=excluded)
    with scratch(db, 1) as (scores,):
        db.run("staging__like_scores", stage=scores)
        if end > hour and versions_before(db, end):
            anomaly_scores.score(db, scores, hour, end)
        db.run("normal_centroid__hour_before", stage=scores, hour=hour)
        troubled = bursts.troubled(db, Window(hour - HOUR, hour + HOUR), scores)
    for row in db.rows("normal_centroid__troubled", start=end - baseline.LOOK_BACK, until=hour - HOUR):
        troubled.append((row["Operation"], Window(utc(row["Start"]), utc(row["End"]))))
    if troubled:
        operations, windows = zip(*troubled, strict=True)
        span = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
        db.run("normal_centroid__exclude_troubled", stage=excluded, operations=list(operations), **span)


def versions_before(db: Database, end: datetime) -> bool:
    """Whether a baseline version exists that ended before ``end``."""
    return bool(db.one("normal_centroid__versions", end=end)["Versions"])


def learn(
    db: Database,
    version: datetime,
    windows: Sequence[Window],
    excluded: str,
    model: str = "",
    *,
    known_normal: bool = False,
) -> int:
    """Learn one baseline version from windows; replaces that version.

    Left out, too, is what was out of the ordinary for a time: stretches in which something took long,
    and behavior that came in a burst, where the windows are long enough to show whether it recurs. So the normal holds
    though a part of the traces is faulty.

    :param version: its name, a time in whole seconds; it judges only traces that begin later (unless told otherwise).
    :param excluded: table with the TraceIds to leave out.
    :param known_normal: somebody says that the windows are: then all of them is learned, and counts as it is.
    :returns: number of traces learned from; 0 when there were too few, and then there is no such version.
    """
    span = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    with scratch(db, 4) as (traces, stats, unlike, quiet):
        count = db.one("normal_centroid__count", **span)["Traces"]
        thin = 1 + count // MOST_TRACES
        db.run("normal_centroid__excluded", stage=unlike)
        if not known_normal:
            _leave_out(db, unlike, count, thin, span)
        db.run(
            "normal_centroid__traces",
            stage=traces,
            excluded=excluded,
            unlike=unlike,
            version=version,
            thin=thin,
            **span,
        )
        kept = db.one("staging__count", stage=traces)["Rows"]
        with replacing_partition(db, "normal_centroids", version) as stage:
            if kept < LEAST_TRACES:
                return 0
            about = {
                "version": version,
                "window_start": min(span["starts"]),
                "excluded": sum(db.one("staging__count", stage=table)["Rows"] for table in (excluded, unlike)),
                "code_version": CODE_VERSION,
            }
            db.run(
                "normal_centroid__learn",
                stage=stage,
                traces=traces,
                model=model,
                least=LEAST_OPERATION_TRACES,
                **about,
            )
            with (
                replacing_partition(db, "normal_times", version) as times,
                replacing_partition(db, "normal_behavior", version) as behavior,
            ):
                db.run("normal_centroid__times", stage=times, traces=traces, version=version, floor=SCALE_FLOOR)
                db.run("normal_centroid__behavior", stage=behavior, traces=traces, version=version)
                anomaly_scores.measure(db, stats, traces, anomaly_scores.Normal(stage, times, behavior), own=1)
            if not known_normal:
                db.run("normal_centroid__quiet", stage=quiet, stats=stats, traces=traces)
            db.run("normal_centroid__calibrate", stage=stage, stats=stats if known_normal else quiet, **about)
        return kept


def _leave_out(db: Database, unlike: str, count: int, thin: int, span: dict[str, list[datetime]]) -> None:
    """Fill the table with the traces of stretches that were out of the ordinary, of so many, of which one in ``thin``
    is learned from.
    """
    db.run("normal_centroid__stretches", stage=unlike, thin=thin, **span)
    if db.one("staging__count", stage=unlike)["Rows"] > MOST_UNLIKE * count / thin:
        db.run("staging__empty", stage=unlike)
    seconds = (max(span["ends"]) - min(span["starts"])).total_seconds()
    if seconds >= RECURS_SECONDS:
        width = max(SLICE_SECONDS, math.ceil(seconds / SLICES))
        db.run("normal_centroid__bursts", stage=unlike, thin=thin, width=width, **span)
