"""Accuracy of the log templates on what other people's programs log: the format strings of installed Python packages.

    python benchmarks/template_formats.py [--half 0|1] [--events 40] [--lines 2000]

Each package with enough log calls is a system; its format strings are the truth, values are drawn by the names of the
arguments (a path for ``path``, the text of an error for ``exc``, a list for ``names``). Half 0 is for development;
figures that are reported come from half 1. Ends with one JSON line: {"systems", "ga", "fga", "drain3": {"ga", "fga"}}.
"""

import argparse
import ast
import hashlib
import json
import re
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import fmean

from otel_pipeline.evaluation.logworlds.values import Values
from otel_pipeline.evaluation.template_ablation import judge, masks
from otel_pipeline.evaluation.templates import LabelledFile, accuracy, drain3

LEVELS = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical"))
CALL = re.compile(rf"log\w*\.(?:{'|'.join(sorted(LEVELS))})\(", re.IGNORECASE)
SLOT = "\0"
FORMAT = re.compile(r"%[-+ #0-9.]*[sdrifgxX]")
LEAST = 25
LARGEST = 600_000
# Kind of value by the source of the argument, the first that fits; a choice where kinds differ from program to program.
KINDS = (
    (r"len\(|count|num|size|index|rank|port\b|step|\bi\b|\bn\b|pid|status|code|total|bytes|width|height", "int"),
    (r"path|file|dir", "path"),
    (r"url|uri|link|endpoint", "url"),
    (r"\be\b|err|exc|reason", "error"),
    (r"__name__|class|type|cls", "type"),
    (r"uuid|hash|sha|digest|token|trace", "hex uuid"),
    (r"id\b|_id", "int hex uuid snake"),
    (r"time|elapsed|duration|second|delay|interval", "float int duration"),
    (r"host|addr|peer|server", "host address ip"),
    (r"version", "version"),
    (r"user|owner", "few"),
    (r"module|package|logger|import", "module"),
    (r"kwargs|config|dict|headers|options", "dict"),
    (r"list|join\(|s$", "list list snake*"),
    (r"name|key|attr|field|param|arg|tag|label|method|func|command|cmd", "snake"),
    (r"", "snake snake word int float type list module path"),
)

Formats = dict[str, list[str]]


def formats() -> dict[str, Formats]:
    """The format strings of each package, with the sources of their arguments."""
    packages = Path(sysconfig.get_paths()["purelib"])
    found: dict[str, Formats] = defaultdict(dict)
    for path in sorted(packages.rglob("*.py")):
        if path.stat().st_size > LARGEST:
            continue
        text = path.read_text(errors="replace")
        if not CALL.search(text):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        found[path.relative_to(packages).parts[0]].update(_calls(tree))
    return {package: texts for package, texts in found.items() if len(texts) >= LEAST}


def _calls(tree: ast.AST) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        if not node.args or "log" not in ast.unparse(node.func.value).rpartition(".")[2].lower():
            continue
        text, arguments = _format(node.args)
        if text.count(SLOT) == len(arguments) and len(text.replace(SLOT, "").split()) > 1:
            yield re.sub(r"[ \t]*\n[ \t]*", "\n", text).strip(), arguments


def _format(arguments: list[ast.expr]) -> tuple[str, list[str]]:
    first, *others = arguments
    if isinstance(first, ast.JoinedStr):
        parts = [SLOT if isinstance(v, ast.FormattedValue) else str(getattr(v, "value", "")) for v in first.values]
        return "".join(parts), [ast.unparse(v.value) for v in first.values if isinstance(v, ast.FormattedValue)]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return FORMAT.sub(SLOT, first.value), [ast.unparse(argument) for argument in others]
    return "", [""]


def system(package: str, texts: Formats, events: int, lines: int) -> LabelledFile:
    """Lines of a package: some of its format strings, with frequencies in the way of Zipf."""
    dice = Random(package)
    values = Values(dice)
    chosen = dice.sample(sorted(texts), min(events, len(texts)))
    kinds = [[_kind(argument.lower(), dice) for argument in texts[text]] for text in chosen]
    weights = [1 / (1 + n) ** 0.9 for n in range(len(chosen))]
    drawn = dice.choices(range(len(chosen)), weights, k=lines)
    written = []
    for event in drawn:
        parts = iter(kinds[event])
        written.append(re.sub(SLOT, lambda _, parts=parts: values.make(next(parts)), chosen[event]))
    return LabelledFile(package, written, [f"E{event}" for event in drawn])


def _kind(argument: str, dice: Random) -> str:
    return dice.choice(next(kinds for pattern, kinds in KINDS if re.search(pattern, argument)).split())


def half(package: str) -> int:
    return int(hashlib.sha256(package.encode()).hexdigest(), 16) % 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", type=int, default=0, choices=(0, 1))
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--lines", type=int, default=2000)
    arguments = parser.parse_args()
    files = [
        system(package, texts, arguments.events, arguments.lines)
        for package, texts in formats().items()
        if half(package) == arguments.half
    ]
    read = masks(files)
    ours = {file.name: judge(file, read[file.name], frozenset()) for file in files}
    plain = {file.name: accuracy(file.events or [], drain3(file.lines) or file.lines) for file in files}
    for name, (ga, fga) in ours.items():
        print(f"{name:24} {ga:.3f} {fga:.3f}   Drain3 {plain[name][0]:.3f} {plain[name][1]:.3f}")
    print(json.dumps({"systems": len(files), **_means(ours), "drain3": _means(plain)}))


def _means(figures: dict[str, tuple[float, float]]) -> dict[str, float]:
    return {name: round(fmean(pair[n] for pair in figures.values()), 4) for n, name in enumerate(("ga", "fga"))}


if __name__ == "__main__":
    main()
