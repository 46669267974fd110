"""OTel-shaped files into the raw tables: checked whole in a staging table, then moved; nothing is half written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import IO, Any, Literal

from clickhouse_connect.driver.exceptions import ClickHouseError

from otel_pipeline import retention, sqlfiles
from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import utc
from otel_pipeline.detection.staging import create_like, scratch
from otel_pipeline.errors import UserError

Kind = Literal["traces", "logs"]
NEEDED = {
    "traces": ("Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "ServiceName", "Duration"),
    "logs": ("Timestamp", "ServiceName", "Body"),
}
FORMATS = {
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".jsonl": "JSONEachRow",
    ".ndjson": "JSONEachRow",
    ".json": "JSONEachRow",
    ".csv": "CSVWithNames",
    ".tsv": "TSVWithNames",
    ".native": "Native",
}


class NoRows(UserError):
    """A file of the right columns that is empty."""


@dataclass(frozen=True)
class Imported:
    """What an import did.

    :param rows: rows added to the raw table.
    :param there: rows of the file that stood there already, left out.
    :param mended: log lines without a usable time that took that of their span.
    :param kept_until: when rows older than the retention will go; None where retention does not touch them.
    """

    kind: str
    path: str
    rows: int
    there: int
    mended: int
    start: datetime
    end: datetime
    kept_until: datetime | None


def run(
    db: Database, files: dict[Kind, Path], progress: Callable[[str, int, int], None] | None = None
) -> list[Imported]:
    """Import files; either all of them, or, with the reason, none.

    :param files: path by kind. Format by suffix: Parquet, Arrow, JSON lines, CSV, TSV, Native.
    :param progress: called with the path, the bytes sent and the bytes in all.
    :raises UserError: a file that is missing, unreadable, not of the columns needed, or without usable times.
    """
    for kind, path in files.items():
        _check(kind, path)
    with scratch(db, len(files)) as names:
        stages = dict(zip(files, names, strict=True))
        for kind, path in files.items():
            _load(db, kind, path, stages[kind], progress)
        spans = stages.get("traces", "otel_traces")
        mended = {"logs": _mend(db, stages["logs"], spans)} if "logs" in stages else {}
        facts = {kind: _facts(db, kind, files[kind], stage) for kind, stage in stages.items()}
        kept = keep(db, min(row["Start"] for row in facts.values()))
        return [
            Imported(
                kind=kind,
                path=str(files[kind]),
                rows=(rows := _move(db, kind, stage, facts[kind])),
                there=facts[kind]["Rows"] - rows,
                mended=mended.get(kind, 0),
                start=facts[kind]["Start"],
                end=facts[kind]["End"],
                kept_until=kept,
            )
            for kind, stage in stages.items()
        ]


def _check(kind: Kind, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: unknown format; the name must end in one of {' '.join(FORMATS)}")
    if path.suffix.lower() == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            columns = set(pyarrow.parquet.read_schema(path).names)
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise UserError(f"{path}: not a Parquet file ({str(error).splitlines()[0][:120]})") from error
        missing = [name for name in NEEDED[kind] if name not in columns]
        if missing:
            raise UserError(f"{path}: lacks {', '.join(missing)}; it must have the columns of otel_{kind}")


def _load(db: Database, kind: Kind, path: Path, stage: str, progress: Callable[[str, int, int], None] | None) -> None:
    """Send the file, streamed, into a staging table of the form of the raw table, without its retention."""
    create_like(db, stage, f"otel_{kind}")
    db.run("import__no_ttl", stage=stage)
    try:
        with path.open("rb") as file:
            db.client.raw_insert(
                stage,
                insert_block=_Watched(file, path, progress),  # pyright: ignore[reportArgumentType]
                fmt=FORMATS[path.suffix.lower()],
                settings={"input_format_null_as_default": 1, "input_format_skip_unknown_fields": 1},
            )
    except ClickHouseError as error:
        raise UserError(f"{path}: {_reason(error)}") from error


def _reason(error: ClickHouseError) -> str:
    """The telling part of the server's answer to bad data, on one line."""
    text = " ".join(str(error).split())
    text = re.sub(r"^.*?DB::Exception: ", "", text)
    return re.split(r"(?i): ?while |: ?\(?in file|\. stack trace|\(version | \(for url", text)[0][:300]


class _Watched:
    """A file that tells how much of it has been read."""

    def __init__(self, file: IO[bytes], path: Path, progress: Callable[[str, int, int], None] | None) -> None:
        self._file, self._path, self._progress = file, path, progress
        self._size = path.stat().st_size

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._file.read(size)
        if self._progress:
            self._progress(str(self._path), self._file.tell(), self._size)
        return data


def _mend(db: Database, stage: str, spans: str) -> int:
    """Give log lines without a usable time that of their span, or of their trace; how many there were."""
    count = db.one("import__timeless", stage=stage)["Lines"]
    if count:
        with scratch(db, 1) as (mended,):
            create_like(db, mended, stage)
            db.run("import__mend", stage=mended, logs=stage, spans=spans)
            db.run("import__swap", stage=stage, mended=mended)
    return count


def _facts(db: Database, kind: Kind, path: Path, stage: str) -> dict[str, Any]:
    facts = db.one("import__facts", stage=stage)
    if not facts["Rows"]:
        raise NoRows(f"{path}: holds no rows")
    for count, what in ((facts["Timeless"], "usable Timestamp"), (facts["Nameless"], "ServiceName")):
        if count:
            raise UserError(f"{path}: {count:,} of {facts['Rows']:,} rows have no {what}; nothing was imported")
    return {**facts, "Start": utc(facts["Start"]), "End": utc(facts["End"])}


def _move(db: Database, kind: Kind, stage: str, facts: dict[str, Any]) -> int:
    """Insert what is not there yet; the materialized views of the raw table see each row once. Rows inserted."""
    with scratch(db, 1) as (fresh,):
        db.run(f"import__fresh_{kind}", stage=fresh, rows=stage, start=facts["Start"], end=facts["End"])
        db.run("import__move", table=f"otel_{kind}", stage=fresh)
        return db.one("staging__count", stage=fresh)["Rows"]


def keep(db: Database, oldest: datetime) -> datetime | None:
    """See that retention does not remove rows at once that are older than it: they are kept as if they had come today.

    :param oldest: time of the oldest row.
    :returns: when they will go, or None where retention does not touch them.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    until = None
    for row in db.rows("import__ttls"):
        kept = retention.days(row["engine_full"])
        if kept is None or oldest > now - timedelta(days=kept):
            continue
        ttl = retention.held(row["engine_full"], now)
        statement = Template(sqlfiles.query("import__keep")).substitute(table=row["name"], ttl=ttl)
        db.client.command(statement, settings={"materialize_ttl_after_modify": 0})
        if row["name"] in ("otel_traces", "otel_logs"):
            until = now + timedelta(days=kept)
    return until
