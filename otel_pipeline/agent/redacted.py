"""A language model that gets no personal data: what goes to it is struck out first."""

from collections.abc import Sequence
from dataclasses import replace

from otel_pipeline.agent.chat import Chat, Reply, Turn
from otel_pipeline.redact import Redactor
from otel_pipeline.tools.model import Tool


class RedactedChat:
    """A model behind a redactor; see :class:`otel_pipeline.agent.chat.Chat`."""

    def __init__(self, chat: Chat, redactor: Redactor) -> None:
        self.provider, self.model, self.url = chat.provider, chat.model, chat.url
        self._chat = chat
        self._redactor = redactor

    def reply(
        self, system: str, turns: Sequence[Turn], tools: Sequence[Tool], *, may_call: bool, tokens: int, seconds: float
    ) -> Reply:
        """One reply, to what is left of the turns."""
        return self._chat.reply(
            self._redactor.text(system),
            [self._turn(turn) for turn in turns],
            tools,
            may_call=may_call,
            tokens=tokens,
            seconds=seconds,
        )

    def _turn(self, turn: Turn) -> Turn:
        text = self._redactor.text
        calls = [replace(call, arguments=text(call.arguments)) for call in turn.calls]
        results = [
            replace(result, text=text(result.text), call=replace(result.call, arguments=text(result.call.arguments)))
            for result in turn.results
        ]
        return replace(turn, text=text(turn.text), calls=calls, results=results)
