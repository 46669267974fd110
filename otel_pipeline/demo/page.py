"""The report as a person reads it."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_pipeline.demo.report import Report, Verdict, quantile
from otel_pipeline.sanitize import Terminal


def show(console: Console, report: Report, links: dict[str, str], remedies: Sequence[str]) -> None:
    """Print the on-call report.

    :param links: name and address of what to look at next.
    :param remedies: for each fault, the most similar past error and what fixed it, in words.
    """
    console.print()
    console.rule("[bold]on-call report")
    for verdict, remedy in zip(report.verdicts, remedies, strict=True):
        console.print(_fault(verdict, remedy))
    _false(console, report)
    console.print(_figures(report))
    for name, address in links.items():
        console.print(f"  {name:<22} {address}", soft_wrap=True)
    console.print()
    console.print(
        "[bold green]PASSED[/] all faults found, the right services blamed, nothing false, nothing lost"
        if report.passed
        else "[bold red]FAILED[/] see the lines above"
    )


def _text(text: str | None, style: str = "") -> Text:
    """Text of telemetry: no markup in it, and nothing that a terminal obeys."""
    return Text(Terminal.of(text or ""), style=style)


def _clock(instant: datetime | None) -> str:
    return f"{instant:%H:%M:%S} UTC" if instant else "never"


def _fault(v: Verdict, remedy: str) -> Table:
    mark = "[green]FOUND[/]" if v.right else "[red]WRONG SERVICE[/]" if v.found else "[red]MISSED[/]"
    table = Table(
        title=f"\n[bold]{v.scenario}[/]  {mark}", title_justify="left", show_header=False, box=None, padding=(0, 2)
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("injected into", v.service)
    if v.found:
        table.add_row("blamed", _text(v.blamed, "bold"))
        table.add_row("incident", _text(f"{v.incident}  {v.title}"))
    table.add_row("first faulty span", _clock(v.first_faulty))
    table.add_row(
        "first anomaly row", f"{_clock(v.first_row)}, {v.delay_s} s after that trace ended" if v.first_row else "never"
    )
    table.add_row("anomalous traces", str(v.anomalies))
    for number, reason in enumerate(v.reasons):
        table.add_row("because" if number == 0 else "", _text(reason))
    table.add_row("seen before", _text(remedy))
    return table


def _false(console: Console, report: Report) -> None:
    console.print()
    if not report.false_incidents:
        console.print("false incidents in the quiet times: [green]none[/]")
    for incident in report.false_incidents:
        console.print(Text("false incident ", style="red") + _text(f"{incident['IncidentId']} {incident['Title']}"))


def _figures(report: Report) -> Table:
    counts = report.counts
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    same = "equal" if counts.equal else "[red]NOT EQUAL[/]"
    table.add_row(
        "sent → stored",
        f"{counts.sent_spans} → {counts.stored_spans} spans, {counts.sent_logs} → {counts.stored_logs} logs: {same}",
    )
    logs, traces = (n / report.load_minutes for n in (counts.stored_logs, counts.traces))
    table.add_row("rate", f"{logs:.0f} logs and {traces:.0f} traces a minute")
    table.add_row(
        "trace end → anomaly row",
        f"p50 {quantile(report.delays, 0.5)} s, p95 {quantile(report.delays, 0.95)} s ({len(report.delays)} traces)",
    )
    table.add_row("length", f"{report.seconds:.0f} s")
    return table
