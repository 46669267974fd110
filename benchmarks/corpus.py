"""Real log templates without a data set: the messages of the logging calls in the Python packages installed here.

Thousands of developers wrote them; they are read from source by ``ast``, never imported.
"""

import ast
import re
import sysconfig
from pathlib import Path

METHODS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
SEVERITIES = {"debug": "DEBUG", "warning": "WARN", "warn": "WARN", "error": "ERROR", "exception": "ERROR"}
_PLACE = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[srdifxgeXc]|\{[^{}]*\}")
VALUE = "\x01"
"""Stands where a line has a value."""
LARGEST_FILE = 400_000
_CALLS = re.compile(rf"log\w*(?:\(\))?\.(?:{'|'.join(sorted(METHODS))})\(", re.IGNORECASE)
"""What a file must hold to be parsed: parsing is slow, and few files log."""


def templates(most: int) -> list[tuple[str, str]]:
    """(severity, template) of distinct messages, in order of package and place; a value is :data:`VALUE`.

    :param most: how many at most.
    """
    found: dict[str, str] = {}
    for path in sorted(Path(sysconfig.get_path("purelib")).rglob("*.py")):
        if path.stat().st_size > LARGEST_FILE or "test" in path.parts:
            continue
        try:
            source = path.read_text()
            if not _CALLS.search(source):
                continue
            tree = ast.parse(source)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                text = next((t for a in node.args[:2] if (t := _text(a))), "")
                if len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and len(text) < 300:
                    found.setdefault(text, SEVERITIES.get(node.func.attr, "INFO"))
        if len(found) >= most:
            break
    return [(severity, text) for text, severity in list(found.items())[:most]]


def _text(node: ast.expr) -> str:
    """The message of a call: a literal, a format, or pieces of both."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = _PLACE.sub(VALUE, node.value)
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(v.value) if isinstance(v, ast.Constant) else VALUE for v in node.values)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _text(node.func.value)
    else:
        return ""
    return " ".join(text.split())
