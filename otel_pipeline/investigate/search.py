"""Log lines that mean this: nearest templates by meaning and by words, joined back to counts, lines and traces.

Texts are few, so the scan over their vectors is exact; where there are many, the vector index and the text index name
candidates, which are then ranked in the same way. A code in the query (``ERR-4711``, an id) is looked up in the lines
(:mod:`otel_pipeline.investigate.codes`); a template with a line that holds it, or with a name that stands in the query
(``NullPointerException``, ``db_pool``), beats any neighbour in meaning.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import HOUR, utc
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.investigate import codes
from otel_pipeline.investigate.nearest import MOST, as_hex, index_for, nearest, nearest_of

SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
MOST_WORDS, MOST_NAMES = 50, 10
# With a window, so many times more templates are ranked than are shown: some have no line in it.
SPARE = 5
# Where an index finds them: neighbours in meaning, and in words, that are ranked.
CANDIDATES = 200
_STOP = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be because but by for from has have in into is it its like log logs line lines message of"
        " on or similar than that the then there this to was were what when where which who why with",
    )
)
_TRACE = re.compile(r"[0-9a-fA-F]{32}")
_NAME = re.compile(r"\b(?:[A-Za-z]{2,}(?:[._][A-Za-z]{2,})+|[A-Za-z]*[a-z][A-Z][A-Za-z]+)\b")


@dataclass
class Hit:
    """A template that answers the query.

    :param score: 0 to 1: the greater of meaning (``similarity``) and words (``words``: the share of the query's words
        that the template holds, rare ones counting more; 1 where it holds a name of the query, or its lines a code).
    :param lines: lines in the window, or in all hours that are kept.
    """

    template_id: str
    template: str
    services: list[str]
    severity: str
    lines: int
    first_seen: datetime
    last_seen: datetime
    score: float
    similarity: float
    words: float
    examples: list[str] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)


@dataclass
class Found:
    """What a search found, and what must be known to judge it."""

    query: str
    hits: list[Hit]
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def search(
    db: Database,
    embedder: Embedder | None,
    text: str,
    *,
    service: str = "",
    severity: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 10,
) -> Found:
    """Find the templates nearest to a text.

    :param embedder: without one, or when it does not answer, words alone decide and a note says so.
    :param service: only templates that this service logs.
    :param severity: only templates at least this severe.
    :param start: only lines of the hours from here, and
    :param end: up to here.
    :raises UserError: an empty text, or an unknown severity.
    """
    if not text.strip():
        raise UserError("nothing to search for; give some words, a message or a code")
    severity = severity.upper()
    if severity and severity not in SEVERITIES:
        raise UserError(f"unknown severity {severity}; give one of {', '.join(SEVERITIES)}")
    notes: list[str] = []
    model, vector = _embed(embedder, text, notes)
    begin = start or BEGINNING
    # Events of clocks that run fast are found, too.
    until = end or datetime.now(UTC) + timedelta(days=365)
    coded, cut = codes.templates_with(db, text, service, begin, until)
    notes += cut
    rows = ranked(
        db,
        model,
        vector,
        text=text,
        coded=list(coded),
        service=service,
        severity=severity,
        start=begin,
        end=until,
        limit=limit * SPARE if start or end else limit,
        filtered=bool(service or severity or start or end),
    )
    hits = [_hit(row) for row in rows]
    if start or end:
        hits = _in_window(db, hits, service, begin, until)[:limit]
    else:
        add_examples(db, hits)
    for hit in hits:
        if row := coded.get(int(hit.template_id)):
            hit.examples, hit.trace_ids = row["Bodies"], row["TraceIds"]
    if vector and hits and not any(hit.similarity for hit in hits):
        notes.append(f"no vectors of model {model} yet; words alone decide")
    if _TRACE.fullmatch(text.strip()):
        notes.append("this looks like a trace id; `otel-pipeline similar` says what its errors are like")
    if not hits:
        notes.append("no template fits; see that the lineage has run over the window (`otel-pipeline materialize`)")
    return Found(text, hits, notes)


def ranked(
    db: Database,
    model: str,
    vector: list[float],
    *,
    text: str,
    coded: list[int],
    limit: int,
    filtered: bool,
    **within: Any,
) -> list[dict[str, Any]]:
    """Templates by meaning and words: all of them, or the candidates of the indexes where there are many.

    :param within: service, severity, start, end of the templates; ``filtered``: they leave some out.
    """
    words = words_of(text)
    asked = {
        "vector": as_hex(vector),
        "words": words,
        "names": names_of(text),
        "coded": coded,
        "limit": limit,
        **within,
    }
    if not (table := index_for(db, model, len(vector))):
        return db.rows("search__templates", model=model, **asked)
    said = db.rows("search__words", words=words, limit=CANDIDATES, **within) if words else []
    holding = [row["TextHash"] for row in said]
    near = nearest(db, table, vector, MOST if filtered else CANDIDATES)
    rows = db.rows("search__among", table=table, hashes=[*near, *holding], **asked)
    if filtered and len({row["TextHash"] for row in rows}.intersection(near)) < limit:
        # The filter leaves too few of the neighbours: the nearest of those that pass it.
        near = nearest_of(db, table, vector, CANDIDATES, within)
        rows = db.rows("search__among", table=table, hashes=[*near, *holding], **asked)
    return rows


def words_of(text: str) -> list[str]:
    """The words of a query that may stand in a template, lower case."""
    words = re.findall(r"\w+", text.lower().replace("_", " "))
    return list(dict.fromkeys(word for word in words if len(word) > 1 and word not in _STOP))[:MOST_WORDS]


def names_of(text: str) -> list[str]:
    """What looks like a name in a program, without digits: of several parts, or with a capital inside."""
    return list(dict.fromkeys(_NAME.findall(text)))[:MOST_NAMES]


def _embed(embedder: Embedder | None, text: str, notes: list[str]) -> tuple[str, list[float]]:
    if embedder is None:
        return "", []
    try:
        return embedder.model, embedder.embed([text])[0].tolist()
    except UserError as error:
        notes.append(f"{error}; words alone decide")
        return embedder.model, []


def hit_of(row: dict[str, Any], *, score: float, similarity: float, words: float) -> Hit:
    """A template's row of a query as a hit; figures to four decimals."""
    return Hit(
        template_id=str(row["TemplateId"]),
        template=row["Text"],
        services=row["Services"],
        severity=row["SeverityText"],
        lines=row["Count"],
        first_seen=utc(row["FirstSeen"]),
        last_seen=utc(row["LastSeen"]),
        score=round(score, 4),
        similarity=round(similarity, 4),
        words=round(words, 4),
    )


