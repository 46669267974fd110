"""Records in masks: JSON objects and key=value lines, whole or at the end of a line."""

import re

# Where a value stands in the text, and its key: (key, value, start, end).
Row = tuple[str, str, int, int]
_STRING = r'"(?:[^"\\]|\\.)*"'
_LEXER = re.compile(rf'{_STRING}|(?:<\*>|[^\s{{}}\[\]:,"])+|[{{}}\[\]:,]')
_LOGFMT = re.compile(rf"([A-Za-z_@][\w.@/-]*)=({_STRING}|[^\s\"]*?)(?:,? |,?$)")
_FIRST_PAIR = re.compile(r" ([A-Za-z_@][\w.@/-]*)=")


def embedded_rows(text: str) -> tuple[int, list[Row]] | None:
    """A record that ends a line which begins otherwise (time, level, logger): where it starts, and its rows."""
    start = text.find('{"')
    if start > 0:
        rows = json_rows(text[start:])
    else:
        found = _FIRST_PAIR.search(text)
        if not found:
            return None
        start = found.start(1)
        rows = logfmt_rows(text[start:])
    return (start, rows) if rows else None


def json_rows(text: str) -> list[Row] | None:  # noqa: PLR0912 (the states of a lexer)
    """The leaves of a JSON object whose values may be masked; an end that was cut off is no hindrance."""
    rows: list[Row] = []
    path: list[str] = []
    key, expects, depth_of_list = "", "key", 0
    start = 0
    for found in _LEXER.finditer(text):
        token = found.group()
        if depth_of_list:
            depth_of_list += (token in "[{") - (token in "]}")
            if not depth_of_list:
                rows.append((".".join([*path, key]), text[start : found.end()], start, found.end()))
                expects = "comma"
        elif expects == "value":
            if token == "{":
                path.append(key)
                expects = "key"
            elif token == "[":
                depth_of_list, start = 1, found.start()
            elif token in "}],:":
                return None
            else:
                rows.append((".".join([*path, key]), token, found.start(), found.end()))
                expects = "comma"
        elif token == "{" and not rows and not path and expects == "key" and found.start() == 0:
            continue
        elif token[0] == '"' and expects == "key":
            key, expects = token[1:-1], "colon"
        elif token == ":" and expects == "colon":
            expects = "value"
        elif token == "," and expects == "comma":
            expects = "key"
        elif token == "}" and expects in ("comma", "key"):
            if path:
                path.pop()
            expects = "comma"
        else:
            return None
    return rows


def logfmt_rows(text: str) -> list[Row] | None:
    """The pairs of a line that is nothing but key=value, at least two of them."""
    rows: list[Row] = []
    place = 0
    while place < len(text):
        found = _LOGFMT.match(text, place)
        if not found:
            return None
        rows.append((found.group(1), found.group(2), found.start(2), found.end(2)))
        place = found.end()
    return rows if len(rows) > 1 else None
