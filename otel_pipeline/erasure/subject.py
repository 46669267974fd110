"""Whom or what to forget, and how a text is told to mention it."""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from otel_pipeline.errors import UserError

Kind = Literal["user", "session", "trace"]

# A value that is shorter is looked for as a whole attribute alone: "7" is in every text.
SHORTEST_IN_TEXT = 5
FORGOTTEN = "[forgotten]"
TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass
class Subject:
    """What to forget.

    :param value: a user's id, address or name as attributes and texts have it; a session's id; a trace's id in hex.
    :param traces, sessions: all that were found to belong to it.
    """

    kind: Kind
    value: str
    traces: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.value = self.value.strip()
        if not self.value:
            raise UserError(f"name the {self.kind} to forget")
        if self.kind == "trace":
            self.value = self.value.lower()
            if not TRACE_ID.fullmatch(self.value):
                raise UserError(f"{self.value[:40]!r} is no trace id: 32 hex digits")
            self.traces.add(self.value)
        if self.kind == "session":
            self.sessions.add(self.value)

    @property
    def names(self) -> list[str]:
        """Values that texts are searched for, the longest first."""
        found = {self.value} if self.kind == "user" else set()
        return sorted((n for n in found | self.sessions if len(n) >= SHORTEST_IN_TEXT), key=lambda n: (-len(n), n))

    @property
    def pattern(self) -> str:
        """The names as whole words, for RE2 and Python; groups 1 and 2 are what stands around. "" without names."""
        names = "|".join(_quoted(name) for name in self.names)
        return f"(^|[^A-Za-z0-9_])(?:{names})($|[^A-Za-z0-9_])" if names else ""

    @property
    def exact(self) -> list[str]:
        """Values of attributes that make a record the subject's."""
        return sorted({*([self.value] if self.kind == "user" else []), *self.sessions})

    @property
    def digest(self) -> str:
        """What the record of the erasure keeps instead of the value."""
        return sha256(f"{self.kind}:{self.value}".encode()).hexdigest()


def _quoted(name: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\{c}" for c in name)
