"""Every log line gets its template: masked and counted in the engine, merged on the distinct few here.

One pass over the hour's lines turns bodies into masks and counts them by the minute. Masks never met before (a handful
an hour) come to Python, find their template by :mod:`otel_pipeline.detection.drain`, and are remembered; they change
their template only when it has become one with an older one.
Counts by template then replace the partition of the hour: materialising again gives the same rows. Complete, not
sampled.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import drain, lineage
from otel_pipeline.detection.model import HOUR, StepReport
from otel_pipeline.detection.staging import amending_partition, replacing_partition, scratch

# Version of the rules by which masks become templates; the mask itself is otel_pipeline_mask_v1.
MASK_VERSION = 3
# So many templates are founded within an hour; what is rarer is "other".
NEW_TEMPLATES = 5_000
# So many known masks, of one template and in all, are read again for the words in them that are values.
SEEN_EACH, SEEN = 20, 4_000


def materialize(db: Database, hour: datetime, *, whole: bool = True) -> StepReport:
    """Count the templates of the lines of the hour; replaces the hour's partition of log_template_counts.

    New masks are given ids in the order in which hours are materialised, so two hours should not be materialised at
    the same moment.

    :param hour: start of the hour, UTC.
    :param whole: count all minutes of the hour, not only those for which lines have arrived since the last run.
    """
    changes = lineage.changes(db, hour, whole=whole)
    new_masks = changed = 0
    if changes.whole or changes.lines_within(hour):
        new_masks, changed = _count(db, hour, changes)
        db.run("log_templates__catalogue", hour=hour)
    figures = db.one("log_templates__report", hour=hour)
    return StepReport(
        rows=figures["lines"],
        metrics={**figures, "new_masks": new_masks, "new_or_changed_templates": changed},
        tables={"new": db.rows("log_templates__new", hour=hour), "most": db.rows("log_templates__most", hour=hour)},
    )


def _count(db: Database, hour: datetime, changes: lineage.Changes) -> tuple[int, int]:
    minutes = changes.lines_within(hour)
    with scratch(db, 1) as (masked,):
        where = {"start": hour, "end": hour + HOUR, "whole": changes.whole, "minutes": minutes}
        db.run("log_templates__mask", stage=masked, **where)
        learned = learn(db, masked)
        writing = replacing_partition if changes.whole else amending_partition
        with writing(db, "log_template_minutes", hour) as stage:
            if not changes.whole:
                db.run("log_templates__forget_minutes", stage=stage, minutes=minutes)
            db.run("log_templates__minutes", stage=stage, masked=masked)
    with replacing_partition(db, "log_template_counts", hour) as stage:
        db.run("log_templates__count", stage=stage, hour=hour)
    return learned


def learn(db: Database, masked: str) -> tuple[int, int]:
    """Give templates to the masks of a staging table that have none.

    Texts beyond the budget of a run (a flood of them) have no template of their own: those of a service are one,
    ``<other>``.

    :param masked: table with MaskHash, Mask, ServiceName and Count.
    :returns: number of new masks; number of templates that are new or whose text became more general.
    """
    unknown = db.rows("log_templates__unknown", stage=masked)
    if not unknown:
        return 0, 0
    known = [
        drain.Template(
            row["TemplateId"], row["Text"], row["Revision"], row["Since"], row["Lines"], frozenset(row["Services"])
        )
        for row in db.rows("log_templates__known")
    ]
    seen: dict[int, list[str]] = defaultdict(list)
    for row in db.rows("log_templates__seen", each=SEEN_EACH, all=SEEN):
        seen[row["TemplateId"]].append(row["Mask"])
    masks = {row["MaskHash"]: row["Mask"] for row in unknown}
    merged = drain.learn(known, [drain.Mask(number, text) for number, text in masks.items()], seen)
    found, templates = _within_budget(db, merged, [template.id for template in known], unknown)
    # Texts before masks: killed in between, the next run finds the same templates again.
    db.insert(
        "log_template_texts",
        [[template.id, template.text, template.revision, MASK_VERSION] for template in templates],
        ["TemplateId", "Text", "Revision", "MaskVersion"],
    )
    db.insert(
        "log_template_masks",
        [
            [number, template, masks[number] if number in merged.found else "", MASK_VERSION]
            for number, template in found.items()
        ],
        ["MaskHash", "TemplateId", "Mask", "MaskVersion"],
    )
    if merged.absorbed:
        absorbed = sorted(merged.absorbed)
        db.run("log_templates__absorb", absorbed=absorbed, into=[merged.absorbed[number] for number in absorbed])
    return len(masks), len(templates)


def _within_budget(
    db: Database, merged: drain.Merged, known: Sequence[int], unknown: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, int], list[drain.Template]]:
    """What was found, with the rarest templates beyond the hour's budget, and texts beyond the run's, as their
    service's "other".
    """
    room = max(0, NEW_TEMPLATES - db.one("log_templates__recent")["Templates"])
    names = set(known)
    # The most frequent masks come first, and so do their templates.
    order = list(
        dict.fromkeys(
            t for t in (merged.found.get(row["MaskHash"]) for row in unknown) if t is not None and t not in names
        )
    )
    dropped = set(order[room:])
    found: dict[int, int] = {}
    others: set[int] = set()
    for row in unknown:
        template = merged.found.get(row["MaskHash"])
        if template is None or template in dropped:
            template = row["Other"]
            others.add(template)
        found[row["MaskHash"]] = template
    kept = [template for template in merged.templates if template.id not in dropped]
    return found, kept + [drain.Template(number, drain.OTHER) for number in sorted(others)]
