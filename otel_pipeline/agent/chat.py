"""What the agent's loop knows of a language model, whoever serves it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from otel_pipeline.errors import UserError
from otel_pipeline.tools.model import Tool

CONNECT_SECONDS = 5


@dataclass(frozen=True)
class ToolCall:
    """A call that the model wants. ``arguments`` as it wrote them: perhaps no JSON at all."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments.

        :raises UserError: they are no JSON object.
        """
        try:
            arguments = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            raise UserError(f"the arguments of {self.name[:60]} are no JSON object; send one that fits its schema")
        return arguments


@dataclass(frozen=True)
class Result:
    """What a tool answered to a call."""

    call: ToolCall
    text: str
    failed: bool = False


@dataclass(frozen=True)
class Turn:
    """A turn of the conversation: words of a person, a reply of the model, or what its tools answered."""

    role: str
    text: str = ""
    calls: Sequence[ToolCall] = ()
    results: Sequence[Result] = ()


@dataclass(frozen=True)
class Reply:
    """A reply of the model, and what it cost."""

    text: str
    calls: list[ToolCall] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""
    id: str = ""
    model: str = ""


class Busy(Exception):
    """The endpoint asks for patience (429, 5xx, no connection). :param after: seconds that it names; 0: none."""

    def __init__(self, reason: str, after: float = 0) -> None:
        super().__init__(reason)
        self.after = after


class Chat(Protocol):
    """A model at an endpoint."""

    provider: str
    model: str
    url: str

    def reply(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool], *, may_call: bool, tokens: int, seconds: float
    ) -> Reply:
        """One reply.

        :param may_call: whether calls are wanted; the definitions go along in any case, as calls made before need them.
        :param tokens: at most so many in the reply. :param seconds: patience with the endpoint.
        :raises Busy: it may go well a little later.
        :raises UserError: it will not.
        """
        ...


def server(url: str) -> tuple[str, int]:
    """Host and port of an endpoint."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def retry_after(headers: Any) -> float:
    """Seconds that a ``Retry-After`` header names; 0 where there is none that can be read."""
    try:
        return max(0.0, float(headers.get("retry-after", 0)))
    except (TypeError, ValueError, AttributeError):
        return 0.0


@contextmanager
def explained(sdk: Any, url: str, *, kind: str, address: str, key: str) -> Iterator[None]:
    """Says of a failed request what to do. The two clients are made by one generator: their errors have the same names.

    :param sdk: the module ``openai`` or ``anthropic``. :param kind: as what the endpoint should answer.
    :param address, key: the settings to look at.
    :raises Busy: it may go well a little later.
    :raises UserError: it will not.
    """
    try:
        yield
    except sdk.APIConnectionError as error:
        raise Busy(f"no model at {url}; check {address}") from error
    except (sdk.RateLimitError, sdk.InternalServerError) as error:
        raise Busy(f"the model at {url} is busy ({error.status_code})", retry_after(error.response.headers)) from error
    except sdk.AuthenticationError as error:
        raise UserError(f"the model at {url} refuses the key; check {key}") from error
    except sdk.APIError as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"the model at {url} refuses: {reason}; check ASK_MODEL") from error
    except ValueError as error:
        raise UserError(f"{url} does not answer as {kind}; check {address}") from error