def _hit(row: dict[str, Any]) -> Hit:
    words = 1.0 if row["holds_code"] else row["words_share"]
    return hit_of(row, score=row["score"], similarity=row["similarity"], words=words)


def _in_window(db: Database, hits: list[Hit], service: str, start: datetime, end: datetime) -> list[Hit]:
    """Hits with lines in the hours of the window, and their figures there."""
    from_hour = start.replace(minute=0, second=0, microsecond=0)
    rows = db.rows("search__seen", ids=_ids(hits), from_hour=from_hour, to_hour=_limit(end), service=service)
    seen = {str(row["TemplateId"]): row for row in rows}
    inside = [hit for hit in hits if hit.template_id in seen]
    for hit in inside:
        row = seen[hit.template_id]
        hit.lines, hit.services = row["Lines"], row["ServiceNames"]
        hit.first_seen, hit.last_seen = utc(row["First"]), utc(row["Last"])
        hit.examples, hit.trace_ids = row["Bodies"], row["TraceIds"]
    return inside


def add_examples(db: Database, hits: list[Hit]) -> None:
    """Give hits the example lines and traces of the last hour in which each was seen."""
    hours = sorted({hit.last_seen.replace(minute=0, second=0, microsecond=0) for hit in hits})
    if not hours:
        return
    examples = {str(row["TemplateId"]): row for row in db.rows("search__examples", ids=_ids(hits), hours=hours)}
    for hit in hits:
        if row := examples.get(hit.template_id):
            hit.examples, hit.trace_ids = row["Bodies"], row["TraceIds"]


def _ids(hits: Iterable[Hit]) -> list[int]:
    return [int(hit.template_id) for hit in hits]


def _limit(end: datetime) -> datetime:
    """The start of the first hour that begins at the end or later."""
    hour = end.replace(minute=0, second=0, microsecond=0)
    return hour if hour == end else hour + HOUR
