"""What people (and programs) may say about a pattern: propose, confirm, correct, reject, reopen.

Only a person decides. Anybody may propose; a proposal never touches what is confirmed, and is never served as a remedy.
"""

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import pattern_check
from otel_pipeline.detection.memory import LINEAGE, NAMESPACE, Pattern, find, write
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError

LONGEST = 2000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_PROGRAM = re.compile(r"(?i)^(agent|mcp|llm|model|bot|assistant)\b")


def add(
    db: Database,
    embedder: Embedder,
    service: str,
    message: str,
    *,
    root_cause: str,
    resolution: str,
    who: str,
    harmless: bool = False,
    check: str = "",
) -> Pattern:
    """Note a pattern that a person knows of; it is confirmed, and recalled by the meaning of its message.

    :raises UserError: no embedder, no person, or words that cannot be stored.
    """
    pattern = described(embedder, text(service, "service"), text(message, "message"))
    pattern = _decided(pattern, root_cause, resolution, check, who)
    pattern = replace(pattern, Harmless=harmless)
    _checked(db, check)
    write(db, pattern, "added")
    return pattern


def propose(
    db: Database, embedder: Embedder, service: str, message: str, *, root_cause: str, resolution: str, who: str
) -> Pattern:
    """Note what anybody, a program too, takes for a pattern: suspected until a person confirms it.

    Where the same pattern is known already and decided, it stays as it is; the proposal goes into its history.
    """
    fresh = described(embedder, text(service, "service"), text(message, "message"))
    try:
        known = find(db, str(fresh.pattern_id))
    except UserError:
        known = fresh
    cause, remedy = text(root_cause, "cause", empty=True), text(resolution, "resolution", empty=True)
    who = text(who, "who")
    if known.Status == "suspected":
        known = replace(known, root_cause=cause, resolution=remedy, ChangedBy=who)
        write(db, known, "proposed")
    else:
        note = f"{who} proposes: cause: {cause}; resolution: {remedy}; the decision stands"
        write(db, known, "proposed", note)
    return known


def confirm(
    db: Database, pattern_id: str, root_cause: str, resolution: str, *, who: str, note: str = "", check: str = ""
) -> Pattern:
    """Confirm a pattern, with its root cause, what fixed it and, if given, the check that must hold.

    :raises UserError: no such pattern, no person, nothing said, or a check that is not allowed.
    """
    pattern = find(db, pattern_id)
    check = check or pattern.CheckQuery
    _checked(db, check)
    known = pattern.Status == "confirmed"
    pattern = replace(_decided(pattern, root_cause, resolution, check, who), Harmless=False)
    write(db, pattern, "corrected" if known else "resolved", text(note, "note", empty=True))
    return pattern


resolve = confirm


def reject(db: Database, pattern_id: str, who: str, note: str = "", harmless: bool = False) -> Pattern:
    """Say that a pattern is none; or, ``harmless``, that it is real and known to do no harm (a confirmed entry)."""
    pattern = replace(find(db, pattern_id), Harmless=harmless)
    if harmless:
        pattern = _decided(pattern, note or pattern.root_cause or "known harmless", "nothing to do", "", who)
    else:
        pattern = _reviewed(replace(pattern, Status="rejected"), who)
    write(db, pattern, "rejected", text(note, "note", empty=True))
    return pattern


def reopen(db: Database, pattern_id: str, who: str, note: str = "") -> Pattern:
    """Take a decision back: the pattern is suspected again."""
    pattern = _reviewed(replace(find(db, pattern_id), Status="suspected", Harmless=False), who)
    write(db, pattern, "reopened", text(note, "note", empty=True))
    return pattern


def described(embedder: Embedder, service: str, message: str) -> Pattern:
    """A pattern known by its service and message alone."""
    now = datetime.now(UTC)
    signature = f"{service}: {message}"
    return Pattern(
        pattern_id=uuid.uuid5(NAMESPACE, signature),
        created_at=now,
        error_signature=signature,
        error_message=message,
        service_name=service,
        first_seen=now,
        last_seen=now,
        Services=(service,),
        EmbeddedText=signature,
        embedding=tuple(float(x) for x in embedder.embed([signature])[0]),
        EmbeddingModel=embedder.model,
    )


def text(value: str, name: str, *, empty: bool = False) -> str:
    """Words as they may be stored: trimmed, bounded, without control characters or changes of direction.

    :raises UserError: naming what is wrong.
    """
    value = value.strip()
    if not value and not empty:
        raise UserError(f"{name}: nothing given; say it in a sentence")
    if len(value) > LONGEST:
        raise UserError(f"{name}: {len(value)} characters; at most {LONGEST}")
    if _CONTROL.search(value):
        raise UserError(f"{name}: it holds control characters; write plain text")
    return value


def person(who: str) -> str:
    """The name of a person who decides.

    :raises UserError: no name, or that of a program.
    """
    who = text(who, "who")
    if who == LINEAGE or _PROGRAM.match(who):
        raise UserError(f"who: {who!r} is a program; a person decides, programs propose")
    return who


def _decided(pattern: Pattern, cause: str, remedy: str, check: str, who: str) -> Pattern:
    cause, remedy = text(cause, "cause"), text(remedy, "resolution", empty=True)
    decided = replace(pattern, root_cause=cause, resolution=remedy, CheckQuery=check, CheckFailures=0)
    return _reviewed(replace(decided, Status="confirmed"), who)


def _reviewed(pattern: Pattern, who: str) -> Pattern:
    who = person(who)
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return replace(pattern, ReviewedBy=who, ReviewedAt=now, ChangedBy=who)


def _checked(db: Database, check: str) -> None:
    if check:
        pattern_check.validate(db.settings, check)
