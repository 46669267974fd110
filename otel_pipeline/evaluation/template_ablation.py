"""What each rule of the log templates is worth: the same merging, that rule left out; and leave-one-out over systems.

A rule pays on a system when GA or FGA is lower without it. One that pays on fewer than two systems has no place. Each
system is then judged by the rules that pay on two of the *others*: what it would have got had nobody seen it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import drain
from otel_pipeline.detection.template_text import RULES as TEXT_RULES
from otel_pipeline.evaluation.templates import LabelledFile, accuracy, databases
from otel_pipeline.migrate import migrate

RULES = ("record", "event key", *TEXT_RULES, *drain.MERGING)
# A change of less is none.
LEAST = 0.0005
# So many systems justify a rule.
SYSTEMS = 2
MILLISECOND = timedelta(milliseconds=1)

Masks = tuple[list[str], list[drain.Mask]]
Progress = Callable[[str], None]


def ablation(
    files: Sequence[LabelledFile], progress: Progress = lambda _: None, rules: Sequence[str] = RULES
) -> dict[str, Any]:
    """Accuracy without each rule, and of each system by the rules that the others justify.

    :param files: labelled systems; those whose names begin with the same word are of one kind, and left out together.
    :returns: ``{"rules": {rule: {system: [change of GA, change of FGA]}}, "unpaid": [rule], "left_out": {system: {"ga",
        "fga", "without"}}, "ga", "fga"}``
    """
    files = [file for file in files if file.events]
    read = masks(files)
    whole = {file.name: judge(file, read[file.name], frozenset()) for file in files}
    changes: dict[str, dict[str, tuple[float, float]]] = {}
    for rule in rules:
        progress(f"without {rule}")
        changes[rule] = {}
        for file in files:
            ga, fga = judge(file, read[file.name], frozenset((rule,)))
            changes[rule][file.name] = (_change(whole[file.name][0], ga), _change(whole[file.name][1], fga))
    left_out = {}
    for file in files:
        progress(f"{file.name} left out")
        unpaid = frozenset(rule for rule in rules if not _pays(changes[rule], _kind(file.name)))
        ga, fga = judge(file, read[file.name], unpaid)
        left_out[file.name] = {"ga": ga, "fga": fga, "without": sorted(unpaid)}
    return {
        "rules": {rule: {name: list(change) for name, change in systems.items()} for rule, systems in changes.items()},
        "unpaid": [rule for rule in rules if not _pays(changes[rule], "")],
        "left_out": left_out,
        "ga": fmean(system["ga"] for system in left_out.values()),
        "fga": fmean(system["fga"] for system in left_out.values()),
    }


def _kind(name: str) -> str:
    return name.split(" ", maxsplit=1)[0]


def _change(before: float, after: float) -> float:
    return after - before if abs(after - before) >= LEAST else 0.0


def _pays(changes: dict[str, tuple[float, float]], without: str) -> bool:
    """Whether a rule helps enough kinds of systems, one kind not counted."""
    return len({_kind(name) for name, change in changes.items() if min(change) < 0} - {without}) >= SYSTEMS


def judge(file: LabelledFile, read: Masks, without: frozenset[str]) -> tuple[float, float]:
    """GA and FGA of a system whose masks are known, some rules left out."""
    of_line, distinct = read
    found, _ = drain.merge([], distinct, replace(drain.RULES, without=without))
    groups = {mask.text: str(found[mask.hash]) for mask in distinct}
    return accuracy(file.events or [], [groups[text] for text in of_line])


def masks(files: Sequence[LabelledFile]) -> dict[str, Masks]:
    """The engine's mask of each line, and the distinct ones, the most frequent first."""
    found: dict[str, Masks] = {}
    now = datetime.now(UTC)
    with databases() as settings:
        migrate(settings(0))
        with Database(settings(0)) as db:
            for file in files:
                rows = [[now + MILLISECOND * number, file.name, line] for number, line in enumerate(file.lines)]
                db.insert("otel_logs", rows, ["Timestamp", "ServiceName", "Body"])
                of_line = [row["Mask"] for row in db.rows("evaluate__masks", service=file.name)]
                counts = Counter(of_line)
                distinct = sorted(counts, key=lambda text: (-counts[text], text))
                found[file.name] = (of_line, [drain.Mask(number, text) for number, text in enumerate(distinct, 1)])
    return found
