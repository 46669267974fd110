"""A scripted language model behind real HTTP: OpenAI's chat completions and Anthropic's messages.

The script is a list of steps, one a request; the last one is repeated. A step is a :class:`Say`, or a function of the
conversation (a list of ``{"role", "text"}``) that gives one: such a "model" really reads what the tools answered.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Talk = list[dict[str, str]]


@dataclass(frozen=True)
class Say:
    """What the model does next.

    :param calls: (tool, arguments); arguments that are a text are sent as they are, valid or not.
    :param status: another HTTP status than 200.
    :param raw: a body instead of any protocol.
    """

    text: str = ""
    calls: Sequence[tuple[str, dict[str, Any] | str]] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    input_tokens: int = 100
    output_tokens: int = 20


Step = Say | Callable[[Talk], Say]


class ModelServer:
    """``with ModelServer([...]) as server: ... server.url ... server.requests``."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        self.talks: list[Talk] = []

    def __enter__(self) -> "ModelServer":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                anthropic = self.path.endswith("/messages")
                said, answer = outer._answer(body, anthropic)
                self.send_response(said.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def root(self) -> str:
        """Value for ``ANTHROPIC_BASE_URL``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Value for ``ASK_BASE_URL``."""
        return f"{self.root}/v1"

    def _answer(self, body: dict[str, Any], anthropic: bool) -> tuple[Say, bytes]:
        number = len(self.requests)
        self.requests.append(body)
        talk = _talk(body)
        self.talks.append(talk)
        step = self.script[min(number, len(self.script) - 1)]
        said = step if isinstance(step, Say) else step(talk)
        if said.raw or said.status != 200:
            return said, said.raw or json.dumps({"error": {"message": "scripted", "type": "scripted"}}).encode()
        return said, json.dumps((_anthropic if anthropic else _openai)(said, number, body["model"])).encode()


def _talk(body: dict[str, Any]) -> Talk:
    """The conversation in one form: roles user, assistant, tool."""
    talk: Talk = []
    for message in body["messages"]:
        content = message.get("content")
        for block in content if isinstance(content, list) else [{"type": "text", "text": content or ""}]:
            if block["type"] == "tool_result":
                talk.append({"role": "tool", "text": str(block["content"])})
            elif block["type"] == "text":
                talk.append({"role": message["role"], "text": block["text"]})
    return talk


def _openai(said: Say, number: int, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.calls:
        message["tool_calls"] = [
            {"id": f"call_{number}_{place}", "type": "function", "function": {"name": name, "arguments": _text(given)}}
            for place, (name, given) in enumerate(said.calls)
        ]
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1,
        "model": f"{model}-scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if said.calls else "stop"}],
        "usage": {
            "prompt_tokens": said.input_tokens,
            "completion_tokens": said.output_tokens,
            "total_tokens": said.input_tokens + said.output_tokens,
        },
    }


def _anthropic(said: Say, number: int, model: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
    for place, (name, given) in enumerate(said.calls):
        content.append(
            {"type": "tool_use", "id": f"toolu_{number}_{place}", "name": name, "input": given if given else {}}
        )
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": f"{model}-scripted",
        "content": content,
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens},
    }


def _text(given: dict[str, Any] | str) -> str:
    return given if isinstance(given, str) else json.dumps(given)


def last_answer(talk: Talk) -> dict[str, Any]:
    """What the last tool answered."""
    return json.loads(next(said["text"] for said in reversed(talk) if said["role"] == "tool"))
