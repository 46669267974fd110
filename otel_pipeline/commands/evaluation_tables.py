"""What ``otel-pipeline evaluate`` prints for people."""

from typing import Any

from rich.table import Table
from rich.text import Text

from otel_pipeline.commands.common import console

NAMES = {"as1": "AS@1", "as3": "AS@3", "ap": "AP", "auc": "AUC", "f1": "F1"}


def share(value: float | None) -> str:
    """A share or score with three digits, - where there is none."""
    return "-" if value is None else f"{value:.3f}"


def seconds(value: float | None) -> str:
    """Seconds, - where there are none."""
    return "-" if value is None else f"{value:.0f} s"


def rca(answer: dict[str, Any]) -> None:
    """The causes of each case, and the shares of right ones."""
    table = Table("fault's window", "likeliest cause", "score", "next", "reasons", title="root causes")
    for case in answer["cases"]:
        first, second = (*case["ranking"], {"service": "", "score": 0.0}, {"service": "", "score": 0.0})[:2]
        table.add_row(
            f"{case['start']:%m-%d %H:%M:%S}",
            first["service"],
            f"{first['score']:.1f}",
            second["service"],
            "; ".join(case["reasons"][:1]),
        )
    console.print(table)
    rca_shares(answer)


def rca_shares(answer: dict[str, Any]) -> None:
    """The shares of right causes."""
    table = Table("root causes", "AS@1", "AS@3", "AS@5")
    rows = {"this pipeline": answer, "plain rule of three statistics": answer["plain"]}
    if "plain_two_sided" in answer:
        rows["plain two-sided rule"] = answer["plain_two_sided"]
    for name, row in rows.items():
        table.add_row(name, *(share(row[figure]) for figure in ("as1", "as3", "as5")))
    console.print(table)


def detect(answer: dict[str, Any]) -> None:
    """How well traces are told apart, beside the plain methods."""
    flagged = sum(trace["anomalous"] for trace in answer["traces"])
    console.print(f"{len(answer['traces']):,} traces, {flagged:,} anomalous (score from {answer['threshold']})")
    table = Table("anomalous traces", "AP", "AUC", "F1 at the threshold")
    for name, row in (("this pipeline", answer), *answer["plain"].items()):
        table.add_row(name, share(row["ap"]), share(row["auc"]), share(row["f1"]))
    console.print(table)


def ablation(answer: dict[str, Any], where: str) -> None:
    """What the figures become without each part."""
    names = list(answer["parts"][""])
    headers = [str(NAMES.get(name, name.replace("_", " "))) for name in names]
    table = Table("without", *headers, title=f"ablation on {where}")
    for part, figures in answer["parts"].items():
        table.add_row(part or "(nothing)", *(share(figures[name]) for name in names))
    console.print(table)


def templates(answer: dict[str, Any]) -> None:
    """Accuracy of each system, plain methods beside it; the mean and the worst of all."""
    methods = list(answer["plain"])
    table = Table(
        "log templates",
        "lines",
        "templates",
        "true",
        "GA",
        "FGA",
        "PA",
        *(f"{f} {m}" for m in methods for f in ("GA", "FGA")),
    )
    for name, file in answer["files"].items():
        row = [file["ga"], file["fga"], file["pa"]]
        row += [file["plain"].get(method, {}).get(figure) for method in methods for figure in ("ga", "fga")]
        events = "-" if file["events"] is None else str(file["events"])
        table.add_row(name, str(file["lines"]), str(file["templates"]), events, *map(share, row))
    table.add_section()
    means = [answer["plain"][method][figure] for method in methods for figure in ("ga", "fga")]
    table.add_row("mean", "", "", "", *map(share, [answer["ga"], answer["fga"], answer["pa"], *means]))
    least = [
        [file[figure] for file in answer["files"].values() if file[figure] is not None]
        for figure in ("ga", "fga", "pa")
    ]
    table.add_row("worst", "", "", "", *(share(min(values, default=None)) for values in least), *("" for _ in means))
    console.print(table)


