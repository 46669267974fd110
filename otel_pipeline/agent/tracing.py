"""The agent's own work as spans, by OpenTelemetry's semantic conventions for generative AI, into the same intake.

Spans ``invoke_agent``, ``chat`` and ``execute_tool`` with ``gen_ai.*`` attributes. What was said is left out unless
``ASK_CAPTURE_CONTENT`` is on. An intake that is away, slow or refuses never breaks or delays an answer by more than
:data:`PATIENCE_SECONDS`.
"""

import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer

from otel_pipeline.agent.chat import Chat, Reply, server
from otel_pipeline.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

AGENT = "otel-pipeline"
SERVICE = "otel-pipeline-agent"
PATIENCE_SECONDS = 2
CONNECT_SECONDS = 0.5
MOST_CHARACTERS = 8000


class Tracing:
    """Tracer of one question. Use as a context manager; the spans are sent at its end.

    :param conversation: id of the question, in every span.
    """

    def __init__(self, settings: Settings, conversation: str) -> None:
        self.settings = settings
        self.conversation = conversation
        self.tracer: Tracer = NoOpTracer()
        self._provider: TracerProvider | None = None

    def __enter__(self) -> "Tracing":
        with contextlib.suppress(Exception):
            if self.settings.ask_trace and self._reachable():
                self._provider = self._connected()
                self.tracer = self._provider.get_tracer("otel_pipeline.agent")
        return self

    def __exit__(self, *_: object) -> None:
        if self._provider is not None:
            with contextlib.suppress(Exception):
                self._provider.force_flush(PATIENCE_SECONDS * 1000)
                self._provider.shutdown()

    @contextlib.contextmanager
    def agent(self, chat: Chat | None, question: str) -> Iterator[Span]:
        """The span of the whole question."""
        named = {"gen_ai.provider.name": chat.provider, "gen_ai.request.model": chat.model} if chat else {}
        attributes = {"gen_ai.agent.name": AGENT, "gen_ai.conversation.id": self.conversation, **named}
        with self._span(f"invoke_agent {AGENT}", SpanKind.INTERNAL, "invoke_agent", attributes) as span:
            self.content(span, "gen_ai.input.messages", [_said("user", question)])
            yield span

    @contextlib.contextmanager
    def chat(self, chat: Chat, tokens: int) -> Iterator[Span]:
        """The span of one reply of the model."""
        host, port = server(chat.url)
        attributes = {
            "gen_ai.provider.name": chat.provider,
            "gen_ai.request.model": chat.model,
            "gen_ai.request.max_tokens": tokens,
            "gen_ai.conversation.id": self.conversation,
            "server.address": host,
            "server.port": port,
        }
        with self._span(f"chat {chat.model}", SpanKind.CLIENT, "chat", attributes) as span:
            yield span

    @contextlib.contextmanager
    def tool(self, name: str, call_id: str) -> Iterator[Span]:
        """The span of one tool call."""
        attributes = {"gen_ai.tool.name": name, "gen_ai.tool.call.id": call_id[:64], "gen_ai.tool.type": "function"}
        with self._span(f"execute_tool {name}", SpanKind.INTERNAL, "execute_tool", attributes) as span:
            yield span

    def replied(self, span: Span, reply: Reply) -> None:
        """What the model's endpoint said about its reply."""
        usage(span, reply.input_tokens, reply.output_tokens)
        span.set_attribute("gen_ai.response.id", reply.id)
        span.set_attribute("gen_ai.response.model", reply.model)
        span.set_attribute("gen_ai.response.finish_reasons", [reply.finish])
        self.content(span, "gen_ai.output.messages", [_said("assistant", reply.text)])

    def content(self, span: Span, attribute: str, value: Any) -> None:
        """What was said, where that is wanted."""
        if self.settings.ask_capture_content:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            span.set_attribute(attribute, text[:MOST_CHARACTERS])

    @contextlib.contextmanager
    def _span(self, name: str, kind: SpanKind, operation: str, attributes: dict[str, Any]) -> Iterator[Span]:
        given = {"gen_ai.operation.name": operation, **attributes}
        with self.tracer.start_as_current_span(
            name, kind=kind, attributes=given, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                failed(span, type(error).__name__, "")
                raise

    def _reachable(self) -> bool:
        address = (self.settings.intake_host, self.settings.intake_http_port)
        with contextlib.suppress(OSError), socket.create_connection(address, CONNECT_SECONDS):
            return True
        return False

    def _connected(self) -> "TracerProvider":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        token = self.settings.intake_token
        exporter = OTLPSpanExporter(
            endpoint=f"http://{self.settings.intake_host}:{self.settings.intake_http_port}/v1/traces",
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=PATIENCE_SECONDS,
        )
        provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider


def usage(span: Span, input_tokens: int, output_tokens: int) -> None:
    """Tokens of a reply, or of all."""
    span.set_attribute("gen_ai.usage.input_tokens", input_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", output_tokens)


def failed(span: Span, kind: str, reason: str) -> None:
    """Mark a span as failed."""
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, reason[:200]))


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
