"""The three scenarios of the plan, gone through as the prompts of the MCP server say, and judged by the ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.scenarios.clients import Asker
from benchmarks.scenarios.stage import Fault, Stage

AFTER = timedelta(seconds=15)
BEFORE = timedelta(seconds=60)
TEXT = "NullPointerException"


@dataclass
class Outcome:
    """What a scenario ended with.

    :param wrong: what was not as the ledger, or the evidence, says; empty when all is well.
    :param checked: evidence queries that gave the same again.
    """

    question: str
    expected: str
    found: dict[str, Any]
    seen_before: dict[str, Any] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    checked: int = 0

    @property
    def right(self) -> bool:
        """Whether cause and evidence hold."""
        return not self.wrong and self.checked > 0


async def error_spike(ask: Asker, stage: Stage) -> Outcome:
    """Errors of payment have spiked: what is the root cause?"""
    fault = stage.last("payment_timeout")
    window = _window(fault.start, fault.end + AFTER)
    overview = await ask("error_overview", service="payment", **window)
    found = await ask("investigate", **window)
    outcome = Outcome(f"errors of payment spike, {_span(window)}: why?", fault.service, found)
    for row in overview.get("services", []):
        rate, before = row["error_rate"], row["error_rate_before"] or 0
        outcome.extra.append(f"payment: {rate:.0%} of {row['requests']} requests fail ({before:.0%} before)")
    await _check(ask, outcome, fault)
    return outcome


async def anything_abnormal(ask: Asker, stage: Stage) -> Outcome:
    """Is anything abnormal now? And is nothing abnormal when nothing is broken?"""
    fault = stage.last("cascade_failure")
    window = _window(fault.start - BEFORE, fault.end + AFTER)
    found = await ask("investigate", **window)
    outcome = Outcome(f"is anything abnormal, {_span(window)}?", fault.service, found)
    listed = await ask("list_incidents", **_window(fault.start, fault.end))
    for incident in listed.get("incidents", []):
        whole = await ask("get_incident", incident_id=incident["incident_id"])
        outcome.extra.append(f"incident {incident['incident_id']}: {whole.get('title', '')}")
    if fault.service not in [incident["blamed"] for incident in listed.get("incidents", [])]:
        outcome.wrong.append(f"no incident blames {fault.service}")
    if calm := stage.quiet():
        control = await ask("investigate", **_window(*calm))
        outcome.extra.append(f"control, {_span(_window(*calm))}: {control.get('verdict')}: {control.get('headline')}")
        if control.get("verdict") == "trouble":
            outcome.wrong.append("trouble is reported for a time without any fault")
    else:
        outcome.extra.append("no control: faults follow one another too closely here")
    await _check(ask, outcome, fault)
    return outcome


async def logs_like(ask: Asker, stage: Stage) -> Outcome:
    """Find log lines like an exception, and why they were written."""
    hits = await ask("search_logs", text=TEXT, severity="ERROR")
    best = next((hit for hit in hits.get("hits", []) if hit["trace_ids"]), None)
    if best is None:
        return Outcome(f"logs like {TEXT!r}: why?", "", {}, wrong=["no line with a trace was found"])
    trace = await ask("get_trace", trace_id=best["trace_ids"][0])
    fault = stage.at(datetime.fromisoformat(trace["start"]))
    found = await ask("investigate", trace_id=best["trace_ids"][0])
    outcome = Outcome(f"logs like {TEXT!r}: why?", fault.service if fault else "", found)
    for hit in hits["hits"][:3]:
        outcome.extra.append(
            f"{hit['score']:.2f} {hit['lines']} lines of {', '.join(hit['services'])}: {hit['template']}"
        )
    incidents = [incident["incident_id"] for incident in found.get("incidents", [])]
    which = {"incident_id": incidents[0]} if incidents else {"text": best["template"].strip("«»")}
    outcome.seen_before = await ask("match_pattern", **which)
    await _check(ask, outcome, fault)
    return outcome


Scenario = Callable[[Asker, Stage], Awaitable[Outcome]]
STORIES: dict[str, Scenario] = {
    "error_spike": error_spike,
    "anything_abnormal": anything_abnormal,
    "logs_like": logs_like,
}


async def _check(ask: Asker, outcome: Outcome, fault: Fault | None) -> None:
    """Hold the cause against the ledger, and ask for the evidence again."""
    found = outcome.found
    if "error" in found:
        outcome.wrong.append(found["error"])
        return
    blamed = found["causes"][0]["service"] if found["causes"] else ""
    expected = fault.service if fault else ""
    if blamed != expected:
        outcome.wrong.append(f"blames {blamed or 'nobody'}; broken was {expected or 'nothing'}")
    evidence = found.get("evidence", {"results": []})
    for result in evidence["results"]:
        again = await ask("run_sql", query=result["query"], parameters=evidence["parameters"])
        same = again.get("rows") == result["rows"]
        outcome.checked += same
        if not same:
            outcome.wrong.append(f"{result['query']} gives something else when it is asked again")
    for trace_id in found.get("example_traces", [])[:1]:
        trace = await ask("get_trace", trace_id=trace_id)
        if blamed not in trace.get("services", []):
            outcome.wrong.append(f"example trace {trace_id} does not touch {blamed}")
        before = await ask("similar_errors", trace_id=trace_id)
        outcome.seen_before = outcome.seen_before or before


def _window(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _span(window: dict[str, str]) -> str:
    return f"{window['start'][11:19]} to {window['end'][11:19]} UTC"