def template_ablation(answer: dict[str, Any]) -> None:
    """What each rule of the templates is worth, by system; and each system by the rules that the others justify."""
    table = Table("without", "systems worse", "better", "GA", "FGA", "where")
    for rule, systems in answer["rules"].items():
        worse = {name: change for name, change in systems.items() if min(change) < 0}
        better = sum(max(change) > 0 for change in systems.values())
        means = [sum(change[i] for change in systems.values()) / len(systems) for i in (0, 1)]
        most = sorted(worse, key=lambda name: sum(worse[name]))[:4]
        where = ", ".join(f"{name} {worse[name][0]:+.3f}/{worse[name][1]:+.3f}" for name in most)
        table.add_row(
            Text(rule, style="red" if rule in answer["unpaid"] else ""),
            str(len(worse)),
            str(better),
            f"{means[0]:+.4f}",
            f"{means[1]:+.4f}",
            where,
        )
    console.print(table)
    table = Table("left out", "GA", "FGA", "without the rules")
    for name, system in answer["left_out"].items():
        table.add_row(name, share(system["ga"]), share(system["fga"]), ", ".join(system["without"]))
    table.add_section()
    table.add_row("mean", share(answer["ga"]), share(answer["fga"]), "")
    console.print(table)


def shop(answer: dict[str, Any]) -> None:
    """The shop's faults one by one, its incidents, its traces."""
    table = Table("fault", "broken", "found", "incidents", "blamed", "seen in data", "row written", "title")
    for fault in answer["faults"]:
        expected, harmless = fault["service"] or "(nothing)", not fault["service"]
        good = fault["found"] != harmless and fault["blamed"] == fault["service"]
        table.add_row(
            fault["scenario"],
            expected,
            "yes" if fault["found"] else "no",
            str(fault["incidents"]),
            Text(fault["blamed"] or "-", style="" if good else "red"),
            seconds(fault["ttd_s"]),
            seconds(fault["ttd_live_s"]),
            fault["title"][:70],
        )
    console.print(table)
    table = Table("incidents", "value")
    for name, value in answer["incidents"].items():
        table.add_row(name.replace("_", " "), "-" if value is None else f"{value:g}")
    console.print(table)
    found = answer["detect"]
    console.print(f"traces: {found['faulty']:,} faulty, {found['normal']:,} normal (AP / AUC / F1 at the threshold)")
    table = Table("scenario", "faulty", "this pipeline", *(name for name in found["methods"] if name != "this"))
    for scenario in ("all", *found["traces"]):
        cells = [found["methods"][name].get(scenario, {}) for name in found["methods"]]
        count = found["traces"].get(scenario, found["faulty"])
        table.add_row(
            scenario, f"{count:,}", *(" / ".join(share(c.get(f)) for f in ("ap", "auc", "f1")) for c in cells)
        )
    console.print(table)


def memory(answer: dict[str, Any]) -> None:
    """Print what the error memory knew again, and what it rightly did not know."""
    for kind, title in (("again", "seen before"), ("unseen", "its scenario left out of the memory")):
        table = Table("incident", "scenario", "recalled", "", "why", title=title)
        for row in answer["cases"][kind]:
            right = Text("right") if row["right"] else Text("wrong", style="red")
            table.add_row(f"{row['start']:%H:%M:%S}", row["scenario"] or "-", row["recalled"] or "-", right, row["why"])
        console.print(table)
    table = Table("", "of", "")
    table.add_row("recall@1, seen before", str(answer["again"]), share(answer["recall_at_1"]))
    table.add_row("false recall, never seen", str(answer["unseen"]), share(answer["false_recall"]))
    table.add_row("poisoned entries served", str(answer["poisoned"]), str(answer["poison_served"]))
    console.print(table)


def investigations(answer: dict[str, Any]) -> None:
    """What the investigation said of each fault, and of the quiet times."""
    table = Table(
        "fault", "at", "broken", "first cause", "in", "it says", title="investigate, on the window of each fault"
    )
    for row in answer["faults"]:
        blamed = Text(row["blamed"] or "nobody", style="" if row["right"] else "red")
        at = f"{row['start']:%H:%M:%S}"
        table.add_row(
            row["scenario"], at, row["service"] or "(nothing)", blamed, f"{row['seconds']:.1f} s", row["headline"][:90]
        )
    console.print(table)
    for row in answer["quiet"]:
        if row["verdict"] == "trouble":
            console.print(
                f"quiet {row['start']:%H:%M:%S} to {row['end']:%H:%M:%S}: blames {row['blamed']}: {row['headline']}"
            )
    for row in answer["wolves"]:
        said = "; ".join(row["unusual"]) or row["verdict"]
        console.print(f"quiet {row['start']:%H:%M:%S} to {row['end']:%H:%M:%S}, {row['service']}: {said}")
    console.print(f"first cause right on {answer['right']} of {len(answer['faults'])} faults of the ledger")
    console.print(f"no trouble in {answer['calm']} of {len(answer['quiet'])} quiet times")
    console.print(
        f"status of a service in quiet times: {len(answer['wolves'])} of {answer['status_checks']} say something"
    )


