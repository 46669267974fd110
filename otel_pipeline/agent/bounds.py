"""What a question may cost: tokens, time, tool calls, money. Each bound that is hit is said."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from otel_pipeline.agent.chat import Reply
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings

REPLY_TOKENS = 2000
LEAST_REPLY_TOKENS = 100
RESERVE_SECONDS = 0.2


@dataclass
class Bounds:
    """What was spent on a question, against what may be.

    :param stopped: the bounds that were hit, in words.
    """

    settings: Settings
    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.clock()
        priced = self.settings.ask_usd_per_million_input or self.settings.ask_usd_per_million_output
        if self.settings.ask_max_usd and not priced:
            raise UserError("ASK_MAX_USD needs prices: set ASK_USD_PER_MILLION_INPUT and ASK_USD_PER_MILLION_OUTPUT")

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.clock() - self.began

    @property
    def seconds_left(self) -> float:
        """Seconds that remain, none below zero."""
        return max(0.0, self.settings.ask_max_seconds - self.seconds)

    @property
    def tokens(self) -> int:
        """Tokens so far, both ways."""
        return self.input_tokens + self.output_tokens

    @property
    def usd(self) -> float:
        """Money so far, by the prices of the settings."""
        prices = self.settings.ask_usd_per_million_input, self.settings.ask_usd_per_million_output
        return (self.input_tokens * prices[0] + self.output_tokens * prices[1]) / 1e6

    def pay(self, reply: Reply) -> None:
        """Count a reply."""
        self.requests += 1
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens

    def reply_tokens(self, prompt: int) -> int:
        """Tokens that the next reply may have; 0 where a bound leaves none.

        :param prompt: estimated tokens of what is sent.
        """
        limit = self.settings
        left = limit.ask_max_tokens - self.tokens - prompt
        if limit.ask_max_usd:
            money = limit.ask_max_usd - self.usd - prompt * limit.ask_usd_per_million_input / 1e6
            left_for_money = int(money * 1e6 / (limit.ask_usd_per_million_output or limit.ask_usd_per_million_input))
            if left_for_money < LEAST_REPLY_TOKENS:
                return self._stop(f"cost: {self.usd:.4f} of {limit.ask_max_usd:g} USD spent (ASK_MAX_USD)")
            left = min(left, left_for_money)
        if left < LEAST_REPLY_TOKENS:
            return self._stop(f"tokens: {self.tokens:,} of {limit.ask_max_tokens:,} used (ASK_MAX_TOKENS)")
        if self.seconds_left <= RESERVE_SECONDS:
            return self._stop(f"time: {self.seconds:.0f} of {limit.ask_max_seconds:g} s used (ASK_MAX_SECONDS)")
        return min(left, REPLY_TOKENS)

    def may_call(self) -> bool:
        """Count a tool call, if there is one left."""
        if self.tool_calls >= self.settings.ask_max_tool_calls:
            self._stop(f"tool calls: {self.settings.ask_max_tool_calls} made (ASK_MAX_TOOL_CALLS)")
            return False
        if self.seconds_left <= RESERVE_SECONDS:
            self._stop(f"time: {self.seconds:.0f} of {self.settings.ask_max_seconds:g} s used (ASK_MAX_SECONDS)")
            return False
        self.tool_calls += 1
        return True

    def _stop(self, reason: str) -> int:
        if reason.split(":", maxsplit=1)[0] not in {said.split(":", maxsplit=1)[0] for said in self.stopped}:
            self.stopped.append(reason)
        return 0

    def as_dict(self) -> dict[str, float | int]:
        """What was spent."""
        return {
            "requests": self.requests,
            "tool_calls": self.tool_calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "usd": round(self.usd, 6),
            "seconds": round(self.seconds, 3),
        }
