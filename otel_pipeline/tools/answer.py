"""The one place through which every answer goes: safe to show a model, and small enough for it.

Strings are delimited (:mod:`.untrusted`), figures rounded, times ISO 8601. An answer costs at most :data:`TOKENS`; what
is left out is said, and where rows come in pages a cursor asks for the rest of the same question and the same window.
"""

import base64
import binascii
import json
import math
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

from otel_pipeline.errors import UserError
from otel_pipeline.tools import budget
from otel_pipeline.tools.times import iso
from otel_pipeline.tools.untrusted import NOTICE, OPEN, Ours, named

TOKENS = 1950
RESERVE = 150
"""Of them, what the notes of this module may cost."""
LENGTHS = (300, 180, 110)
"""Characters that a single text may have; the first at which the answer fits is taken."""
FEWEST = 3


def fit(
    answer: dict[str, Any], rows: str = "", offset: int = 0, frozen: dict[str, str] | None = None, keep: str = ""
) -> dict[str, Any]:
    """An answer made safe and small.

    :param rows: the field whose list is paged.
    :param offset: rows that earlier pages have shown.
    :param frozen: what a cursor must bring back: the question's fingerprint and window.
    :param keep: a field that nothing is left out of.
    """
    paged = dict(answer)
    total = len(paged.get(rows, ()))
    if rows:
        paged[rows] = paged[rows][offset:]
    left_out: list[str] = []
    shown: dict[str, Any] = {}
    for length in LENGTHS:
        shown = plain(paged, length)
        if cost(shown) <= TOKENS - RESERVE:
            break
        if rows:
            shown[rows] = _first(shown, rows)
            if len(shown[rows]) >= min(FEWEST, len(paged[rows])) and cost(shown) <= TOKENS - RESERVE:
                break
    else:
        left_out = _shorten(shown, keep)
    return _labelled(shown, rows, offset, total, left_out, frozen or {})


def plain(value: Any, length: int) -> Any:
    """A value as JSON can hold it, texts that are not ours delimited and cut."""
    if isinstance(value, dict):
        return {named(str(name)): plain(inner, length) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner, length) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist(), length)
    return _scalar(value, length)


def text(answer: dict[str, Any]) -> str:
    """An answer as compact JSON: what a model reads, and what is counted."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def cost(answer: Any) -> int:
    """Tokens of an answer, estimated on the safe side."""
    return budget.estimate(text(answer))


def cursor_of(offset: int, frozen: dict[str, str]) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(text({"o": offset, **frozen}).encode()).decode().rstrip("=")


def read_cursor(cursor: str, question: str) -> tuple[int, dict[str, str]]:
    """The offset of a cursor, and what it froze.

    :raises UserError: it is none, or belongs to another question.
    """
    try:
        held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        offset = held.pop("o")
        if held.get("q") == question and isinstance(offset, int) and offset >= 0:
            return offset, held
    except (binascii.Error, ValueError, AttributeError, KeyError, TypeError):
        pass
    raise UserError("this cursor does not belong to this question; leave it out to begin anew")


def fingerprint(name: str, arguments: dict[str, Any]) -> str:
    """What makes two calls the same question."""
    return sha256(text({"name": name, **arguments}).encode()).hexdigest()[:12]


def _scalar(value: Any, length: int) -> Any:
    """A single value; a number so that every JSON reader gets it right: no more than 53 bits, never infinite."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if isinstance(value, datetime):
        return iso(value)
    return str(value) if isinstance(value, Ours) else named(str(value), length)


def _first(answer: dict[str, Any], rows: str) -> list[Any]:
    """As many of the rows as fit, one at least."""
    left = TOKENS - RESERVE - cost({**answer, rows: []})
    kept = 0
    for row in answer[rows]:
        left -= cost(row) + 1
        if left < 0:
            break
        kept += 1
    return answer[rows][: max(1, kept)]


def _shorten(answer: dict[str, Any], keep: str) -> list[str]:
    """Drop from the ends of the longest lists until the answer fits; what was dropped, in words."""
    dropped: dict[str, int] = {}
    while cost(answer) > TOKENS - RESERVE:
        rest = {name: value for name, value in answer.items() if name != keep}
        lists = [(cost(found), path, found) for path, found in _lists(rest, "") if len(found) > 1]
        if not lists:
            break
        _, path, found = max(lists, key=lambda item: item[:2])
        found.pop()
        dropped[path] = dropped.get(path, 0) + 1
    return [f"{count} of {path}" for path, count in dropped.items()]


def _lists(value: Any, path: str) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        yield path, value
        for inner in value:
            yield from _lists(inner, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, f"{path}.{name}".lstrip("."))


def _labelled(  # noqa: PLR0917
    answer: dict[str, Any], rows: str, offset: int, total: int, left_out: list[str], frozen: dict[str, str]
) -> dict[str, Any]:
    """The answer, with what must be known to read it."""
    said = []
    if rows and offset + len(answer[rows]) < total:
        last = offset + len(answer[rows])
        said.append(f"{rows} {offset + 1} to {last} of {total}; for more, ask the same with cursor")
        answer["next_cursor"] = cursor_of(last, frozen)
    if left_out:
        said.append(f"left out to stay small: {', '.join(left_out)}")
    if said:
        answer["truncated"] = "; ".join(said)
    if OPEN in text(answer):
        answer["untrusted"] = NOTICE
    return answer
