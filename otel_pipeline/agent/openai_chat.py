"""Any OpenAI-compatible endpoint, through the ``openai`` client."""

from collections.abc import Sequence
from typing import Any

from otel_pipeline.agent.chat import CONNECT_SECONDS, Reply, Result, ToolCall, Turn, explained
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.tools.model import Tool

NO_KEY = "none"


class OpenAiChat:
    """Chat completions with tools at ``ASK_BASE_URL``, or at OpenAI."""

    provider = "openai"

    def __init__(self, settings: Settings) -> None:
        from openai import OpenAI

        self.model = settings.ask_model
        self._compatible = bool(settings.ask_base_url)
        self._client = OpenAI(
            base_url=settings.ask_base_url or None, api_key=settings.openai_api_key or NO_KEY, max_retries=0
        )
        self.url = str(self._client.base_url)

    def reply(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool], *, may_call: bool, tokens: int, seconds: float
    ) -> Reply:
        """See :class:`otel_pipeline.agent.chat.Chat`."""
        import openai

        request: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, *(m for turn in turns for m in _messages(turn))],
            "tools": [_tool(tool) for tool in tools],
            # OpenAI's own models want the new name of the limit, most compatible servers know the old one only.
            "max_tokens" if self._compatible else "max_completion_tokens": tokens,
        }
        if not may_call:
            request["tool_choice"] = "none"
        timeout = openai.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        with explained(
            openai, self.url, kind="an OpenAI-compatible endpoint", address="ASK_BASE_URL", key="OPENAI_API_KEY"
        ):
            answer = self._client.with_options(timeout=timeout).chat.completions.create(**request)
        return self._reply(answer)

    def _reply(self, answer: Any) -> Reply:
        choices = getattr(answer, "choices", None)
        if not choices or choices[0].message is None:
            raise UserError(f"{self.url} gave no reply; check that it serves chat completions")
        message, usage = choices[0].message, answer.usage
        calls = [
            ToolCall(call.id or f"call_{number}", call.function.name or "", call.function.arguments or "")
            for number, call in enumerate(message.tool_calls or [])
            if getattr(call, "function", None)
        ]
        return Reply(
            message.content or "",
            calls,
            input_tokens=(usage.prompt_tokens or 0) if usage else 0,
            output_tokens=(usage.completion_tokens or 0) if usage else 0,
            finish=choices[0].finish_reason or "",
            id=answer.id or "",
            model=answer.model or "",
        )


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
    return {"type": "function", "function": function}


def _messages(turn: Turn) -> list[dict[str, Any]]:
    if turn.results:
        return [_result(result) for result in turn.results]
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.calls
        ]
    return [message]


def _result(result: Result) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": result.call.id, "content": result.text}
