"""After a crash: forget deduplication tokens whose rows never became part of their table.

A plain MergeTree writes the token of an INSERT into its log just before it renames the finished part to its final name.
Killed between the two, it would take a repetition of that INSERT for a duplicate, and the rows would be lost.
(Replicated tables commit both at once.) So before the server starts, tokens without a part are struck out, in the log's
own format:

    1 <tab> part <tab> token     written        2 <tab> part <tab> token     dropped
"""

import re
from pathlib import Path

PART = re.compile(r"(.+)_(\d+)_(\d+)_\d+(?:_\d+)?")
RECORD = ("operation", "part", "token")
ADDED, DROPPED = "1", "2"


def forget_uncommitted(data: Path) -> int:
    """Strike out the tokens without a part, in every table of a server that does not run.

    :param data: the server's data folder.
    :returns: how many there were.
    """
    return sum(_repair(folder) for folder in data.glob("store/*/*/deduplication_logs"))


def _repair(folder: Path) -> int:
    logs = sorted(folder.glob("deduplication_log_*.txt"), key=lambda path: int(path.stem.rpartition("_")[2]))
    text = "".join(path.read_text() for path in logs)
    records = [line.split("\t") for line in text.splitlines()]
    if not text.endswith("\n") or any(len(record) != len(RECORD) for record in records):
        return 0  # empty, or of a format that is not known here
    live: dict[str, str] = {}
    for operation, part, token in records:
        if operation == ADDED:
            live[token] = part
        else:
            live.pop(token, None)
    there = [match.groups() for path in folder.parent.iterdir() if (match := PART.fullmatch(path.name))]
    lost = [(part, token) for token, part in live.items() if not _covered(part, there)]
    if lost:
        with logs[-1].open("a") as file:
            file.writelines(f"{DROPPED}\t{part}\t{token}\n" for part, token in lost)
    return len(lost)


def _covered(part: str, there: list[tuple[str, ...]]) -> bool:
    """Whether a part, or one that it was merged into, is among those on disk."""
    match = PART.fullmatch(part)
    if not match:
        return True
    partition, first, last = match.groups()
    return any(name == partition and int(low) <= int(first) and int(last) <= int(high) for name, low, high in there)
