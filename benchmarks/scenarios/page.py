"""Three reports, each of which a person understands in a minute."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.scenarios.story import Outcome

WIDTH = 150


def lines(number: int, outcome: Outcome) -> Iterator[str]:
    """One report."""
    found = outcome.found
    yield f"{number}. {outcome.question}"
    if "verdict" not in found:
        yield f"   {found.get('error', 'no answer')}"
        return
    yield _cut(f"   {found['verdict'].upper()}: {plain(found['headline'])}")
    for extra in outcome.extra:
        yield _cut(f"   seen       {plain(extra)}")
    for rank, cause in enumerate(found["causes"][:1], 1):
        yield _cut(f"   cause {rank}    {cause['service']} ({cause['confidence']:.0%}): {plain(cause['why'])}")
        for fact in cause["facts"][:3]:
            yield _cut(f"              {plain(fact)}")
    if found.get("path"):
        yield f"   path       {' > '.join(found['path'])}"
    for out in found.get("ruled_out", [])[:2]:
        yield _cut(f"   not        {out['service']}: {plain(out['why'])}")
    yield from _before(outcome.seen_before)
    if found.get("example_traces"):
        yield f"   trace      {found['example_traces'][0]}"
    for check in found.get("next_checks", [])[:1]:
        yield _cut(f"   next       {plain(check)}")
    names = ", ".join(result["query"] for result in found.get("evidence", {}).get("results", []))
    yield f"   evidence   {outcome.checked} queries asked again, same figures: {names}"
    yield f"   ledger     {outcome.expected or 'nothing'} was broken: {'RIGHT' if outcome.right else 'WRONG'}"
    for wrong in outcome.wrong:
        yield _cut(f"   WRONG      {wrong}")


def asked(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The same stories through ``ask``, a line each."""
    yield "The same through otel-pipeline ask, a scripted model calling the tools:"
    for outcome in outcomes:
        blamed = [cause["service"] for cause in outcome.found.get("causes", [])[:1]] or ["nobody"]
        yield _cut(f"   {'RIGHT' if outcome.right else 'WRONG'}      {outcome.question} {blamed[0]}")
        for wrong in outcome.wrong:
            yield _cut(f"              {wrong}")


def plain(text: str) -> str:
    """Text for people: without the delimiters that are for models."""
    return text.replace("«", "").replace("»", "")


def _before(known: dict[str, Any]) -> Iterator[str]:
    for pattern in known.get("patterns", [])[:1]:
        told = plain(pattern.get("resolution") or "no remedy confirmed yet")
        seen = f"{pattern['occurrences']} times ({pattern['status']}; {told})"
        yield _cut(f"   before     {seen}: {plain(pattern['message'])}")
    if not known.get("patterns"):
        yield "   before     no known pattern"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
