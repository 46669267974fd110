"""The reviewed file of patterns, read strictly: whatever is wrong is named with its line."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from otel_pipeline.detection import memory, reviews
from otel_pipeline.detection.memory import NAMESPACE, STATUSES, Pattern
from otel_pipeline.errors import UserError

# Key in the file: the column that it stands for.
WORDS = {
    "service": "service_name",
    "message": "error_message",
    "root_cause": "root_cause",
    "resolution": "resolution",
    "check": "CheckQuery",
}
LISTS = {"services": "Services", "exceptions": "Exceptions", "features": "Features"}
NUMBERS = {"templates": "Templates", "shapes": "Shapes"}
KEYS = ("id", *WORDS, "status", "harmless", *LISTS, *NUMBERS, "traces", "reviewed_by", "reviewed_at")


@dataclass(frozen=True)
class Entry:
    """A pattern of the file, and the line where it begins."""

    line: int
    pattern: Pattern


def parse(text: str, name: str) -> list[Entry]:
    """Read and validate a file.

    :raises UserError: all that is wrong, each with its line.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{name}:{line}: no YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{name}:1: no YAML: {str(error).splitlines()[0]}") from None
    if root is None:
        return []
    pairs = _pairs(root)
    listed = pairs.get("patterns") if pairs is not None else None
    if pairs is None or set(pairs) - {"patterns"} or not isinstance(listed, yaml.SequenceNode):
        raise UserError(f"{name}:{_line(root)}: the file must be `patterns:` with a list below it")
    wrong: list[str] = []
    entries: list[Entry] = []
    lines: dict[uuid.UUID, int] = {}
    for node in listed.value:
        reader = _Reader(name, node, wrong)
        if pattern := reader.pattern():
            if pattern.pattern_id in lines:
                wrong.append(f"{name}:{_line(node)}: the same pattern stands at line {lines[pattern.pattern_id]}")
            lines[pattern.pattern_id] = _line(node)
            entries.append(Entry(_line(node), pattern))
    if wrong:
        raise UserError("; ".join(wrong))
    return entries


class _Reader:
    """One entry: its values, and what is wrong with them, by line."""

    def __init__(self, name: str, node: yaml.Node, wrong: list[str]) -> None:
        self.name, self.node, self.wrong = name, node, wrong
        self.pairs = _pairs(node)
        self.failed = False

    def pattern(self) -> Pattern | None:
        """The pattern, or None where something is wrong."""
        if self.pairs is None:
            return self._bad(self.node, "an entry must be `key: value` lines")
        for key in self.pairs.keys() - set(KEYS):
            self._bad(self.pairs[key], f"unknown key {key}; there are {', '.join(KEYS)}")
        words = {column: self._words(key, needed=key in ("service", "message")) for key, column in WORDS.items()}
        status = self._words("status") or "suspected"
        if status not in STATUSES:
            self._bad(self.pairs["status"], f"status {status}: give one of {', '.join(STATUSES)}")
        reviewed_by, reviewed_at = self._words("reviewed_by"), self._time("reviewed_at")
        if status != "suspected":
            self._decided(status, words, reviewed_by)
        lists = {column: self._list(key, str) for key, column in LISTS.items()}
        numbers = {column: self._list(key, int) for key, column in NUMBERS.items()}
        signature = f"{words['service_name']}: {words['error_message']}"
        pattern_id = self._id() or uuid.uuid5(NAMESPACE, signature)
        if self.failed:
            return None
        seen = reviewed_at or memory.EPOCH
        return Pattern(
            pattern_id=pattern_id,
            created_at=seen,
            error_signature=signature,
            Status=status,
            Harmless=self._flag("harmless"),
            first_seen=seen,
            last_seen=seen,
            related_trace_ids=self._list("traces", str),
            ReviewedBy=reviewed_by,
            ReviewedAt=seen,
            **words,
            **{"Services": lists.pop("Services") or (words["service_name"],), **lists, **numbers},
        )

    def _decided(self, status: str, words: dict[str, str], reviewed_by: str) -> None:
        for key in ("reviewed_by", "reviewed_at"):
            if self.pairs is not None and key not in self.pairs:
                self._bad(self.node, f"{status}, but no {key}: say who decided, and when")
        if status == "confirmed" and not words["root_cause"]:
            self._bad(self.node, "confirmed, but no root_cause")
        if reviewed_by:
            try:
                reviews.person(reviewed_by)
            except UserError as error:
                self._bad(self._node("reviewed_by"), str(error))

    def _words(self, key: str, *, needed: bool = False) -> str:
        node = self._node(key)
        if node is self.node:
            if needed:
                self._bad(node, f"{key} is missing")
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._bad(node, f"{key} must be text")
            return ""
        try:
            return reviews.text(node.value, key, empty=not needed)
        except UserError as error:
            self._bad(node, str(error))
            return ""

    def _list(self, key: str, kind: type[Any]) -> tuple[Any, ...]:
        node = self._node(key)
        if node is self.node:
            return ()
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(n, yaml.ScalarNode) for n in node.value):
            self._bad(node, f"{key} must be a list")
            return ()
        try:
            return tuple(kind(item.value) for item in node.value)
        except ValueError:
            self._bad(node, f"{key} must be a list of whole numbers")
            return ()

    def _time(self, key: str) -> datetime | None:
        node = self._node(key)
        if node is self.node:
            return None
        try:
            instant = datetime.fromisoformat(str(node.value))
        except ValueError:
            return self._bad(node, f"{key}: {node.value} is no ISO 8601 time, such as 2026-01-31T08:15:00+00:00")
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        if instant > datetime.now(UTC):
            self._bad(node, f"{key}: {node.value} lies in the future")
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def _flag(self, key: str) -> bool:
        node = self._node(key)
        if node is not self.node and str(node.value) not in ("true", "false"):
            self._bad(node, f"{key} must be true or false")
        return node is not self.node and node.value == "true"

    def _id(self) -> uuid.UUID | None:
        node = self._node("id")
        if node is self.node:
            return None
        try:
            return uuid.UUID(str(node.value))
        except ValueError:
            return self._bad(node, f"id: {node.value} is no UUID; leave it out for a new pattern")

    def _node(self, key: str) -> yaml.Node:
        """The value's node; the entry's own where the key is missing."""
        return (self.pairs or {}).get(key, self.node)

    def _bad(self, node: yaml.Node, what: str) -> None:
        self.failed = True
        self.wrong.append(f"{self.name}:{_line(node)}: {what}")


def _pairs(node: yaml.Node) -> dict[str, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return {str(key.value): value for key, value in node.value}


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
