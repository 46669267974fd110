"""match_pattern, propose_pattern, review_pattern: the error memory, as agents may use it.

An agent may only propose: what it writes is *suspected*, and its cause and remedy are served to nobody as such until a
person has confirmed them. ``review_pattern`` is offered only where MCP_REVIEW says that a person sits behind the agent.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from otel_pipeline.detection import memory, pattern_check, reviews
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.detection.recall import UNKNOWN, recall
from otel_pipeline.detection.remembered import remembered
from otel_pipeline.errors import UserError
from otel_pipeline.tools.incidents import incident
from otel_pipeline.tools.model import LAST, Arguments, Context, Tool
from otel_pipeline.tools.untrusted import Ours, named

MOST = 5


class MatchArguments(Arguments):
    """What to recognise."""

    text: str = Field("", description="An error message, or what is seen", max_length=1000)
    incident_id: str = Field("", description="Or an incident: its structure is compared, too", max_length=64)
    service: str = Field("", description="With text: only patterns of this service")

    @model_validator(mode="after")
    def _one_of_both(self) -> "MatchArguments":
        if (len(self.text.strip()) < 3) == (len(self.incident_id.strip()) < 4):
            raise ValueError("give either text (3 characters or more) or incident_id (4 or more)")
        return self


class ProposeArguments(Arguments):
    """What has been found out."""

    service: str = Field(description="Service to blame", min_length=1, max_length=100)
    message: str = Field(description="The error by which it is recognised", min_length=3, max_length=500)
    root_cause: str = Field(description="Why it happens", min_length=3, max_length=500)
    resolution: str = Field("", description="What fixed it, if known", max_length=500)
    trace_ids: list[str] = Field(description="Evidence", min_length=1, max_length=10)


class ReviewArguments(Arguments):
    """What a person decided."""

    pattern_id: str = Field(min_length=4, max_length=64)
    decision: Literal["confirm", "reject", "harmless"]
    who: str = Field(description="The person", min_length=2, max_length=80)
    root_cause: str = Field("", description="To confirm", max_length=500)
    resolution: str = Field("", description="To confirm", max_length=500)
    note: str = Field("", max_length=500)


def match_pattern(context: Context, asked: MatchArguments) -> dict[str, Any]:
    """The pattern that the memory recalls, or none and why; and what else is near.

    :raises UserError: no embedder, no such incident.
    """
    if asked.incident_id:
        row = incident(context, asked.incident_id)
        started = {row["IncidentId"]: utc(row["Start"])}
        said = remembered(context.reader, started, context.embedder)[row["IncidentId"]]
        near = [p for p in (said.noted,) if p and p is not said.pattern]
        return _answer(said.pattern, said.why, [(pattern, None) for pattern in near])
    vector = _vector(context, asked.text)
    model = context.embedder.model if context.embedder else ""
    known = {pattern.pattern_id: pattern for pattern in memory.read(context.reader)}
    rows = context.reader.rows("tools__patterns", vector=vector, model=model, service=asked.service, limit=MOST)
    near = [(known[row["pattern_id"]], row["Distance"]) for row in rows if row["pattern_id"] in known]
    if not near:
        return _answer(None, UNKNOWN, [])
    fresh = replace(near[0][0], pattern_id=uuid.UUID(int=0), Features=(), embedding=tuple(vector), EmbeddingModel=model)
    window = Window(context.now - LAST, context.now)
    said = recall(known.values(), fresh, lambda pattern: pattern_check.ask(context.settings, pattern, window))
    words = "" if said.pattern else "; words alone do not tell: give incident_id to compare structure"
    return _answer(said.pattern, said.why + words, near)


def _answer(recalled: memory.Pattern | None, why: str, near: Sequence[tuple[memory.Pattern, float | None]]) -> Any:
    others = [_told(pattern, distance) for pattern, distance in near if pattern is not recalled]
    found = [*([_told(recalled) | _remedy(recalled)] if recalled else []), *others]
    return {"recalled": str(recalled.pattern_id) if recalled else None, "why": why, "patterns": found}


def _told(pattern: memory.Pattern, distance: float | None = None) -> dict[str, Any]:
    """A pattern without cause and remedy: those are for what is recalled."""
    return {
        "pattern_id": str(pattern.pattern_id),
        "status": Ours(pattern.Status),
        "harmless": pattern.Harmless,
        "service": pattern.service_name,
        "message": pattern.error_message,
        "occurrences": pattern.occurrence_count,
        "last_seen": pattern.last_seen,
        "trace_ids": list(pattern.related_trace_ids[:3]),
        **({} if distance is None else {"distance": distance}),
    }


def _remedy(pattern: memory.Pattern) -> dict[str, Any]:
    by = {"confirmed_by": pattern.ReviewedBy, "confirmed_at": pattern.ReviewedAt}
    return {"root_cause": pattern.root_cause, "resolution": pattern.resolution, **by}


def _vector(context: Context, text: str) -> list[float]:
    """The vector of a text.

    :raises UserError: no embedder, or what it said, delimited: an endpoint is not ours.
    """
    if context.embedder is None:
        raise UserError("this needs the embedder; start it with `otel-pipeline embedder`")
    try:
        return context.embedder.embed([text])[0].tolist()
    except UserError as error:
        raise type(error)(named(str(error), 400)) from error


def propose_pattern(context: Context, asked: ProposeArguments) -> dict[str, Any]:
    """Note a suspected pattern.

    :raises UserError: evidence that is not there, or people have decided on it already.
    """
    held = {row["TraceId"] for row in context.reader.rows("tools__held", trace_ids=asked.trace_ids)}
    missing = [trace for trace in asked.trace_ids if trace not in held]
    if missing:
        raise UserError(f"no trace {named(missing[0])} here; give traces that show the error as evidence")
    signature = f"{asked.service}: {asked.message}"
    pattern_id = uuid.uuid5(memory.NAMESPACE, f"proposed {signature}")
    before = next((p for p in memory.read(context.writer) if p.pattern_id == pattern_id), None)
    if before:
        answer = {"pattern_id": str(pattern_id), "status": Ours(before.Status), "stored": False}
        return answer | {"notes": [Ours("proposed before; nothing was changed")]}
    pattern = _suspected(context, asked, signature, pattern_id)
    memory.write(context.writer, pattern, "proposed", "by an agent")
    note = "a person has to confirm it: `otel-pipeline patterns resolve`; until then no remedy is served"
    return {"pattern_id": str(pattern_id), "status": Ours(pattern.Status), "stored": True, "notes": [Ours(note)]}


def review_pattern(context: Context, asked: ReviewArguments) -> dict[str, Any]:
    """Store what a person decided.

    :raises UserError: no such pattern, or nothing to confirm it with.
    """
    who = f"{asked.who} (by {context.asker})"
    if asked.decision == "confirm":
        if not asked.root_cause or not asked.resolution:
            raise UserError("to confirm a pattern give root_cause and resolution")
        pattern = reviews.confirm(
            context.writer, asked.pattern_id, asked.root_cause, asked.resolution, who=who, note=asked.note
        )
    else:
        harmless = asked.decision == "harmless"
        pattern = reviews.reject(context.writer, asked.pattern_id, who=who, note=asked.note, harmless=harmless)
    return {"pattern_id": str(pattern.pattern_id), "status": Ours(pattern.Status), "stored": True}


def _suspected(context: Context, asked: ProposeArguments, signature: str, pattern_id: uuid.UUID) -> memory.Pattern:
    now = datetime.now(UTC)
    vector, model = (), ""
    if context.embedder:
        vector, model = tuple(_vector(context, signature)), context.embedder.model
    return memory.Pattern(
        pattern_id=pattern_id,
        created_at=now,
        error_signature=signature,
        error_message=asked.message,
        service_name=asked.service,
        root_cause=asked.root_cause,
        resolution=asked.resolution,
        first_seen=now,
        last_seen=now,
        related_trace_ids=tuple(asked.trace_ids),
        Services=(asked.service,),
        EmbeddedText=signature,
        embedding=vector,
        EmbeddingModel=model,
        ChangedBy=context.asker,
    )


MATCH_PATTERN = Tool(
    name="match_pattern",
    title="Known pattern?",
    description=(
        "The known error pattern of an incident or a text, recalled only where structure, meaning and a fresh check"
        " agree: with the cause and resolution that a person confirmed; why says why not. Others nearby are guesses."
    ),
    arguments=MatchArguments,
    output={"why": "string", "patterns": "array"},
    run=match_pattern,
)
PROPOSE_PATTERN = Tool(
    name="propose_pattern",
    title="Propose a pattern",
    description="Note what was found out as a suspected pattern, with traces as evidence. A person has to confirm it.",
    arguments=ProposeArguments,
    output={"pattern_id": "string", "status": "string", "stored": "boolean"},
    run=propose_pattern,
    writes=True,
)
REVIEW_PATTERN = Tool(
    name="review_pattern",
    title="Review a pattern",
    description="Store the decision of a person on a pattern. Only when a person has said so in this conversation.",
    arguments=ReviewArguments,
    output={"pattern_id": "string", "status": "string", "stored": "boolean"},
    run=review_pattern,
    writes=True,
    flag="mcp_review",
)
