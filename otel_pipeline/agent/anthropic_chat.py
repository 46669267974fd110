"""Anthropic's Messages API, through the ``anthropic`` client."""

import json
from collections.abc import Sequence
from typing import Any

from otel_pipeline.agent.chat import CONNECT_SECONDS, Reply, ToolCall, Turn, explained
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.tools.model import Tool


class AnthropicChat:
    """Messages with tools at ``ANTHROPIC_BASE_URL``, or at Anthropic."""

    provider = "anthropic"

    def __init__(self, settings: Settings) -> None:
        from anthropic import Anthropic

        self.model = settings.ask_model
        self._client = Anthropic(
            api_key=settings.anthropic_api_key or "none",
            base_url=settings.ask_base_url or settings.anthropic_base_url or None,
            max_retries=0,
        )
        self.url = str(self._client.base_url)

    def reply(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool], *, may_call: bool, tokens: int, seconds: float
    ) -> Reply:
        """See :class:`otel_pipeline.agent.chat.Chat`."""
        import anthropic

        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": tokens,
            "system": system,
            "messages": [_message(turn) for turn in turns],
            "tools": [
                {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
                for tool in tools
            ],
        }
        if not may_call:
            request["tool_choice"] = {"type": "none"}
        timeout = anthropic.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        with explained(
            anthropic, self.url, kind="Anthropic's API", address="ANTHROPIC_BASE_URL", key="ANTHROPIC_API_KEY"
        ):
            answer = self._client.with_options(timeout=timeout).messages.create(**request)
        return self._reply(answer)

    def _reply(self, answer: Any) -> Reply:
        blocks = getattr(answer, "content", None)
        if blocks is None:
            raise UserError(f"{self.url} gave no reply; check that it serves Anthropic's Messages API")
        return Reply(
            "".join(block.text for block in blocks if block.type == "text"),
            [ToolCall(b.id, b.name, json.dumps(b.input)) for b in blocks if b.type == "tool_use"],
            input_tokens=answer.usage.input_tokens or 0,
            output_tokens=answer.usage.output_tokens or 0,
            finish=answer.stop_reason or "",
            id=answer.id or "",
            model=answer.model or "",
        )


def _message(turn: Turn) -> dict[str, Any]:
    if turn.results:
        blocks: list[dict[str, Any]] = [
            {"type": "tool_result", "tool_use_id": r.call.id, "content": r.text, "is_error": r.failed}
            for r in turn.results
        ]
        return {"role": "user", "content": blocks + ([{"type": "text", "text": turn.text}] if turn.text else [])}
    blocks = [{"type": "text", "text": turn.text}] if turn.text else []
    for call in turn.calls:
        try:
            given = call.parsed()
        except UserError:
            given = {}
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return {"role": turn.role, "content": blocks or turn.text}
