"""Text that strangers wrote, on a terminal."""

import io
import json

from rich.table import Table

from otel_pipeline.commands.common import print_json
from otel_pipeline.console import PlainConsole
from otel_pipeline.printable import hidden_in_json, printable
from tests.support.hostile_logs import LINES


def obeyed(text: str) -> list[str]:
    """Characters of a text that a terminal would obey, or nobody see."""
    return [c for c in text if c not in "\n\t" and printable(c) != c]


def test_nothing_that_a_terminal_obeys_is_printed():
    assert printable("plain, 한국어, ü\n\tnext") == "plain, 한국어, ü\n\tnext"
    assert printable("\x1b[31m\x07\x9b2J\u202e\u200b") == r"\x1b[31m\x07\x9b2J\u202e\u200b"
    for text in LINES:
        assert obeyed(printable(text)) == []


def test_a_console_shows_markup_as_text():
    shown = io.StringIO()
    console = PlainConsole(file=shown, force_terminal=True, width=4000)
    hostile = "[bold red]x[/bold red] [link=http://127.0.0.1:9/]y[/link] :boom: [/nope]"
    table = Table("text")
    for text in [hostile, *LINES]:
        console.print(text)
        table.add_row(text)
    assert hostile in shown.getvalue()
    assert obeyed(shown.getvalue()) == []
    console.print(table)
    console.print(table, hostile, style="bold")
    ours = shown.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert obeyed(ours) == []
    assert ours.count(hostile) == 4


def test_json_is_the_same_document_and_safe_to_look_at(capsys):
    print_json({"lines": LINES, "more": "\x7f\x9b"})
    out = capsys.readouterr().out
    assert obeyed(out) == []
    assert json.loads(out) == {"lines": LINES, "more": "\x7f\x9b"}
    assert hidden_in_json('"\x7f"') == '"\\u007f"'
