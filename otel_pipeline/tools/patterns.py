"""match_pattern, propose_pattern, review_pattern: the error memory, as agents may use it.

An agent may only propose: what it writes is *suspected*, and its cause and remedy are served to nobody as such until a
person has confirmed them. ``review_pattern`` is offered only where MCP_REVIEW says that a person sits behind the agent.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from otel_pipeline.detection import memory, reviews
from otel_pipeline.errors import UserError
from otel_pipeline.tools.model import Arguments, Context, Tool
from otel_pipeline.tools.untrusted import Ours, named

MOST = 5


class MatchArguments(Arguments):
    """What to recognise."""

    text: str = Field(description="An error message, or what is seen", min_length=3, max_length=1000)
    service: str = Field("", description="Only patterns of this service")


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
    """Known patterns that read like the text, the nearest first.

    :raises UserError: no embedder.
    """
    if context.embedder is None:
        raise UserError("match_pattern needs the embedder; start it with `otel-pipeline embedder`")
    vector = context.embedder.embed([asked.text])[0].tolist()
    rows = context.reader.rows(
        "tools__patterns", vector=vector, model=context.embedder.model, service=asked.service, limit=MOST
    )
    found = []
    for row in rows:
        confirmed = row["Status"] == "confirmed"
        told = {"root_cause": row["root_cause"], "resolution": row["resolution"]} if confirmed else {}
        found.append(
            {
                "pattern_id": str(row["pattern_id"]),
                "status": Ours(row["Status"]),
                "harmless": row["Harmless"],
                "service": row["service_name"],
                "message": row["error_message"],
                "distance": row["Distance"],
                "occurrences": row["occurrence_count"],
                "last_seen": row["last_seen"],
                "trace_ids": row["related_trace_ids"][:3],
                **told,
            }
        )
    answer: dict[str, Any] = {"patterns": found}
    if not found:
        answer["notes"] = [Ours("no known pattern")]
    elif not any(pattern["status"] == "confirmed" for pattern in found):
        answer["notes"] = [Ours("none is confirmed by a person: cause and remedy are not known")]
    return answer


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
        vector, model = tuple(context.embedder.embed([signature])[0].tolist()), context.embedder.model
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
        "Known error patterns that read like a text. Cause and resolution are given only where a person confirmed them;"
        " suspected ones are guesses."
    ),
    arguments=MatchArguments,
    output={"patterns": "array"},
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
