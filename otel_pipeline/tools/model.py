"""What a tool is, what it is given, and what it may reach."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.embedding import Embedder
from otel_pipeline.errors import UserError
from otel_pipeline.settings import Settings
from otel_pipeline.tools import times

LAST = timedelta(minutes=15)


class Arguments(BaseModel):
    """What a tool is asked with; its JSON schema is what agents see. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class Windowed(Arguments):
    """Arguments with a window of time; ``usual`` is its length where no start is given, None: all that is kept."""

    usual: ClassVar[timedelta | None] = LAST

    start: str = Field("", description="ISO 8601 (UTC) or 'last 15 minutes', '2h ago'")
    end: str = Field("", description="As start; default now")

    @property
    def bounded(self) -> bool:
        """Whether a window is meant at all."""
        return bool(self.usual or self.start or self.end)

    def window(self, now: datetime) -> Window:
        """The window that is meant.

        :raises UserError: a time that cannot be read, or an empty window.
        """
        return times.window(self.start, self.end, now, self.usual or times.LONGEST)


class Paged(BaseModel):
    """Arguments of a tool whose rows come in pages; mixed into others."""

    cursor: str = Field("", description="next_cursor of the answer before")


@dataclass
class Context:
    """What a tool may reach during one call. Connects on first use; close it, or use it as a context manager.

    :param may_write: whether tools that write are allowed to.
    :param now: the time that relative times start from.
    :param asker: who asks: ``mcp``, ``agent``. Lands in the history of what is written.
    """

    settings: Settings
    embedder: Embedder | None = None
    may_write: bool = False
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    asker: str = "mcp"

    @cached_property
    def reader(self) -> Database:
        """The read-only user's connection; every tool reads through it."""
        return Database(self.settings, role="reader")

    @cached_property
    def writer(self) -> Database:
        """The writer's connection, for the few tools that propose something.

        :raises UserError: writing is not allowed here.
        """
        if not self.may_write:
            raise UserError("this session may only read")
        return Database(self.settings, comment={"tool": self.asker})

    def close(self) -> None:
        """Close what was opened."""
        for name in ("reader", "writer"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Tool:
    """One tool.

    :param arguments: what it takes.
    :param output: fields that every answer has, with their JSON types.
    :param run: gives the whole answer as plain data; :mod:`otel_pipeline.tools.answer` makes it fit and safe.
    :param rows: the field that is paged; its arguments are then :class:`Paged`.
    :param keep: a field that is never shortened, such as figures that are to be checked.
    :param writes: whether it changes anything.
    :param repeatable: whether the same call twice is as good as once.
    :param flag: a setting that must be on for the tool to be offered.
    """

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    output: dict[str, str]
    run: Callable[[Context, Any], dict[str, Any]]
    rows: str = ""
    keep: str = ""
    writes: bool = False
    repeatable: bool = True
    flag: str = ""

    @property
    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, without the titles that pydantic adds to every field."""
        return _lean(self.arguments.model_json_schema())

    @property
    def output_schema(self) -> dict[str, Any]:
        """JSON schema of the structured answer. Notes, cursors and the like may stand beside these fields."""
        properties = {name: {"type": kind} for name, kind in self.output.items()}
        return {"type": "object", "properties": properties, "required": list(self.output)}


def _lean(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without what costs tokens and says nothing: titles, descriptions of the class, empty defaults."""
    lean = {name: value for name, value in schema.items() if name not in ("title", "description")}
    lean["properties"] = {
        name: {key: value for key, value in field.items() if key != "title" and (key, value) != ("default", "")}
        for name, field in schema.get("properties", {}).items()
    }
    return lean
