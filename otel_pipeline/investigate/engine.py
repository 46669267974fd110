"""From a window to ranked causes with evidence. Deterministic; no model is asked.

Incidents of the window, or else the window itself, are compared with quiet times before; the ranking is that of the
incidents (:mod:`otel_pipeline.detection.causes`). "Nothing abnormal" and "not enough evidence" are answers.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes, memory
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.errors import UserError
from otel_pipeline.investigate.changes import changes_of
from otel_pipeline.investigate.model import CauseFound, IncidentSeen, Investigation, Known, RuledOut

LOOK_BACK = timedelta(hours=2)
LEAST_TRACES = 20
SURE = 4.0  # standard deviations from which a service is suspected without an incident
SHOWN = 5


def investigate(
    db: Database,
    window: Window,
    *,
    reference: Sequence[Window] | None = None,
    service: str | None = None,
    trace_id: str | None = None,
) -> Investigation:
    """Find out what is wrong in a window, and why.

    :param reference: times to compare with; without it, pieces of the time before.
    :param service: only incidents that this service takes part in, and how this service is doing.
    :param trace_id: look at the incident of this trace.
    :raises UserError: a trace that is not there.
    """
    if trace_id:
        window = _around_trace(db, trace_id, window)
    facts = db.one("investigate__facts", start=window.start, end=window.end)
    if not facts["Traces"]:
        return Investigation(window, "no data", "no traces in this window", window)
    seen = _incidents(db, window, service)
    focus = Window(seen[0].start, max(seen[0].end, seen[0].start + blame.SHORTEST)) if seen else window
    if reference is None:
        first = utc(db.one("incidents__first", start=focus.start - LOOK_BACK, end=focus.end)["First"])
        reference = blame.slices(focus, first, [Window(i.start, i.end) for i in _incidents(db, _before(focus), None)])
    suspects = blame.weigh(db, focus, reference)
    if service and not seen:
        suspects = [s for s in suspects if s.service == service]
    reasons = db.rows("incidents__reasons", start=focus.start, end=focus.end, operations=_operations(db, focus))
    where = {"window": focus, "facts": facts}
    base = {
        "window": window,
        "focus": focus,
        "traces": facts["Traces"],
        "anomalous": facts["Anomalous"],
        "reference": list(reference),
        "incidents": seen,
    }
    changes = changes_of(db, focus, reference, service)
    strong = bool(suspects) and suspects[0].score >= SURE
    if not seen and not strong:
        if not reference or where["facts"]["Traces"] < LEAST_TRACES:
            return Investigation(
                verdict="not enough evidence", headline=_too_little(facts, reference), changes=changes, **base
            )
        return Investigation(verdict="nothing abnormal", headline=_healthy(facts, suspects), changes=changes, **base)
    found = [
        CauseFound(c.service, c.confidence, c.score, c.why, _evidence(c.service, suspects, reasons))
        for c in blame.rank(suspects, reasons)[:SHOWN]
    ]
    entries = db.rows("investigate__entries", start=focus.start, end=focus.end)
    calls = _calls(db, focus, entries)
    top = found[0]
    return Investigation(
        verdict="trouble",
        headline=seen[0].title if seen else f"{top.service}: {top.why}",
        causes=found,
        path=path(calls, entries, top.service),
        changes=changes,
        ruled_out=_ruled_out(found, reasons, suspects),
        known=_known(db, seen),
        examples=[row["TraceId"] for row in db.rows("investigate__examples", start=focus.start, end=focus.end)],
        next_checks=_next(top, suspects, changes),
        **base,
    )


def path(calls: dict[str, list[str]], entries: Sequence[dict[str, Any]], cause: str) -> list[str]:
    """Services from the root of the most affected traces to the cause, along calls; the cause alone if none does."""
    start = entries[0]["Service"] if entries else cause
    queue, came = [start], {start: ""}
    while queue:
        service = queue.pop(0)
        if service == cause:
            way = [cause]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        for callee in calls.get(service, []):
            if callee not in came:
                came[callee] = service
                queue.append(callee)
    return [cause]


def _around_trace(db: Database, trace_id: str, window: Window) -> Window:
    rows = db.rows("investigate__trace", trace=trace_id, start=window.start, end=window.end)
    if not rows:
        raise UserError(f"no trace {trace_id} between the times asked for; see that it has been materialized")
    begin = utc(rows[0]["Timestamp"])
    return Window(begin - timedelta(seconds=30), begin + timedelta(seconds=30))


def _before(window: Window) -> Window:
    return Window(window.start - LOOK_BACK, window.start)


def _incidents(db: Database, window: Window, service: str | None) -> list[IncidentSeen]:
    rows = db.rows("investigate__incidents", start=window.start, end=window.end, service=service or "")
    return [
        IncidentSeen(
            row["IncidentId"],
            utc(row["Start"]),
            utc(row["End"]),
            row["Service"],
            row["Title"],
            row["Anomalous"],
            row["Traces"],
        )
        for row in rows
    ]


def _operations(db: Database, window: Window) -> list[tuple[str, str]]:
    rows = db.rows("investigate__entries", start=window.start, end=window.end)
    return [(row["Service"], row["Operation"]) for row in rows]


def _calls(db: Database, window: Window, entries: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Who calls whom in the anomalous traces of the most affected operation."""
    calls: dict[str, list[str]] = {}
    first = [(row["Service"], row["Operation"]) for row in entries[:1]]
    for row in db.rows("investigate__calls", start=window.start, end=window.end, operations=first):
        calls.setdefault(row["Caller"], []).append(row["Callee"])
    return calls


