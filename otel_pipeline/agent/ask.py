"""A question to an answer: by a model with tools where one is set up and answers, else without one."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from otel_pipeline.agent import unaided
from otel_pipeline.agent.bounds import Bounds
from otel_pipeline.agent.chat import Chat
from otel_pipeline.agent.citations import Citation, check
from otel_pipeline.agent.loop import Agent, Conversation
from otel_pipeline.agent.redacted import RedactedChat
from otel_pipeline.agent.tracing import Tracing, failed, usage
from otel_pipeline.errors import UserError
from otel_pipeline.redact import redactor_for
from otel_pipeline.settings import Settings
from otel_pipeline.tools.model import Context

NO_MODEL = "No language model was used"


@dataclass
class Answer:
    """An answer.

    :param model: the model that wrote it; None: no model did.
    :param citations: cited ids, and whether a tool really answered them.
    :param queries: what was asked of the data, in order.
    :param stopped: bounds that were hit.
    :param investigation: the deterministic report, where no model answered.
    """

    question: str
    answer: str
    model: str | None = None
    provider: str | None = None
    citations: list[Citation] = field(default_factory=list)
    queries: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usage: dict[str, float | int] = field(default_factory=dict)
    conversation_id: str = ""
    trace_id: str = ""
    investigation: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        cited = [{"trace_id": c.trace_id, "verified": c.verified} for c in self.citations]
        return {**self.__dict__, "citations": cited}


def ask(context: Context, question: str, progress: Callable[[str], None]) -> Answer:
    """Answer a question.

    :param progress: told what happens, line by line.
    :raises UserError: an empty question, wrong settings, or a trace that is not there.
    """
    if not question.strip():
        raise UserError('nothing was asked; for example: otel-pipeline ask "anything abnormal in the last 15 minutes?"')
    bounds = Bounds(context.settings)
    chat = model(context.settings)
    conversation = str(uuid.uuid4())
    with Tracing(context.settings, conversation) as tracing, tracing.agent(chat, question) as span:
        if chat:
            found = Agent(context, chat, bounds, tracing, progress).ask(question)
        else:
            found = Conversation(trouble="set ASK_MODEL (and a key or ASK_BASE_URL) for one")
        answer = _aided(question, chat, found, bounds) if chat and found.text else None
        if answer is None:
            answer = _unaided(context, question, found, bounds)
            if chat:
                failed(span, "no_answer", found.trouble)
        usage(span, bounds.input_tokens, bounds.output_tokens)
        tracing.content(span, "gen_ai.output.messages", answer.answer)
        answer.conversation_id, answer.usage = conversation, bounds.as_dict()
        answer.trace_id = f"{span.get_span_context().trace_id:032x}" if span.get_span_context().is_valid else ""
    return answer


def model(settings: Settings) -> Chat | None:
    """The model that is set up, behind a redactor where it is not on this machine; none without ``ASK_MODEL``.

    :raises UserError: a model without a key or an address.
    """
    if not settings.ask_model:
        return None
    provider = settings.ask_provider or ("openai" if settings.ask_base_url else "")
    provider = provider or ("anthropic" if settings.anthropic_api_key else "openai")
    if provider == "anthropic":
        from otel_pipeline.agent.anthropic_chat import AnthropicChat

        return _behind(settings, AnthropicChat(settings)) if settings.anthropic_api_key else None
    from otel_pipeline.agent.openai_chat import OpenAiChat

    return _behind(settings, OpenAiChat(settings)) if settings.openai_api_key or settings.ask_base_url else None


def _behind(settings: Settings, chat: Chat) -> Chat:
    redactor = redactor_for(settings, chat.url)
    return RedactedChat(chat, redactor) if redactor else chat


def _aided(question: str, chat: Chat, found: Conversation, bounds: Bounds) -> Answer:
    text, cited = check(found.text, [question, *(made.text for made in found.made if made.ok)])
    notes = []
    if found.trouble:
        notes.append(f"the answer is partial: {found.trouble}")
    if not any(made.ok for made in found.made):
        notes.append("the model asked no tool: nothing in this answer rests on the data")
    if invented := [c.trace_id for c in cited if not c.verified]:
        notes.append(f"{len(invented)} cited ids stand in no tool answer; they are marked")
    queries = [{"tool": made.tool, "arguments": made.arguments, "ok": made.ok} for made in found.made]
    return Answer(question, text, chat.model, chat.provider, cited, queries, list(bounds.stopped), notes)


def _unaided(context: Context, question: str, found: Conversation, bounds: Bounds) -> Answer:
    why = found.trouble or ("; ".join(bounds.stopped) or "the model said nothing")
    told = unaided.answer(context, question)
    _, cited = check(told.text, [told.text])
    return Answer(
        question,
        told.text,
        citations=cited,
        queries=[
            {"tool": query.split()[0], "arguments": f"otel-pipeline {query}", "ok": True} for query in told.queries
        ],
        stopped=list(bounds.stopped),
        notes=[f"{NO_MODEL}: {why}"],
        investigation=told.report,
    )
