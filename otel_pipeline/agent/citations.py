"""Trace ids that an answer cites, held against what the tools really answered."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ID = re.compile(r"(?<![0-9a-zA-Z-])[0-9a-fA-F]{16,32}(?![0-9a-zA-Z-])")
UNVERIFIED = "[not in any tool answer]"


@dataclass(frozen=True)
class Citation:
    """A cited id. :param verified: whether a tool answered it, or the person named it."""

    trace_id: str
    verified: bool


def ids(text: str) -> list[str]:
    """Trace and span ids in a text, each once, in small letters."""
    return list(dict.fromkeys(found.lower() for found in _ID.findall(text)))


def check(answer: str, sources: Iterable[str]) -> tuple[str, list[Citation]]:
    """The answer with every id marked that stands in no source, and all that it cites.

    :param sources: what the tools answered, and the question.
    """
    known = {found for source in sources for found in ids(source)}
    cited = [Citation(found, found in known) for found in ids(answer)]
    invented = {citation.trace_id for citation in cited if not citation.verified}

    def mark(match: re.Match[str]) -> str:
        return f"{match.group()} {UNVERIFIED}" if match.group().lower() in invented else match.group()

    return _ID.sub(mark, answer), cited