def _evidence(service: str, suspects: Sequence[causes.Suspect], reasons: Sequence[dict[str, Any]]) -> list[str]:
    found = []
    for s in suspects:
        if s.service != service:
            continue
        if s.conduct >= causes.NOISE:
            found.append(
                f"{s.odd_visits} of its {s.visits} visits went as they seldom do ({s.conduct:.1f} standard deviations)"
            )
        if s.time >= causes.NOISE:
            found.append(f"its own work takes {s.slower:.1f} times as long ({s.time:.1f} standard deviations)")
        if s.way >= causes.NOISE:
            found.append(f"the way to it and back takes {s.longer:.1f} times as long ({s.way:.1f} standard deviations)")
    mine = [row for row in reasons if row["Service"] == service and row["Kind"] != "structure"]
    return found + [f"{blame.words(row)} [{row['Traces']} traces]" for row in mine[:SHOWN]]


def _ruled_out(
    found: Sequence[CauseFound], reasons: Sequence[dict[str, Any]], suspects: Sequence[causes.Suspect]
) -> list[RuledOut]:
    """Services with many reasons that are not to blame, and why not."""
    loud: dict[str, int] = {}
    for row in reasons:
        if row["Kind"] in ("error", "template", "latency"):
            loud[row["Service"]] = max(loud.get(row["Service"], 0), row["Traces"])
    own = {s.service: s for s in suspects}
    out = []
    for service, traces in sorted(loud.items(), key=lambda item: -item[1]):
        if service == found[0].service:
            continue
        suspect = own.get(service)
        begins = [r for r in reasons if r["Service"] == service and r["What"].startswith("error begins")]
        if suspect and suspect.score >= SURE and begins:
            continue
        why = (
            "its errors pass through it" if not begins else "its errors are as frequent as ever, or follow from others"
        )
        extra = "" if suspect is None or suspect.time >= causes.NOISE else "; its own work is as fast as usual"
        out.append(RuledOut(service, f"seen in {traces} traces, but {why}{extra}"))
    return out[:SHOWN]


def _known(db: Database, seen: Sequence[IncidentSeen]) -> list[Known]:
    """Patterns of the incidents that have been met before, or that people have said something about."""
    ids = {i.incident_id for i in seen[:1]}
    found = []
    for pattern in memory.read(db):
        told = pattern.Status in ("confirmed", "rejected")
        if ids & set(pattern.Incidents) and (told or pattern.occurrence_count > 1):
            confirmed = pattern.Status == "confirmed"
            found.append(
                Known(
                    str(pattern.pattern_id),
                    "known harmless" if pattern.Harmless else pattern.Status,
                    pattern.root_cause if confirmed else "",
                    pattern.resolution if confirmed else "",
                    pattern.occurrence_count,
                    pattern.last_seen,
                    pattern.error_message,
                )
            )
    return found


def _next(top: CauseFound, suspects: Sequence[causes.Suspect], changes: Sequence[Any]) -> list[str]:
    checks = []
    suspect = next((s for s in suspects if s.service == top.service), None)
    deploys = [c for c in changes if c.kind == "version" and c.service == top.service]
    if deploys:
        checks.append(f"{top.service} runs {deploys[0].what}: see what that release changed, and roll it back")
    if suspect and suspect.time >= causes.NOISE:
        checks.append(f"compare CPU, memory, pool and lock metrics of {top.service} with the quiet time before")
    if suspect and suspect.way >= causes.NOISE:
        checks.append(f"check the network and the request queue in front of {top.service}")
    if any("error begins" in line for line in top.evidence):
        checks.append(f"read the exception in an example trace, where the deepest failed span of {top.service} is")
    checks.append(f'search the logs: `otel-pipeline search "{top.why[:60]}" --service {top.service}`')
    return checks


def _too_little(facts: dict[str, Any], reference: Sequence[Window]) -> str:
    if not reference:
        return f"{facts['Traces']} traces, but no earlier quiet time to compare with"
    return f"{facts['Traces']} traces are too few to tell"


def _healthy(facts: dict[str, Any], suspects: Sequence[causes.Suspect]) -> str:
    share = facts["Anomalous"] / max(1, facts["Traces"])
    most = (
        f"; the most unusual service is {suspects[0].service} ({suspects[0].score:.1f} standard deviations)"
        if suspects
        else ""
    )
    return f"{facts['Traces']} traces, {share:.1%} of them anomalous, no incident{most}"