def compare(answer: dict[str, Any]) -> None:
    """Two versions of the lineage beside each other."""
    if traces := answer.get("traces"):
        console.print(
            f"{traces['both_judged']:,} traces judged by both: {traces['both_anomalous']:,} anomalous to both,"
            f" {traces['only_old']:,} only to {answer['old']}, {traces['only_new']:,} only to {answer['new']}"
        )
    if not answer["figures"]:
        console.print("no ledger of injected faults here: nothing to hold them against")
        return
    table = Table("", str(answer["old"]), str(answer["new"]), "")
    for row in answer["figures"]:
        values = ("-" if row[which] is None else f"{row[which]:.3f}" for which in ("old", "new"))
        table.add_row(row["figure"], *values, "worse" if row["worse"] else "")
    console.print(table)


def worlds(answer: dict[str, Any]) -> None:
    """Made-up worlds: by kind of fault, by property of the worlds, and traces, plain methods beside ours."""
    summary = answer["summary"]
    rows = {**summary["kinds"], "all": summary["all"]}
    methods = list(summary["all"]["rca"])
    table = Table("fault", "", *methods, title="root causes: AS@1 / AS@3 (AS@1 of whom one may blame)")
    for kind, row in rows.items():
        cells = (row["rca"][method] for method in methods)
        table.add_row(
            kind,
            str(row["faults"]),
            *(f"{share(c['as1'])} / {share(c['as3'])} ({share(c['as1_accepted'])})" for c in cells),
        )
    console.print(table)
    methods = list(summary["all"]["incidents"])
    table = Table("fault", "", *methods, title="incidents: recall / rightly blamed")
    for kind, row in rows.items():
        cells = (row["incidents"][method] for method in methods)
        table.add_row(
            kind, str(row["faults"]), *(f"{share(c['recall'])} / {share(c['rightly_blamed'])}" for c in cells)
        )
    console.print(table)
    for method, row in summary["all"]["totals"].items():
        console.print(
            f"{method}: {row['incidents']} incidents, {row['false']} false ({row['loud_blamed']} of a loud neighbour),"
            f" precision {share(row['precision'])}"
        )
    for form, found in summary["all"]["detect"].items():
        table = Table(f"traces, {form}: medians", "AP", "recall at the threshold", "false alarms")
        for method, row in found["methods"].items():
            table.add_row(method, *(share(row[name]) for name in ("ap", "recall", "false_alarms")))
        console.print(table)
        console.print(
            f"AP above the best plain method of each world: median {found['delta_median']:+.3f},"
            f" not below it in {share(found['not_below'])} of the worlds"
        )
    _worlds_by_property(summary["properties"])
    table = Table("seed", "services", "traces", *(f"AP {form}: ours / best plain" for form in _forms(summary)))
    for seed, one in answer["worlds"].items():
        cells = []
        for methods in one["detect"].values():
            ours, *plain = (row["ap"] for row in methods.values())
            cells.append(f"{share(ours)} / {share(max((p for p in plain if p is not None), default=None))}")
        table.add_row(seed, str(one["world"]["services"]), f"{one['world']['traces']:,}", *cells)
    console.print(table)


def _forms(summary: dict[str, Any]) -> list[str]:
    return list(summary["all"]["detect"])


def _worlds_by_property(properties: dict[str, Any]) -> None:
    table = Table(
        "worlds", "", "AS@1", "plain", "recall of incidents", "plain", "rightly blamed", "plain", "AP - plain"
    )
    for name, row in properties.items():
        ours, _, plain, *_ = row["rca"].values()
        told, floor = row["incidents"].values()
        deltas = " / ".join(f"{form['delta_median']:+.3f}" for form in row["detect"].values() if form)
        table.add_row(
            name,
            str(row["worlds"]),
            share(ours["as1"]),
            share(plain["as1"]),
            share(told["recall"]),
            share(floor["recall"]),
            share(told["rightly_blamed"]),
            share(floor["rightly_blamed"]),
            deltas,
        )
    console.print(table)
