"""Every field of a report that telemetry fills: whatever stands in it, the written report has the outline it has."""

import dataclasses
import types
import typing
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from benchmarks.fuzz.text import outline
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.markdown import markdown
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.investigate.text import text
from otel_pipeline.sanitize import hides
from tests.support.hostile_names import NAMES

# Fields of the report's classes whose words are ours, as their classes say; all other texts may be a stranger's.
OURS = {"kind", "signal", "note", "name", "state", "status", "verdict"}
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


FIXED = {
    int: 3,
    float: 3.0,
    bool: True,
    datetime: NOW,
    timedelta: timedelta(minutes=1),
    Window: Window(NOW, NOW + timedelta(minutes=5)),
}


def filled(kind: Any, text: str, name: str = "", depth: int = 0) -> Any:
    """A value of a type with the text in every field that is one."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is str:
        return "ours" if name in OURS else text
    if kind in FIXED or origin is Literal:
        return FIXED.get(kind, inner[0] if inner else None)
    if origin in (types.UnionType, typing.Union):
        return filled(inner[0], text, name, depth)
    if origin in (list, tuple, set, frozenset):
        members = inner if origin is tuple and Ellipsis not in inner else inner[:1]
        return origin([filled(each, text, name, depth) for each in members])
    assert dataclasses.is_dataclass(kind), (name, kind)
    hints = typing.get_type_hints(kind)
    members = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    made: Any = kind
    return made(**{
        member: [] if depth and of == list[Investigation] else filled(of, text, member, depth + 1)
        for member, of in members.items()
    })  # fmt: skip


@pytest.mark.parametrize("hostile", [name for name in NAMES if name])  # without one a section is left out
def test_whatever_a_report_is_filled_with_its_outline_stays(hostile: str) -> None:
    pictures = {"timeline": "t.svg", "waterfall": "w.svg"}
    written = markdown(filled(Investigation, hostile), pictures, hostile)
    assert outline(written)[0] == outline(markdown(filled(Investigation, "x"), pictures, "x"))[0]
    said = text(filled(Investigation, hostile))
    assert len(said.splitlines()) == len(text(filled(Investigation, "x")).splitlines())
    assert not [c for c in said if hides(c) and c != "\n"]


def test_all_sections_of_the_report_are_there() -> None:
    written = markdown(filled(Investigation, "secret"), {}, "secret")
    assert written.count("\n## ") > 10 and written.count("secret") > 40
